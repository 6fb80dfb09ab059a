/** Garbled frames: what the codec refuses is refused, and no record comes through that nobody sealed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { seededRandom } from '@herald/core';
import type { Frame, PushFrame } from '@herald/core';

import { corruptor } from './corruption.ts';
import { simulatedRecord } from './records.ts';

const sealed = simulatedRecord(7);
const push: PushFrame = { kind: 'push', mode: 'eager', sealed, ageMs: 5, hops: 2 };

function isSealed(bytes: Uint8Array): boolean {
  return Buffer.compare(bytes, sealed.bytes) === 0;
}

describe('corruption', () => {
  it('leaves alone all but the share that it was given', () => {
    const corrupt = corruptor(0.1, seededRandom(1), isSealed);
    const frame: Frame = { kind: 'prune' };
    let same = 0;
    for (let sent = 0; sent < 10_000; sent++) if (corrupt(frame) === frame) same++;
    assert.ok(same > 8900 && same < 9100, `${same} of 10 000`);
  });

  it('garbles a push into nothing valid, something ignored, or another frame around the sealed record', () => {
    const corrupt = corruptor(1, seededRandom(2), isSealed);
    const seen = { garbled: 0, ignored: 0, changed: 0 };
    for (let sent = 0; sent < 5000; sent++) {
      const received = corrupt(push);
      if (received === 'garbled' || received === 'ignored') {
        seen[received]++;
        continue;
      }
      seen.changed++;
      if (received.kind === 'push') assert.ok(isSealed(received.sealed.bytes));
    }
    assert.ok(seen.garbled > 2000 && seen.ignored > 0 && seen.changed > 0, JSON.stringify(seen));
  });
});
