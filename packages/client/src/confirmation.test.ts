import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claim, electorOf, failureOf, fixture, vacancy } from './test-support/fixture.ts';
import type { Fixture } from './test-support/fixture.ts';
import { clientLimits } from './tuning.ts';

/** Node `a:1` and the elector of `epoch` hold its claim; the elector leads for `leadsForMs`. */
function lead(f: Fixture, epoch: number, leadsForMs = 2_000): void {
  f.network.at('a:1').hold(claim(epoch));
  f.network.at(electorOf(epoch)).hold(claim(epoch));
  f.network.at(electorOf(epoch)).leadsUntilMs = f.clock.nowMs() + leadsForMs;
}

test('verify asks the elector beside the leader, and the result says so', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  lead(f, 7);
  f.network.at(electorOf(7)).latencyMs = 10;
  const call = f.client.getLeader({ verify: true });
  await f.clock.advance(10);
  const leader = await call;
  assert.equal(leader.verified, true);
  assert.equal(leader.epoch, 7n);
  // What the elector has left, less the round trip that its answer may be old.
  assert.equal(leader.validForMs, 1_980);
  assert.deepEqual(
    leader.attempts.map(({ what, outcome }) => [what, outcome]),
    [
      ['lookup', 'current'],
      ['confirm', 'leading'],
    ],
  );
});

test('verify with a fresh record asks the elector only, and always', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  lead(f, 7);
  await f.client.getLeader();
  const asked = f.network.questions.length;
  const leader = await f.client.getLeader({ verify: true });
  assert.deepEqual(
    leader.attempts.map(({ what }) => what),
    ['confirm'],
  );
  await f.client.getLeader({ verify: true });
  assert.equal(f.network.questions.slice(asked).filter(({ what }) => what === 'confirm').length, 2);
});

test('NOT_LEADER with a newer record is followed forward at once, as a redirect', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  lead(f, 7, 0);
  f.network.at(electorOf(7)).hold(claim(9));
  f.network.at(electorOf(9)).hold(claim(9));
  f.network.at(electorOf(9)).leadsUntilMs = 2_000;
  const leader = await f.client.getLeader({ verify: true });
  assert.equal(leader.epoch, 9n);
  assert.equal(leader.verified, true);
  assert.equal(leader.redirects, 1);
  assert.equal(f.clock.nowMs(), 0);
  assert.equal(f.client.leader?.epoch, 9n, 'what an elector said is known from then on');
});

test('NOT_LEADER with an equal or older hint: back-off, and NOT_LEADER at the deadline', async () => {
  for (const hint of [claim(7), claim(7, { renewal: 5 }), claim(5)]) {
    await using f = fixture({ seeds: ['a:1'] });
    f.network.at('a:1').hold(claim(7));
    f.network.at(electorOf(7)).hold(hint);
    const error = failureOf(f.client.getLeader({ verify: true, timeoutMs: 2_000 }));
    await f.clock.advance(2_000);
    assert.equal((await error).code, 'NOT_LEADER');
    assert.equal((await error).redirects, 0);
    assert.match((await error).message, /elector-7:70 says that it does not lead payments/);
    assert.ok(f.client.stats().confirms < 60, `${String(f.client.stats().confirms)} confirms`);
  }
});

test('NOT_LEADER, and the nodes learn the successor later: the call ends there', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  lead(f, 7, 0);
  const call = f.client.getLeader({ verify: true });
  await f.clock.advance(300);
  lead(f, 9);
  await f.clock.advance(1_100);
  const leader = await call;
  assert.equal(leader.epoch, 9n);
  assert.equal(leader.verified, true);
});

test('the leader is dead: retried through nodes until there is a newer one', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1').hold(claim(7));
  f.network.at(electorOf(7)).behaviour = 'refuses';
  const call = f.client.getLeader({ verify: true });
  await f.clock.advance(500);
  f.network.at('a:1').hold(vacancy(7));
  await f.clock.advance(500);
  lead(f, 9);
  await f.clock.advance(1_100);
  assert.equal((await call).epoch, 9n);
});

