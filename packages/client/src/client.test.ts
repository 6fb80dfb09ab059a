import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claim, type election, failureOf, fixture, vacancy } from './test-support/fixture.ts';

function lookups(questions: readonly { readonly what: string }[]): number {
  return questions.filter(({ what }) => what === 'lookup').length;
}

test('P4: a result says who leads, how old that is, and for how long it can still be true', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1').hold(claim(7), 100, 3);
  f.network.at('a:1').latencyMs = 10;
  const call = f.client.getLeader();
  await f.clock.advance(10);
  const leader = await call;
  assert.equal(leader.leaderId, 'l7');
  assert.equal(leader.address, 'leader-7:80');
  assert.deepEqual(leader.metadata, { zone: 'a' });
  assert.equal(leader.epoch, 7n);
  assert.equal(leader.hops, 3);
  assert.equal(leader.status, 'current');
  assert.equal(leader.cached, false);
  // 100 ms when the node applied it, 10 ms in the node until the answer, half the round trip.
  assert.equal(leader.ageMs, 115);
  assert.equal(leader.validForMs, 2_885);
  assert.deepEqual(
    leader.attempts.map(({ endpoint, outcome, durationMs }) => [endpoint, outcome, durationMs]),
    [['a:1', 'current', 10]],
  );

  await f.clock.advance(40);
  const again = await f.client.getLeader();
  assert.equal(again.cached, true);
  assert.equal(again.ageMs, 155);
  assert.equal(again.validForMs, 2_845);
});

test('an answer is reused for cacheMs, and not longer', async () => {
  await using f = fixture({ cacheMs: 500 });
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).hold(claim(7), 0);
  await f.client.getLeader();
  await f.clock.advance(499);
  assert.equal((await f.client.getLeader()).cached, true);
  assert.equal(lookups(f.network.questions), 1);
  await f.clock.advance(1);
  assert.equal((await f.client.getLeader()).cached, false);
  assert.equal(lookups(f.network.questions), 2);
});

test('cacheMs 0 asks each time', async () => {
  await using f = fixture({ cacheMs: 0 });
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).hold(claim(7), 0);
  await f.client.getLeader();
  await f.client.getLeader();
  assert.equal(lookups(f.network.questions), 2);
});

test('an expired record is not served from the cache', async () => {
  await using f = fixture({ seeds: ['a:1'], cacheMs: 10_000 });
  f.network.at('a:1').hold(claim(7, { validityMs: 1_000 }));
  await f.client.getLeader();
  await f.clock.advance(999);
  assert.equal((await f.client.getLeader()).cached, true);
  await f.clock.advance(2);
  f.network.at('a:1').hold(claim(7, { renewal: 1 }));
  const leader = await f.client.getLeader();
  assert.equal(leader.cached, false);
  assert.equal(leader.version.renewal, 1);
});

test('one lookup answers 1000 concurrent calls', async () => {
  await using f = fixture();
  for (const seed of ['a:1', 'b:1', 'c:1']) {
    f.network.at(seed).hold(claim(7));
    f.network.at(seed).latencyMs = 5;
  }
  const calls = Array.from({ length: 1_000 }, () => f.client.getLeader());
  await f.clock.advance(5);
  const leaders = await Promise.all(calls);
  assert.ok(leaders.every(({ epoch }) => epoch === 7n));
  assert.equal(lookups(f.network.questions), 1);
});

test('during a failover 1000 waiting calls cause one lookup per back-off step', async () => {
  await using f = fixture();
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).hold(vacancy(7));
  const calls = Array.from({ length: 1_000 }, () => f.client.getLeader());
  await f.clock.advance(3_000);
  const asked = lookups(f.network.questions);
  // Full jitter up to 500 ms: some 12 on average in 3 s, and a few short ones at the start.
  assert.ok(asked >= 5 && asked <= 40, `${String(asked)} lookups`);
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).hold(claim(9));
  await f.clock.advance(501);
  const leaders = await Promise.all(calls);
  assert.ok(leaders.every(({ epoch, retries }) => epoch === 9n && retries <= 40));
});

test('calls that arrive during a back-off wait for it', async () => {
  await using f = fixture({ seeds: ['a:1'], backoffBaseMs: 400, backoffCapMs: 400 });
  f.network.at('a:1').hold(vacancy(7));
  const calls = [failureOf(f.client.getLeader({ timeoutMs: 1_000 }))];
  await f.clock.advance(1);
  const before = lookups(f.network.questions);
  for (let index = 0; index < 50; index++) {
    calls.push(failureOf(f.client.getLeader({ timeoutMs: 1 })));
    await f.clock.advance(1);
  }
  assert.ok(lookups(f.network.questions) - before <= 2);
  await f.clock.advance(1_000);
  for (const error of await Promise.all(calls)) {
    assert.equal(error.code, 'NO_LEADER');
    assert.equal(error.attempts[0]?.outcome, 'vacant', 'what it waits for is in its attempts');
  }
});

