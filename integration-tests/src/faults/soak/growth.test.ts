/** The soak's rule finds growth, and takes neither noise nor a warm-up for it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '@herald/core';
import { growthOf, isGrowing } from './growth.ts';
import type { Life, Measure } from './growth.ts';

const mib = 1024 * 1024;

/** A reading every 10 s, with live memory as `liveMiB` says. */
function lifeOf(
  readings: number,
  liveMiB: (index: number) => number,
  [delayPerReadingMs, backgroundPerReadingMs]: readonly [number, number] = [0, 0],
): Life {
  return {
    name: 'node-1',
    readings: Array.from({ length: readings }, (_, index) => ({
      atMs: index * 10_000,
      usage: {
        liveBytes: liveMiB(index) * mib,
        rssBytes: 80 * mib,
        resources: 20,
        descriptors: 30,
        loopDelayMs: { p99: 5 + index * delayPerReadingMs, max: 900 },
      },
      backgroundDelayMs: index * backgroundPerReadingMs,
    })),
  };
}

function growing(life: Life): readonly Measure[] {
  return (growthOf(life) ?? []).filter(isGrowing).map(({ measure }) => measure);
}

describe('growth', () => {
  it('is found where memory rises steadily, also beneath noise', () => {
    const random = seededRandom(1);
    assert.deepEqual(growing(lifeOf(60, (index) => 20 + index / 4)), ['live memory, MiB']);
    assert.deepEqual(growing(lifeOf(60, (index) => 20 + index / 4 + random())), [
      'live memory, MiB',
    ]);
  });

  it('is neither noise, nor a warm-up, nor a peak', () => {
    const random = seededRandom(2);
    assert.deepEqual(growing(lifeOf(60, () => 20 + 6 * random())), []);
    assert.deepEqual(growing(lifeOf(60, (index) => Math.min(20 + index, 38))), []);
    assert.deepEqual(growing(lifeOf(60, (index) => (index === 40 ? 60 : 20))), []);
  });

  it('is an event loop that falls behind, but not a machine that has more to do', () => {
    assert.deepEqual(growing(lifeOf(60, () => 20, [5, 0])), ['event-loop delay (p99), ms']);
    assert.deepEqual(growing(lifeOf(60, () => 20, [5, 5])), []);
  });

  it('is not judged in a life that was too short', () => {
    assert.equal(growthOf(lifeOf(6, (index) => 20 + index * 10)), undefined);
  });
});