test('the elector cannot be reached: UNREACHABLE; it hangs: DEADLINE_EXCEEDED', async () => {
  for (const [behaviour, code] of [
    ['refuses', 'UNREACHABLE'],
    ['hangs', 'DEADLINE_EXCEEDED'],
  ] as const) {
    await using f = fixture({ seeds: ['a:1'] });
    f.network.at('a:1').hold(claim(7));
    f.network.at(electorOf(7)).behaviour = behaviour;
    const error = failureOf(f.client.getLeader({ verify: true, timeoutMs: 1_500 }));
    await f.clock.advance(1_500);
    assert.equal((await error).code, code);
    assert.match((await error).message, /elector-7:70/);
  }
});

test('P5: the elector says that it leads, but too late to be believed: EXPIRED', async () => {
  await using f = fixture({ seeds: ['a:1'], random: () => 0.99 });
  lead(f, 7, 600);
  f.network.at(electorOf(7)).latencyMs = 400;
  const failure = failureOf(f.client.getLeader({ verify: true, timeoutMs: 401 }));
  await f.clock.advance(401);
  const error = await failure;
  assert.equal(error.code, 'EXPIRED');
  assert.equal(error.attempts.at(-1)?.outcome, 'leading');
  assert.match(error.message, /took longer than they could be believed/);
});

test('a leader that is not Herald’s cannot be verified, and the error says why', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1').hold(claim(7, { electorAddress: undefined }));
  const error = await failureOf(f.client.getLeader({ verify: true }));
  assert.equal(error.code, 'REJECTED');
  assert.match(
    error.message,
    /l7 leads payments, but cannot be verified: it is no elector of Herald/,
  );
  assert.equal((await f.client.getLeader()).electorAddress, undefined);
});

test('a record that has expired at the nodes is verified by its elector', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1').hold(claim(7), 10_000);
  f.network.at(electorOf(7)).hold(claim(7, { renewal: 4 }));
  f.network.at(electorOf(7)).leadsUntilMs = 2_000;
  const leader = await f.client.getLeader({ verify: true });
  assert.equal(leader.status, 'current');
  assert.equal(leader.version.renewal, 4);
});

test('P5: electors that point at each other forward are followed five times per call', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1').hold(claim(1));
  for (let epoch = 1; epoch < 100; epoch++) f.network.at(electorOf(epoch)).hold(claim(epoch + 1));
  const error = failureOf(f.client.getLeader({ verify: true, timeoutMs: 2_000 }));
  await f.clock.advance(2_000);
  assert.equal((await error).redirects, clientLimits.redirectsMax);
  assert.equal((await error).code, 'NOT_LEADER');
});

test('P2: a confirmation of what was overtaken meanwhile is no result', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  lead(f, 7);
  f.network.at(electorOf(7)).latencyMs = 100;
  await f.client.getLeader();
  const call = f.client.getLeader({ verify: true });
  await f.clock.advance(50);
  lead(f, 9);
  const newer = f.client.getLeader({ minEpoch: 9n });
  await f.clock.advance(0);
  assert.equal((await newer).epoch, 9n);
  await f.clock.advance(50);
  assert.equal((await call).epoch, 9n);
});

test('a call whose leader is dead is told of the successor by a watch, at once', async () => {
  await using f = fixture({ seeds: ['a:1'], backoffBaseMs: 400, backoffCapMs: 400 });
  f.network.at('a:1').hold(claim(7, { validityMs: 60_000 }));
  f.network.at(electorOf(7)).behaviour = 'refuses';
  const call = f.client.getLeader({ verify: true });
  await f.clock.advance(1_000);
  const asked = f.clock.nowMs();
  lead(f, 9);
  await f.clock.advance(1);
  assert.equal((await call).epoch, 9n);
  assert.ok(f.clock.nowMs() - asked <= 1);
});