test('each call has its own deadline and signal, and none ends the lookup of the others', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1').hold(claim(7));
  f.network.at('a:1').latencyMs = 100;
  const controller = new AbortController();
  const reason = new Error('no longer needed');
  const aborted = failureOf(f.client.getLeader({ signal: controller.signal }));
  const hasty = failureOf(f.client.getLeader({ timeoutMs: 20 }));
  const patient = f.client.getLeader();
  await f.clock.advance(10);
  controller.abort(reason);
  assert.equal((await aborted).code, 'ABORTED');
  assert.equal((await aborted).cause, reason);
  await f.clock.advance(10);
  const late = await hasty;
  assert.equal(late.code, 'DEADLINE_EXCEEDED');
  assert.deepEqual(
    late.attempts.map(({ endpoint, outcome, durationMs }) => [endpoint, outcome, durationMs]),
    [['a:1', 'pending', 20]],
  );
  await f.clock.advance(100);
  assert.equal((await patient).epoch, 7n);
  assert.equal(lookups(f.network.questions), 1);
});

test('a signal that is aborted already ends the call, also when the answer is cached', async () => {
  await using f = fixture();
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).hold(claim(7));
  await f.client.getLeader();
  const error = await failureOf(f.client.getLeader({ signal: AbortSignal.abort() }));
  assert.equal(error.code, 'ABORTED');
});

test('minEpoch waits for a newer leader, and asks nodes for it', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1').hold(claim(7));
  await f.client.getLeader();
  const call = f.client.getLeader({ minEpoch: 9n });
  await f.clock.advance(200);
  assert.equal(f.network.questions.findLast(({ what }) => what === 'lookup')?.version?.epoch, 9n);
  f.network.at('a:1').hold(claim(9));
  await f.clock.advance(501);
  assert.equal((await call).epoch, 9n);

  const never = failureOf(f.client.getLeader({ minEpoch: 100n, timeoutMs: 300 }));
  await f.clock.advance(300);
  assert.equal((await never).code, 'NO_LEADER');
  assert.match((await never).message, /epoch 100 or newer.*the newest is epoch 9/);
});

test('maxAgeMs takes nothing older', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1').hold(claim(7), 800);
  assert.equal((await f.client.getLeader({ maxAgeMs: 900 })).ageMs, 800);
  const call = f.client.getLeader({ maxAgeMs: 500 });
  await f.clock.advance(100);
  f.network.at('a:1').hold(claim(7, { renewal: 1 }), 20);
  await f.clock.advance(501);
  assert.ok((await call).ageMs <= 521 + 20);
  assert.equal((await call).version.renewal, 1);

  f.network.at('a:1').hold(claim(7, { renewal: 2 }), 1_000);
  const never = failureOf(f.client.getLeader({ maxAgeMs: 0, timeoutMs: 200 }));
  await f.clock.advance(200);
  assert.equal((await never).code, 'EXPIRED');
  assert.match((await never).message, /the call allows 0 ms/);
});

test('allowExpired returns the best address known, and says so', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1').hold(claim(7), 5_000);
  const stale = await f.client.getLeader({ allowExpired: true });
  assert.equal(stale.status, 'expired');
  assert.equal(stale.validForMs, 0);
  const strict = failureOf(f.client.getLeader({ timeoutMs: 100 }));
  await f.clock.advance(100);
  assert.equal((await strict).code, 'EXPIRED');
});

test('P5: nobody leads: NO_LEADER at the deadline, not before, with the attempts', async () => {
  await using f = fixture();
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).hold(vacancy(7));
  let isSettled = false;
  const call = failureOf(f.client.getLeader({ timeoutMs: 1_000 }));
  void call.then(() => {
    isSettled = true;
  });
  await f.clock.advance(999);
  assert.equal(isSettled, false);
  await f.clock.advance(1);
  const error = await call;
  assert.equal(error.code, 'NO_LEADER');
  assert.ok(error.attempts.length > 2);
  assert.ok(error.attempts.every(({ outcome }) => outcome === 'vacant'));
  assert.ok(
    new Set(error.attempts.map(({ endpoint }) => endpoint)).size > 1,
    'another node each time',
  );
});

