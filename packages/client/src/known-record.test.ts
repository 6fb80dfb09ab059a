import assert from 'node:assert/strict';
import { test } from 'node:test';
import { observe, transitMs } from './known-record.ts';
import type { Observation } from './known-record.ts';
import { claim, fixture } from './test-support/fixture.ts';

function observation(renewal: number, ageMs: number, receivedAtMs: number): Observation {
  const record = claim(7, { renewal });
  const sealed = { record, bytes: new Uint8Array(), keyId: '', signature: new Uint8Array() };
  const endpoint = 'a:1' as Observation['source']['endpoint'];
  const source = { endpoint, nodeId: record.issuer, via: 'lookup' } as const;
  return { carried: { sealed, ageMs, hops: 1 }, receivedAtMs, transitMs: 2, source };
}

test('P4: an answer that took longer than usual may be as old as all of the delay', () => {
  assert.equal(transitMs(10, 0), 5, 'nothing to compare with: half');
  assert.equal(transitMs(10, 10), 5, 'as usual: half');
  assert.equal(transitMs(4, 10), 2, 'faster than usual: half');
  assert.equal(transitMs(900, 10), 895, 'a pause of 890 ms, which may have come after the answer');
});

test('P4: the same record told again never gets younger', () => {
  const first = observe(undefined, observation(3, 100, 1_000));
  assert.equal(first.known.ageAtApplyMs, 102);
  const again = observe(first.known, observation(3, 10, 1_500));
  assert.equal(again.verdict, 'same');
  assert.equal(again.known.ageAtApplyMs, 102);
  assert.equal(again.known.appliedAtMs, 1_000);
  assert.equal(again.known.checkedAtMs, 1_500);
  const older = observe(again.known, observation(2, 0, 1_600));
  assert.equal(older.verdict, 'same', 'a renewal that is behind is no change that is behind');
  assert.equal(older.known.sealed.record.version.renewal, 3);
});

test('P4: a client that was paused does not take what it reads then for fresh', async () => {
  await using f = fixture({ seeds: ['a:1'], cacheMs: 0, attemptTimeoutMs: 10_000 });
  const node = f.network.at('a:1');
  node.hold(claim(7));
  node.latencyMs = 2;
  const quick = f.client.getLeader();
  await f.clock.advance(2);
  await quick;
  // The answer is fresh when it is given, and is read 2.9 s later.
  node.latencyMs = 2_900;
  node.lie = (honest) => ({ ...honest, carried: observation(1, 0, 0).carried });
  const slow = f.client.getLeader({ timeoutMs: 5_000 });
  await f.clock.advance(2_900);
  const leader = await slow;
  assert.equal(leader.version.renewal, 1);
  assert.ok(leader.validForMs <= 102, String(leader.validForMs));
});
