/**
 * etcd goes away and comes back, as a whole or by a member. Leadership survives or moves, and never doubles
 * (P1); nodes keep what they know and say that it is old (P4); all resumes by itself. Its quorum, its leader,
 * its disk and its slowness are in the fault matrix (`faults/`).
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { EtcdCluster, EtcdMember } from '@herald/lab';
import type { SeenLeadership } from './fixtures/sampling-protocol.ts';
import { startOwnEtcd } from './support/own-etcd.ts';
import { ProxiedCluster } from './support/proxied-cluster.ts';
import { names, startTestCluster, ttlMs } from './support/test-cluster.ts';
import type { TestCluster } from './support/test-cluster.ts';

describe('a single etcd', () => {
  let etcd: EtcdCluster;

  before(async () => {
    etcd = await startOwnEtcd();
  });

  afterEach(async () => {
    // A test that failed half way must not take the next one along.
    await Promise.all(etcd.members.map((each) => each.start()));
  });

  after(async () => {
    await etcd.stop();
  });

  it('is away for longer than a lease: P1, P4 hold, and all resumes by itself', async () => {
    await using cluster = await startTestCluster({ etcdEndpoints: etcd.endpoints });
    const first = await cluster.untilAllKnowOneLeader();
    await member(etcd).stop();
    await untilLeaderless(cluster, first);
    await member(etcd).start();
    const second = await cluster.untilAllKnowOneLeader({ afterEpoch: first.epoch });
    assert.ok(second.firstMs > first.lastMs);
    cluster.assertPromisesHeld();
  });

  it('crashes and is back at once, on the same data', async () => {
    await using cluster = await startTestCluster({ etcdEndpoints: etcd.endpoints });
    const first = await cluster.untilAllKnowOneLeader();
    await member(etcd).stop('SIGKILL');
    await member(etcd).start();
    const backMs = await cluster.until('the clock', () => performance.now());
    // Whether the leader got through with its lease is a matter of luck; that one leads is not.
    const second = await cluster.until('one leader whom all know, a TTL later', () => {
      const [leader, ...others] = cluster.leading();
      if (leader === undefined || others.length > 0 || performance.now() < backMs + ttlMs) return;
      return cluster.nodes.answers().every((answer) => names(answer, leader)) && leader;
    });
    assert.ok(second.epoch >= first.epoch);
    cluster.assertPromisesHeld();
  });
});

describe('an etcd of three members', () => {
  let etcd: EtcdCluster;

  before(async () => {
    etcd = await startOwnEtcd(3);
  });

  afterEach(async () => {
    // A test that failed half way must not take the next one along.
    await Promise.all(etcd.members.map((each) => each.start()));
  });

  after(async () => {
    await etcd.stop();
  });

  it('loses the member that the leader is connected to', async () => {
    await using proxied = await ProxiedCluster.start(etcd);
    const leader = await proxied.cluster.untilAllKnowOneLeader();
    const [connected] = proxied.membersOf(leader.electorId);
    assert.ok(connected !== undefined, 'the leader is connected to a member');
    await loseMember(proxied.cluster, connected, leader);
  });

  it('has a member that hangs, connections and all', async () => {
    await using proxied = await ProxiedCluster.start(etcd);
    const { cluster } = proxied;
    const leader = await cluster.untilAllKnowOneLeader();
    const [connected] = proxied.membersOf(leader.electorId);
    assert.ok(connected !== undefined, 'the leader is connected to a member');
    await connected.pause();
    try {
      await untilRenewedWithout(cluster, leader);
    } finally {
      await connected.resume();
    }
    cluster.assertPromisesHeld();
  });
});

function member(etcd: EtcdCluster): EtcdMember {
  const [only] = etcd.members;
  assert.ok(only !== undefined, 'these tests need an etcd of their own');
  return only;
}

/** The leader gave up by itself; nodes keep its record, and say that it is not to be believed. */
async function untilLeaderless(cluster: TestCluster, leader: SeenLeadership): Promise<void> {
  await cluster.until('the leader to step down by itself', () => cluster.leading().length === 0);
  await cluster.until('all nodes to say that what they know has expired', () =>
    [...cluster.nodes.answers(), ...cluster.nodes.watched].every(
      ({ status, validForMs }) => status === 'expired' && validForMs === 0,
    ),
  );
  for (const { carried } of cluster.nodes.answers()) {
    const record = carried?.sealed.record;
    assert.ok(record?.kind === 'leader', 'the last record is kept');
    assert.equal(record.version.epoch, leader.epoch);
    assert.equal(record.leader.id, leader.electorId);
    assert.ok(carried !== undefined && carried.ageMs >= record.validityMs);
  }
}

async function loseMember(
  cluster: TestCluster,
  lost: EtcdMember,
  leader: SeenLeadership,
): Promise<void> {
  await lost.stop('SIGKILL');
  try {
    await untilRenewedWithout(cluster, leader);
  } finally {
    await lost.start();
  }
  cluster.assertPromisesHeld();
}

/** One leads, the same or the next, and has led for longer than without etcd it could. */
async function untilRenewedWithout(cluster: TestCluster, before: SeenLeadership): Promise<void> {
  const lostAtMs = before.lastMs;
  await cluster.until('a leader that renewed its lease without the lost member', () => {
    const [leader, ...others] = cluster.leading();
    if (leader === undefined || others.length > 0 || leader.epoch < before.epoch) return false;
    const sinceMs = Math.max(leader.firstMs, lostAtMs);
    const isRenewed = leader.lastMs - sinceMs > ttlMs * 1.5;
    return isRenewed && cluster.nodes.answers().every((answer) => names(answer, leader));
  });
}