test('an election that no node has heard of: NO_LEADER that says so', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1');
  const error = failureOf(f.client.getLeader({ timeoutMs: 200 }));
  await f.clock.advance(200);
  assert.equal((await error).code, 'NO_LEADER');
  assert.match((await error).message, /has heard of election payments: check the name/);
});

test('no node reachable: UNREACHABLE that names those asked', async () => {
  await using f = fixture();
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).behaviour = 'refuses';
  const error = failureOf(f.client.getLeader({ timeoutMs: 200 }));
  await f.clock.advance(200);
  assert.equal((await error).code, 'UNREACHABLE');
  assert.match((await error).message, /asked .*a:1.*connection to .* refused/);
});

test('only servers that are no Herald nodes: REJECTED', async () => {
  await using f = fixture();
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).behaviour = 'rejects';
  const error = failureOf(f.client.getLeader({ timeoutMs: 200 }));
  await f.clock.advance(200);
  assert.equal((await error).code, 'REJECTED');
});

test('a record within its validity is served while nodes are in trouble', async () => {
  await using f = fixture({ cacheMs: 100 });
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).hold(claim(7));
  await f.client.getLeader();
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).behaviour = 'refuses';
  await f.clock.advance(200);
  const leader = await f.client.getLeader();
  assert.equal(leader.epoch, 7n);
  assert.ok(leader.attempts.every(({ outcome }) => outcome === 'unreachable'));
  // During the back-off that follows nobody is asked, and nobody has to wait.
  const asked = lookups(f.network.questions);
  assert.equal((await f.client.getLeader()).epoch, 7n);
  assert.equal(lookups(f.network.questions), asked);
  await f.clock.advance(3_000);
  const error = failureOf(f.client.getLeader({ timeoutMs: 100 }));
  await f.clock.advance(100);
  assert.equal((await error).code, 'UNREACHABLE');
});

test('a node that speaks of another election is not believed', async () => {
  await using f = fixture({ seeds: ['a:1', 'b:1'] });
  const other = { ...claim(50), election: 'billing' as typeof election };
  f.network.at('a:1').lie = (honest) => ({
    ...honest,
    status: 'current',
    carried: {
      sealed: { record: other, bytes: new Uint8Array(), keyId: '', signature: new Uint8Array() },
      ageMs: 0,
      hops: 0,
    },
  });
  f.network.at('b:1').hold(claim(7));
  for (let index = 0; index < 10; index++) {
    const leader = await f.client.getLeader({ maxAgeMs: 3_000 });
    assert.equal(leader.epoch, 7n);
    await f.clock.advance(100);
  }
});

test('bad options are refused with the name of the option', async () => {
  assert.throws(() => fixture({ seeds: [] }), { code: 'INVALID_ARGUMENT', message: /^seeds: / });
  assert.throws(() => fixture({ seeds: ['nonsense'] }), {
    code: 'INVALID_ARGUMENT',
    message: /^seeds\[0\]: must be host:port/,
  });
  assert.throws(() => fixture({ election: 'no spaces' }), {
    code: 'INVALID_ARGUMENT',
    message: /^election: must start with/,
  });
  assert.throws(() => fixture({ cacheMs: NaN }), {
    code: 'INVALID_ARGUMENT',
    message: /^cacheMs: /,
  });
  await using f = fixture();
  for (const options of [{ timeoutMs: 0 }, { maxAgeMs: NaN }, { minEpoch: -1n }]) {
    const error = await failureOf(f.client.getLeader(options));
    assert.equal(error.code, 'INVALID_ARGUMENT');
    assert.match(error.message, new RegExp(`^${String(Object.keys(options)[0])}: `));
  }
});

test('close ends every call with CLOSED and leaves no timer', async () => {
  const f = fixture({ seeds: ['a:1', 'b:1'] });
  f.network.at('a:1').behaviour = 'hangs';
  f.network.at('b:1').behaviour = 'hangs';
  const calls = [failureOf(f.client.getLeader()), failureOf(f.client.getLeader({ verify: true }))];
  const watch = f.client.watchLeader();
  const next = watch.next();
  await f.clock.advance(20);
  await f.client.close();
  for (const error of await Promise.all(calls)) assert.equal(error.code, 'CLOSED');
  assert.equal((await next).done, true);
  assert.equal(f.clock.pendingTimers, 0);
  assert.equal((await failureOf(f.client.getLeader())).code, 'CLOSED');
  assert.equal((await f.client.watchLeader().next()).done, true);
  await f.client.close();
});

