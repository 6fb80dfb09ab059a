import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@herald/core';
import fc from 'fast-check';
import { Backoff, pause, untilAborted } from './wait.ts';

test('delays are spread from 0 to a bound that doubles up to its maximum', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 100 }), (seed, failures) => {
      const backoff = new Backoff({ firstDelayMsMax: 50, delayMsMax: 2_000 }, seededRandom(seed));
      for (let failure = 0; failure < failures; failure++) {
        const delayMs = backoff.nextDelayMs();
        assert.ok(delayMs >= 0 && delayMs < Math.min(2_000, 50 * 2 ** failure));
      }
      backoff.reset();
      assert.ok(backoff.nextDelayMs() < 50);
    }),
  );
});

test('a pause ends when its signal aborts, and leaves no listener', async () => {
  const stop = new AbortController();
  const paused = pause(60_000, stop.signal);
  stop.abort();
  await paused;
  await pause(60_000, stop.signal);
});

test('a promise is waited for until the signal aborts', async () => {
  const stop = new AbortController();
  assert.equal(await untilAborted(Promise.resolve(5), stop.signal), 5);
  await assert.rejects(untilAborted(Promise.reject(new Error('x')), stop.signal), /x/);
  const never = untilAborted(new Promise<number>(() => {}), stop.signal);
  stop.abort();
  assert.equal(await never, undefined);
});
