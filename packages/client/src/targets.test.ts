import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '@herald/core';
import { claim, electorOf, failureOf, fixture } from './test-support/fixture.ts';
import type { Fixture } from './test-support/fixture.ts';
import { Targets, parseAllowTargets } from './targets.ts';

const address = parseAddress;

test('before members are listed anything may be asked; then seeds, members, and what is allowed', () => {
  const targets = new Targets([address('seed:1')], parseAllowTargets(['*.svc:80', '10.0.*:*']));
  assert.ok(targets.mayAsk('stranger:1'));
  targets.list([address('member:1')]);
  for (const each of ['seed:1', 'member:1', 'a.svc:80', 'a.b.SVC:80', '10.0.3.4:9']) {
    assert.ok(targets.mayAsk(each), each);
  }
  for (const each of ['stranger:1', 'seed:2', 'a.svc:8080', 'svc:80', 'xsvc:80', '10x0.1:9']) {
    assert.ok(!targets.mayAsk(each), each);
  }
  targets.list([address('other:1')]);
  assert.ok(!targets.mayAsk('member:1'), 'what is listed replaces what was');
});

test('a star stands for anything but a colon', () => {
  const targets = new Targets([], parseAllowTargets(['10.*:80']));
  assert.ok(targets.allows('10.1.2.3:80'));
  assert.ok(!targets.allows('10.1.2.3:81:80'));
  assert.ok(!targets.allows('evil:80'));
  assert.ok(
    new Targets(
      [],
      parseAllowTargets((text) => text === 'x:1'),
    ).allows('x:1'),
  );
  assert.ok(!new Targets([]).allows('x:1'));
});

test('patterns that are none are refused with their place', () => {
  for (const pattern of ['', 'host', 'host:', 'host:80x', 'two words:80']) {
    assert.throws(() => parseAllowTargets(['ok:1', pattern]), {
      code: 'INVALID_ARGUMENT',
      message: /^allowTargets\[1\]: must be host:port/,
    });
  }
  assert.throws(() => parseAllowTargets(Array.from({ length: 65 }, () => 'a:1')), {
    code: 'INVALID_ARGUMENT',
    message: /^allowTargets: must be at most 64/,
  });
});

/** Node a:1 names leader 7 where it is not; the others tell the truth. */
function withLiar(f: Fixture, epoch = 7): void {
  for (const seed of ['a:1', 'b:1', 'c:1']) f.network.at(seed).hold(claim(7));
  const lie = claim(epoch);
  f.network.at('a:1').hold({ ...lie, leader: { ...lie.leader, address: 'evil:80' } });
}

test('a node that lies about the address costs one question where leaders are allowed by name', async () => {
  for (const epoch of [7, 1_000_000]) {
    for (let seed = 1; seed <= 10; seed++) {
      await using f = fixture({ seed, allowTargets: ['leader-*:80'] });
      withLiar(f, epoch);
      const leader = await f.client.getLeader();
      assert.equal(leader.address, 'leader-7:80');
      assert.ok(leader.attempts.length <= 2);
      assert.equal(f.clock.nowMs(), 0);
    }
  }
});

test('only lies: REJECTED, with what was said', async () => {
  await using f = fixture({ allowTargets: ['leader-*:80'] });
  const lie = claim(7);
  for (const seed of ['a:1', 'b:1', 'c:1']) {
    f.network.at(seed).hold({ ...lie, leader: { ...lie.leader, address: 'evil:80' } });
  }
  const error = failureOf(f.client.getLeader({ timeoutMs: 200 }));
  await f.clock.advance(200);
  assert.equal((await error).code, 'REJECTED');
  assert.match(
    (await error).message,
    /named a leader at evil:80, which allowTargets does not allow/,
  );
  assert.equal(f.client.leader, undefined);
});

test('a watched node that lies about the address is left, and its record is not adopted', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    await using f = fixture({ seed, allowTargets: ['leader-*:80'] });
    withLiar(f);
    const next = f.client.watchLeader().next();
    await f.clock.advance(1_000);
    const { value } = await next;
    assert.ok(value?.status === 'current');
    assert.equal(value.address, 'leader-7:80');
  }
});

test('without a list of targets, a wrong address costs work a few tries, never the call', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    await using f = fixture({ seed });
    withLiar(f);
    const call = f.client.withLeader(async (leader) => {
      if (leader.address === 'leader-7:80') return leader.epoch;
      throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED', syscall: 'connect' });
    });
    await f.clock.advance(700);
    // Renewals are told by all; the liar goes on lying.
    for (const node of ['b:1', 'c:1']) f.network.at(node).hold(claim(7, { renewal: 1 }));
    await f.clock.advance(1_000);
    assert.equal(await call, 7n);
  }
});

test('a hint to a stranger is not followed; once it is listed, it is', async () => {
  await using f = fixture({ seeds: ['a:1'], cacheMs: 0 });
  const [a, b] = [f.network.at('a:1'), f.network.at('b:1')];
  a.hold(claim(9));
  await f.client.getLeader();
  await f.clock.advance(1);
  a.hold(claim(7));
  a.ask = [b.address];
  b.hold(claim(11));
  const call = f.client.getLeader({ minEpoch: 10n });
  await f.clock.advance(2_000);
  assert.ok(f.network.questions.every(({ endpoint }) => endpoint !== b.address));
  const lists = f.network.questions.filter(({ what }) => what === 'members').length;
  assert.ok(lists >= 2 && lists <= 4, `asked for the list ${String(lists)} times in 2 s`);
  a.members = [b.address];
  await f.clock.advance(2_000);
  assert.equal((await call).epoch, 11n);
});

test('an elector that is no member is not asked, and its leader is not gone to', async () => {
  await using f = fixture({ seeds: ['a:1', 'b:1'] });
  // So that it is listed by nobody: only what nodes hold is.
  f.network.at('b:1').hold(claim(7, { validityMs: 60_000 }));
  f.network.at('a:1').hold(claim(7, { validityMs: 60_000 }));
  await f.client.getLeader();
  await f.clock.advance(1);
  const evil = claim(9, { electorAddress: 'evil:70', validityMs: 60_000 });
  for (const node of ['a:1', 'b:1']) {
    f.network.at(node).lie = (honest) => ({
      ...honest,
      behind: false,
      carried: {
        sealed: { record: evil, bytes: new Uint8Array(), keyId: '', signature: new Uint8Array() },
        ageMs: 0,
        hops: 0,
      },
    });
  }
  f.network.at('evil:70').leadsUntilMs = 60_000;
  await f.clock.advance(1_500);
  const verify = failureOf(f.client.getLeader({ verify: true, timeoutMs: 1_000 }));
  const work = failureOf(
    f.client.withLeader(async () => assert.fail('it must not be gone to'), { timeoutMs: 1_000 }),
  );
  await f.clock.advance(1_000);
  assert.equal((await verify).code, 'REJECTED');
  assert.equal((await work).code, 'REJECTED');
  assert.match((await work).message, /leader-9:80.*its elector evil:70 is not among the members/);
  assert.ok(f.network.questions.every(({ endpoint }) => endpoint !== 'evil:70'));
});

test('an elector that has just joined is listed when it is asked for', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1').hold(claim(7));
  await f.client.getLeader();
  await f.clock.advance(1);
  f.network.at('a:1').hold(claim(9));
  f.network.at(electorOf(9)).hold(claim(9));
  f.network.at(electorOf(9)).leadsUntilMs = 60_000;
  const leader = await f.client.getLeader({ verify: true, minEpoch: 9n });
  assert.equal(leader.verified, true);
  assert.equal(f.clock.nowMs(), 1);
});
