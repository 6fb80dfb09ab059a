/** A member's own clock: forwards only, at its own rate, and never a timer before its time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { seededRandom } from '@herald/core';
import fc from 'fast-check';

import { MemberClock } from './member-clock.ts';

const arbitraryClock = fc
  .record({ seed: fc.nat(), skew: fc.constantFrom(0, 0.0001, 0.01) })
  .map(({ seed, skew }) => ({ skew, clock: new MemberClock(skew, seededRandom(seed)) }));
const arbitraryMs = fc.double({ min: 0, max: 1e9, noNaN: true });

describe('a member’s clock', () => {
  it('never runs backwards, whatever it is asked', () => {
    fc.assert(
      fc.property(arbitraryClock, fc.array(arbitraryMs), ({ clock }, times) => {
        let shownMs = -Infinity;
        for (const ms of times) {
          const readMs = clock.readMs(ms);
          assert.ok(readMs >= shownMs);
          shownMs = readMs;
        }
      }),
    );
  });

  it('runs at its own rate, within the skew, from a moment of its own', () => {
    const startings = new Set<number>();
    const rates = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const clock = new MemberClock(0.01, seededRandom(seed));
      const startMs = clock.readMs(0);
      const rate = (clock.readMs(1_000_000) - startMs) / 1_000_000;
      assert.ok(rate >= 0.99 && rate <= 1.01, `rate ${rate}`);
      startings.add(startMs);
      rates.add(rate);
    }
    assert.equal(startings.size, 20);
    assert.equal(rates.size, 20);
  });

  it('says when it will show a reading: at that moment it does, and a millisecond before it does not', () => {
    fc.assert(
      fc.property(arbitraryClock, arbitraryMs, ({ clock }, aheadMs) => {
        const readingMs = clock.readMs(0) + aheadMs + 2;
        const dueMs = clock.virtualMs(readingMs);
        assert.ok(clock.readMs(dueMs - 1) < readingMs);
        assert.ok(clock.readMs(dueMs) >= readingMs);
      }),
    );
  });

  it('never shows what is never to be shown', () => {
    assert.equal(new MemberClock(0, seededRandom(1)).virtualMs(Infinity), Infinity);
  });
});
