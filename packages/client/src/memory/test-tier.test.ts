import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotLeaderError } from '../not-leader-error.ts';
import { createTestTier } from './test-tier.ts';
import { VirtualClock } from './virtual-clock.ts';

test('a tier elects, vacates, and tells its clients', async () => {
  const clock = new VirtualClock();
  const tier = createTestTier({ election: 'payments', clock });
  await using client = tier.createClient();
  assert.equal(tier.elect({ address: 'one:80', metadata: { zone: 'a' } }), 1n);
  const first = await client.getLeader({ verify: true });
  assert.equal(first.address, 'one:80');
  assert.equal(first.verified, true);
  assert.deepEqual(first.metadata, { zone: 'a' });

  const watch = client.watchLeader();
  assert.equal((await watch.next()).value?.status, 'current');
  await clock.advance(10);
  tier.vacate();
  await clock.advance(10);
  assert.equal((await watch.next()).value?.status, 'vacant');
  assert.equal(tier.elect({ address: 'two:80', id: 'two' }), 2n);
  await clock.advance(10);
  const { value } = await watch.next();
  assert.ok(value?.status === 'current');
  assert.equal(value.leaderId, 'two');
  await watch.return?.();
});

test('work at a leader that was replaced ends at its successor', async () => {
  const clock = new VirtualClock();
  const tier = createTestTier({ election: 'payments', clock, nodes: 1 });
  await using client = tier.createClient();
  tier.elect({ address: 'one:80' });
  const call = client.withLeader(async ({ address }) => {
    if (address === 'one:80') {
      tier.elect({ address: 'two:80' });
      throw new NotLeaderError();
    }
    return address;
  });
  await clock.advance(1_000);
  assert.equal(await call, 'two:80');
});

test('a record that is not renewed expires', async () => {
  const clock = new VirtualClock();
  const tier = createTestTier({ election: 'payments', clock });
  await using client = tier.createClient();
  tier.elect({ address: 'one:80', validityMs: 500 });
  await client.getLeader();
  await clock.advance(501);
  assert.equal(client.leader?.status, 'expired');
});

test('bad options are refused', () => {
  for (const nodes of [0, 65, 1.5]) {
    assert.throws(() => createTestTier({ election: 'x', nodes }), /^RangeError: nodes: /);
  }
  assert.throws(() => createTestTier({ election: 'no spaces' }), /election/);
});
