/** P7: garbled frames: what the codec refuses is refused, and a garbled record bears no signature. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { seededRandom } from '@herald/core';
import type { Frame, PushFrame } from '@herald/core';

import { corruptor } from './corruption.ts';
import { simulatedRecord } from './records.ts';
import { simulatedTrust } from './signing.ts';

const sealed = simulatedRecord(7);
const push: PushFrame = { kind: 'push', mode: 'eager', sealed, ageMs: 5, hops: 2 };

describe('corruption', () => {
  it('leaves alone all but the share that it was given', () => {
    const corrupt = corruptor(0.1, seededRandom(1));
    const frame: Frame = { kind: 'prune' };
    let same = 0;
    for (let sent = 0; sent < 10_000; sent++) if (corrupt(frame) === frame) same++;
    assert.ok(same > 8900 && same < 9100, `${same} of 10 000`);
  });

  it('garbles a push into nothing valid, something ignored, or a frame whose record is the sealed one or bears no signature', () => {
    const corrupt = corruptor(1, seededRandom(2));
    const seen = { garbled: 0, ignored: 0, changed: 0, refused: 0 };
    for (let sent = 0; sent < 5000; sent++) {
      const received = corrupt(push);
      if (received === 'garbled' || received === 'ignored') {
        seen[received]++;
        continue;
      }
      seen.changed++;
      if (received.kind !== 'push') continue;
      if (simulatedTrust.objectionTo(received.sealed) !== undefined) seen.refused++;
      else assert.deepEqual(received.sealed, sealed);
    }
    assert.ok(
      Object.values(seen).every((count) => count > 0),
      JSON.stringify(seen),
    );
  });
});
