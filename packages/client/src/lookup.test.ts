import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claim, failureOf, fixture } from './test-support/fixture.ts';
import { clientLimits } from './tuning.ts';

test('a node that hangs costs one hedge, not the call', async () => {
  await using f = fixture({ seeds: ['a:1', 'b:1'], cacheMs: 0 });
  for (const seed of ['a:1', 'b:1']) f.network.at(seed).hold(claim(7));
  // Until the client prefers a node, so that the test knows which one to hang.
  const { source } = await f.client.getLeader();
  f.network.at(source.endpoint).behaviour = 'hangs';
  const call = f.client.getLeader();
  await f.clock.advance(50);
  const leader = await call;
  assert.equal(leader.epoch, 7n);
  assert.equal(leader.retries, 1);
  assert.deepEqual(
    leader.attempts.map(({ outcome }) => outcome),
    ['current', 'cancelled'],
  );
  assert.equal(f.client.stats().hedges, 1);
  // And it costs that once: from then on the other one is asked.
  for (let index = 0; index < 5; index++) {
    assert.equal((await f.client.getLeader()).retries, 0);
  }
  assert.equal(f.client.stats().hedges, 1);
  assert.equal(f.client.stats().ejections, 1);
});

test('a lookup that hangs everywhere ends at the attempt time-out and is tried again', async () => {
  await using f = fixture({ attemptTimeoutMs: 300 });
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).behaviour = 'hangs';
  const error = failureOf(f.client.getLeader({ timeoutMs: 1_000 }));
  await f.clock.advance(1_000);
  assert.equal((await error).code, 'DEADLINE_EXCEEDED');
  assert.ok((await error).attempts.some(({ outcome }) => outcome === 'timeout'));
  assert.match((await error).message, /no answer came from/);
});

test('when one node cannot be reached the next one is asked at once', async () => {
  await using f = fixture();
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).behaviour = 'refuses';
  f.network.at('c:1').behaviour = 'answers';
  f.network.at('c:1').hold(claim(7));
  const leader = await f.client.getLeader();
  assert.equal(leader.epoch, 7n);
  assert.equal(f.clock.nowMs(), 0);
});

test('a node that is behind: its hint is followed, and counted', async () => {
  await using f = fixture({ seeds: ['a:1'], cacheMs: 0 });
  f.network.at('a:1').hold(claim(9));
  f.network.at('a:1').members = [f.network.at('b:1').address];
  await f.client.getLeader();
  f.network.at('a:1').hold(claim(7));
  f.network.at('a:1').ask = [f.network.at('b:1').address];
  f.network.at('b:1').hold(claim(11));
  const leader = await f.client.getLeader();
  assert.equal(leader.epoch, 11n);
  assert.equal(leader.redirects, 1);
  assert.equal(leader.retries, 0);
  assert.deepEqual(
    leader.attempts.map(({ endpoint, outcome }) => [endpoint, outcome]),
    [
      ['a:1', 'behind'],
      ['b:1', 'current'],
    ],
  );
});

test('P5: two nodes that redirect to each other: a leader in time, without a loop', async () => {
  await using f = fixture({ seeds: ['a:1', 'b:1'], cacheMs: 0 });
  const [a, b] = [f.network.at('a:1'), f.network.at('b:1')];
  a.hold(claim(9));
  b.hold(claim(9));
  await f.client.getLeader();
  a.hold(claim(7));
  b.hold(claim(8));
  a.ask = [b.address];
  b.ask = [a.address];
  await f.clock.advance(4_000);
  f.network.questions.length = 0;
  const call = f.client.getLeader();
  await f.clock.advance(1_000);
  const asked = f.network.questions.length;
  assert.ok(asked < 60, `${String(asked)} questions in 1 s`);
  b.hold(claim(10));
  await f.clock.advance(501);
  const leader = await call;
  assert.equal(leader.epoch, 10n);
  assert.ok(leader.redirects <= clientLimits.redirectsMax);
});

test('P5: two nodes that redirect to each other for ever: a typed error at the deadline', async () => {
  await using f = fixture({ seeds: ['a:1', 'b:1'] });
  const [a, b] = [f.network.at('a:1'), f.network.at('b:1')];
  a.hold(claim(7));
  b.hold(claim(8));
  a.ask = [b.address, a.address];
  b.ask = [a.address, b.address];
  const error = failureOf(f.client.getLeader({ minEpoch: 9n, timeoutMs: 2_000 }));
  await f.clock.advance(2_000);
  assert.equal((await error).code, 'NO_LEADER');
  assert.ok((await error).redirects <= clientLimits.redirectsMax);
  assert.ok((await error).attempts.every(({ outcome }) => outcome === 'behind'));
  assert.ok(f.network.questions.length < 80, `${String(f.network.questions.length)} questions`);
});

test('a node that redirects to itself is not asked again for it', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1').hold(claim(7));
  f.network.at('a:1').ask = [f.network.at('a:1').address];
  const error = failureOf(f.client.getLeader({ minEpoch: 9n, timeoutMs: 500 }));
  await f.clock.advance(500);
  assert.equal((await error).redirects, 0);
  assert.equal((await error).code, 'NO_LEADER');
});

test('P5: an endless chain of hints is followed five times per call', async () => {
  await using f = fixture({ seeds: ['n0:1'] });
  for (let index = 0; index < 200; index++) {
    const node = f.network.at(`n${String(index)}:1`);
    node.hold(claim(7));
    node.ask = [f.network.at(`n${String(index + 1)}:1`).address];
  }
  const error = failureOf(f.client.getLeader({ minEpoch: 9n, timeoutMs: 3_000 }));
  await f.clock.advance(3_000);
  assert.equal((await error).redirects, clientLimits.redirectsMax);
});

test('a node that says nothing of being behind, but is, is not believed', async () => {
  await using f = fixture({ seeds: ['a:1', 'b:1'], cacheMs: 0 });
  f.network.at('a:1').hold(claim(9));
  f.network.at('b:1').hold(claim(9));
  const first = await f.client.getLeader();
  const liar = f.network.at(first.source.endpoint);
  liar.hold(claim(5));
  liar.lie = (honest) => ({ ...honest, behind: false });
  const leader = await f.client.getLeader();
  assert.equal(leader.epoch, 9n);
  assert.equal(leader.attempts[0]?.outcome, 'behind');
});

test('no retry storm: with an empty budget there are paced questions only', async () => {
  await using f = fixture({ backoffBaseMs: 100, backoffCapMs: 100 });
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).behaviour = 'refuses';
  const error = failureOf(f.client.getLeader({ timeoutMs: 10_000 }));
  await f.clock.advance(10_000);
  await error;
  const { lookups, retries } = f.client.stats();
  // The bucket holds 10, and earns one every two seconds.
  assert.ok(retries <= 16, `${String(retries)} retries`);
  assert.ok(lookups > 100 && lookups < 400, `${String(lookups)} lookups`);
});