test('leader is what is known now, without asking', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  const statusNow = (): unknown => f.client.leader?.status;
  assert.equal(statusNow(), undefined);
  f.network.at('a:1').hold(claim(7));
  await f.client.getLeader();
  assert.equal(statusNow(), 'current');
  await f.clock.advance(3_000);
  assert.equal(statusNow(), 'expired');
  assert.equal(lookups(f.network.questions), 1);
});

test('the client outlives its seeds: it learns members and asks those', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1').members = ['x:1', 'y:1'].map((address) => f.network.at(address).address);
  for (const address of ['a:1', 'x:1', 'y:1']) f.network.at(address).hold(claim(7));
  await f.client.getLeader();
  await f.clock.advance(1);
  assert.deepEqual(
    f.client.stats().endpoints.map(({ address }) => address),
    ['a:1', 'x:1', 'y:1'],
  );
  f.network.at('a:1').behaviour = 'refuses';
  await f.clock.advance(1_500);
  const leader = await f.client.getLeader();
  assert.equal(leader.cached, false);
  assert.deepEqual(
    leader.attempts.map(({ outcome }) => outcome),
    ['unreachable', 'current'],
  );
});

test('listMembers asks the next node when one does not answer', async () => {
  await using f = fixture({ seeds: ['a:1', 'b:1'] });
  f.network.at('a:1').behaviour = 'refuses';
  const list = await f.client.listMembers();
  assert.deepEqual(
    list.members.map(({ contact }) => contact.address),
    ['b:1'],
  );
  f.network.at('b:1').behaviour = 'refuses';
  const error = await failureOf(f.client.listMembers());
  assert.equal(error.code, 'UNREACHABLE');
});

test('listMembers waits for a slow node as long as it may, when there is nobody else to ask', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1').latencyMs = 3_000;
  const list = f.client.listMembers({ timeoutMs: 10_000 });
  await f.clock.advance(3_000);
  assert.equal((await list).members.length, 1);
  const error = failureOf(f.client.listMembers({ timeoutMs: 2_000 }));
  await f.clock.advance(2_000);
  assert.equal((await error).code, 'DEADLINE_EXCEEDED');
});

test('a call that waits is told of the successor by a watch, at once', async () => {
  await using f = fixture({ backoffBaseMs: 400, backoffCapMs: 400 });
  const seeds = ['a:1', 'b:1', 'c:1'];
  for (const seed of seeds) f.network.at(seed).hold(vacancy(7));
  const call = f.client.getLeader({ timeoutMs: 10_000 });
  const hasty = failureOf(f.client.getLeader({ timeoutMs: 90 }));
  await f.clock.advance(90);
  assert.equal((await hasty).code, 'NO_LEADER');
  assert.equal(f.client.stats().watches, 0, 'who has not waited long opens none');
  await f.clock.advance(2_060);
  assert.ok(f.client.stats().watches >= 1);
  for (const seed of seeds) f.network.at(seed).hold(claim(9));
  await f.clock.advance(20);
  const leader = await call;
  assert.equal(leader.epoch, 9n);
  await f.clock.advance(1);
  assert.equal(f.clock.pendingTimers, 0, 'nobody waits, so nothing is followed');
});

test('a call that follows one that was told asks again, and says what it was answered', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  for (let index = 0; index < 20; index++) {
    const error = failureOf(f.client.getLeader({ timeoutMs: 300 }));
    await f.clock.advance(300);
    assert.equal((await error).code, 'NO_LEADER');
  }
  f.network.at('a:1').hold(claim(7), 5_000);
  const expired = failureOf(f.client.getLeader({ timeoutMs: 600 }));
  await f.clock.advance(600);
  assert.equal((await expired).code, 'EXPIRED');
  assert.ok((await expired).attempts.some(({ outcome }) => outcome === 'expired'));
});

test('when who told falls silent, others are asked within the longest back-off', async () => {
  await using f = fixture({ backoffCapMs: 100, backoffBaseMs: 20 });
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).hold(vacancy(7));
  const call = f.client.getLeader({ timeoutMs: 10_000 });
  await f.clock.advance(300);
  assert.equal(f.client.stats().watches, 1);
  // No watch can be opened any longer, and nothing is told: only questions can find the successor.
  for (const seed of ['a:1', 'b:1', 'c:1']) {
    f.network.at(seed).dropWatches();
    f.network.at(seed).hold(claim(9));
  }
  await f.clock.advance(200);
  assert.equal((await call).epoch, 9n);
});
