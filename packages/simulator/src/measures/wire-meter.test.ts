/** What a frame costs is what the codec makes of it, and its framing; and only while it is asked for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseAddress, parseNodeId } from '@herald/core';
import type { Engine, Frame } from '@herald/core';
import { encodeFrame } from '@herald/wire';

import type { SimulatedMember } from '../observer.ts';
import { simulatedRecord } from '../records.ts';
import { WireMeter, framingBytes } from './wire-meter.ts';

const nodeId = parseNodeId('node-1');
const member: SimulatedMember = {
  index: 1,
  contact: { nodeId, generation: 1, address: parseAddress('node-1:7400'), role: 'node' },
  engine: {} as unknown as Engine, // is not asked
  alive: true,
  pausedUntilMs: 0,
  disturbedAtMs: 0,
};
const push: Frame = {
  kind: 'push',
  mode: 'eager',
  sealed: simulatedRecord(1),
  ageMs: 0,
  hops: 0,
};

describe('the wire meter', () => {
  it('counts frames and bytes by kind, between start and stop', () => {
    const meter = new WireMeter();
    meter.sent(member, push);
    meter.start();
    meter.sent(member, push);
    meter.sent(member, push);
    meter.sent(member, { kind: 'prune' });
    const { frames, bytes } = meter.stop();
    meter.sent(member, push);
    const pushBytes = encodeFrame(push).byteLength + framingBytes;
    const pruneBytes = encodeFrame({ kind: 'prune' }).byteLength + framingBytes;
    assert.deepEqual([frames, bytes], [3, 2 * pushBytes + pruneBytes]);
    assert.deepEqual(
      meter.byKind().map(([kind, traffic]) => [kind, traffic.frames]),
      [
        ['push', 2],
        ['prune', 1],
      ],
    );
    assert.ok(pushBytes > 80 && pushBytes < 200, `a push takes ${pushBytes} bytes`);
  });

  it('starts anew each time', () => {
    const meter = new WireMeter();
    meter.start();
    meter.sent(member, push);
    meter.start();
    assert.deepEqual(meter.stop(), { frames: 0, bytes: 0 });
  });
});
