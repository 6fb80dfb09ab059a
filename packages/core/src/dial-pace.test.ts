/** A member that is behind dials less at a time and waits longer; one that is not learns nothing of itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DialPace } from './dial-pace.ts';
import { OwnLag } from './own-lag.ts';
import { defaultTuning } from './tuning.ts';

const { handshakeMs, probeTimeoutMs, sluggishMs } = defaultTuning;
const behindMs = sluggishMs + 1;

/** The pace of a member whose first wake came so late. */
function paceAfter(lateMs: number): DialPace {
  const lag = new OwnLag(defaultTuning, 0);
  lag.handled(0, 0);
  assert.equal(lag.at(true, lateMs), lateMs);
  return new DialPace({ ...defaultTuning, fanout: 4 }, lag);
}

describe('how many links are opened at a time', () => {
  it('is not bounded, whatever fails, while the member is not behind', () => {
    const own = paceAfter(sluggishMs);
    for (let count = 0; count < 10; count++) own.gaveUp(sluggishMs);
    assert.equal(own.width, Infinity);
    assert.equal(own.greetingMs, handshakeMs);
    assert.equal(own.hangingMs, probeTimeoutMs);
  });

  it('halves with each dial in vain while the member is behind, down to one, with doubled patience', () => {
    const own = paceAfter(behindMs);
    own.gaveUp(behindMs);
    assert.equal(own.width, 2);
    assert.equal(own.greetingMs, 2 * handshakeMs);
    assert.equal(own.hangingMs, 2 * probeTimeoutMs);
    for (let count = 0; count < 10; count++) own.gaveUp(behindMs);
    assert.equal(own.width, 1);
    assert.equal(own.greetingMs, 8 * handshakeMs);
  });

  it('comes back with each answer, and is unbounded again at last', () => {
    const own = paceAfter(behindMs);
    own.gaveUp(behindMs);
    own.gaveUp(behindMs);
    const widths = [0, 1, 2].map(() => {
      own.answered();
      return own.width;
    });
    assert.deepEqual(widths, [2, 3, Infinity]);
    assert.equal(own.greetingMs, handshakeMs);
  });

  it('takes silence for its own only for a while after it was late', () => {
    const own = paceAfter(behindMs);
    own.gaveUp(10_000);
    assert.equal(own.width, Infinity);
  });
});
