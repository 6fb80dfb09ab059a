/** How long frames take: what each kind of network promises. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { seededRandom } from '@herald/core';

import { lan, uniformLatency, wan } from './latency.ts';
import type { Latency } from './latency.ts';
import { quantile } from './measures/spread.ts';

function streams(latency: Latency): number[] {
  const random = seededRandom(1);
  return Array.from({ length: 20_000 }, () => latency.streamMs(random)).sort((a, b) => a - b);
}

function frames(latency: Latency, streamMs: number): number[] {
  const random = seededRandom(2);
  return Array.from({ length: 20_000 }, () => latency.frameMs(streamMs, random)).sort(
    (a, b) => a - b,
  );
}

describe('latency', () => {
  it('in one data centre is 0.1 to 1 ms, and a fifth more for a frame at most', () => {
    const drawn = streams(lan);
    assert.ok((drawn[0] ?? 0) >= 0.1 && (drawn.at(-1) ?? 2) <= 1);
    const taken = frames(lan, 0.5);
    assert.ok((taken[0] ?? 0) >= 0.5 && (taken.at(-1) ?? 1) <= 0.6);
  });

  it('in a wide area has a heavy tail, over streams and over frames', () => {
    const drawn = streams(wan);
    assert.ok(Math.abs(quantile(drawn, 0.5) - 20) < 1, 'its median');
    assert.ok(quantile(drawn, 0.95) > 60, 'its tail');
    assert.ok((drawn[0] ?? 0) >= 1 && (drawn.at(-1) ?? 301) <= 300, 'its ends');
    const taken = frames(wan, 20);
    assert.ok((taken[0] ?? 0) >= 20);
    assert.ok(quantile(taken, 0.5) < 22, 'most frames queue for a millisecond or so');
    const resent = taken.filter((ms) => ms >= 220).length;
    assert.ok(resent > 10 && resent < 40, `${resent} of 20 000 were sent again`);
  });

  it('can be even', () => {
    assert.deepEqual(new Set(streams(uniformLatency(5, 5))), new Set([5]));
    assert.deepEqual(new Set(frames(uniformLatency(5, 5), 5)), new Set([5]));
  });
});
