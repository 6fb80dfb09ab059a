/** What one address may ask of a member, and that it costs no other address anything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '@herald/core';
import type { LinkId } from '@herald/core';
import type { IncomingFrame } from '@herald/wire';
import fc from 'fast-check';
import { hostOf, PeerGate, peerLimits } from './peer-gate.ts';
import type { FrameStream } from './link-stream.ts';
import { startMember, until } from './testing.ts';
import { TokenBucket } from './token-bucket.ts';

test('a token bucket lets no more through than its burst and its rate, whenever it is asked', () => {
  const waits = fc.array(fc.double({ min: 0, max: 400, noNaN: true }), { maxLength: 200 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 20 }),
      waits,
      (perSecond, burst, all) => {
        const bucket = new TokenBucket({ perSecond, burst }, 0);
        let nowMs = 0;
        let taken = 0;
        for (const waitMs of all) {
          nowMs += waitMs;
          if (bucket.take(nowMs)) taken++;
          assert.ok(taken <= burst + (nowMs * perSecond) / 1_000 + 1e-6);
        }
      },
    ),
  );
});

test('a token bucket fills again, and a clock that steps back takes nothing away', () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 2 }, 1_000);
  assert.deepEqual(
    [bucket.take(1_000), bucket.take(1_000), bucket.take(1_000)],
    [true, true, false],
  );
  assert.equal(bucket.take(0), false);
  assert.equal(bucket.take(1_100), true);
  assert.deepEqual(
    [bucket.take(9_000), bucket.take(9_000), bucket.take(9_000)],
    [true, true, false],
  );
});

test('an address that opens links for ever is refused, others are not', () => {
  const gate = new PeerGate();
  const { burst, perSecond } = peerLimits.linksOpened;
  for (let count = 0; count < burst; count++) assert.equal(gate.judge('a', 0), 'welcome');
  assert.equal(gate.judge('a', 0), 'too-often');
  assert.equal(gate.judge('b', 0), 'welcome');
  assert.equal(gate.judge('a', 1_000 / perSecond), 'welcome');
});

test('links that do not greet take their share of the room, and give it back when they are gone', () => {
  const gate = new PeerGate();
  for (let id = 0; id < peerLimits.greetingsMax; id++) gate.enter(id as LinkId, 'a');
  assert.equal(gate.judge('a', 0), 'too-many-greetings');
  assert.equal(gate.judge('b', 0), 'welcome');
  gate.leave(0 as LinkId);
  gate.leave(0 as LinkId);
  gate.leave(99_999 as LinkId);
  assert.equal(gate.judge('a', 0), 'welcome');
  gate.enter(0 as LinkId, 'a');
  assert.equal(gate.judge('a', 0), 'too-many-greetings');
});

test('what is remembered of addresses is bounded', () => {
  const gate = new PeerGate();
  const { burst } = peerLimits.linksOpened;
  for (let count = 0; count <= burst; count++) gate.judge('a', 0);
  assert.equal(gate.judge('a', 0), 'too-often');
  for (let index = 0; index < peerLimits.addressesMax; index++) gate.judge(`10.0.0.${index}`, 0);
  assert.equal(gate.judge('a', 0), 'welcome', 'it was forgotten for those that came since');
});

test('the host is what stands before the port', () => {
  assert.deepEqual(
    ['10.0.0.1:4711', '[::1]:4711', '::ffff:10.0.0.1:4711', 'unknown', ''].map(hostOf),
    ['10.0.0.1', '::1', '::ffff:10.0.0.1', 'unknown', ''],
  );
});

/** A stream that somebody opened, whose frames the test decides. */
function openedStream() {
  const heard: { frame?: (frame: IncomingFrame) => void; aborted: string[] } = { aborted: [] };
  const stream: FrameStream = {
    write: () => true,
    end: () => undefined,
    abort: (reason = '') => heard.aborted.push(reason),
    onFrame: (listener) => {
      heard.frame = listener;
    },
    onDrain: () => undefined,
    onEnd: () => undefined,
  };
  return { stream, heard };
}

test('a link that floods is closed, with the reason, and counted', async () => {
  const member = await startMember('flooded');
  const { stream, heard } = openedStream();
  member.accept(stream, '10.0.0.1');
  for (let count = 0; heard.aborted.length === 0 && count < 1_000_000; count++) {
    heard.frame?.({ kind: 'unknown' });
  }
  assert.deepEqual(heard.aborted, ['too many frames']);
  assert.equal(member.stats().peersLimited, 1);
  await member.close();
});

test('links of one address that do not greet leave room for the links of others', async () => {
  const member = await startMember('crowded');
  const refused: string[] = [];
  for (let count = 0; count < limits.greetingLinksMax + 50; count++) {
    const { stream, heard } = openedStream();
    member.accept(stream, '10.0.0.1');
    refused.push(...heard.aborted);
  }
  assert.equal(refused.length, limits.greetingLinksMax + 50 - peerLimits.greetingsMax);
  assert.equal(refused[0], '10.0.0.1 opens too many links: too-many-greetings');
  const other = await startMember('other', { seeds: [member.address] });
  await until('the other is linked', () => other.links().length === 1);
  await Promise.all([member.close(), other.close()]);
});
