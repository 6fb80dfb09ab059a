/** Seeded randomness: it replays, it is spread evenly, and what is picked is picked once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { jittered, pickOne, pickSome, seededRandom } from './random.ts';

describe('randomness', () => {
  it('replays by its seed, and neighbouring seeds differ', () => {
    const draw = (seed: number): number[] => Array.from({ length: 20 }, seededRandom(seed));
    assert.deepEqual(draw(7), draw(7));
    assert.notDeepEqual(draw(7), draw(8));
  });

  it('is spread evenly over [0, 1)', () => {
    const random = seededRandom(3);
    const buckets = Array.from({ length: 10 }, () => 0);
    for (let n = 0; n < 100_000; n++) {
      const index = Math.floor(random() * 10);
      buckets[index] = (buckets[index] ?? NaN) + 1;
    }
    assert.equal(buckets.length, 10);
    for (const count of buckets) assert.ok(count > 9500 && count < 10_500, `${count}`);
  });

  it('picks different elements, as many as there are, and leaves the list alone', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 20 }), fc.nat({ max: 25 }), (seed, length, count) => {
        const items = Array.from({ length }, (_, n) => n);
        const picked = pickSome(items, count, seededRandom(seed));
        assert.equal(picked.length, Math.min(length, count));
        assert.equal(new Set(picked).size, picked.length);
        assert.ok(picked.every((item) => items.includes(item)));
        assert.ok(items.every((item, n) => item === n));
      }),
    );
    assert.equal(pickOne<number>([], seededRandom(1)), undefined);
    assert.deepEqual(pickSome([1, 2, 3], -1, seededRandom(1)), []);
  });

  it('every element is as likely as the others', () => {
    const random = seededRandom(5);
    const counts = [0, 0, 0, 0, 0];
    for (let n = 0; n < 10_000; n++) {
      for (const item of pickSome([0, 1, 2, 3, 4], 2, random)) {
        counts[item] = (counts[item] ?? NaN) + 1;
      }
    }
    for (const count of counts) assert.ok(count > 3800 && count < 4200, `${count}`);
  });

  it('jitters within the share, both ways', () => {
    assert.equal(
      jittered(100, 0.2, () => 0),
      80,
    );
    assert.equal(
      jittered(100, 0.2, () => 0.5),
      100,
    );
  });
});
