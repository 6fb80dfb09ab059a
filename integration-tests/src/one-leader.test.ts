/**
 * P1: at most one elector leads at any instant. Electors are killed, frozen, cut off from etcd, crowded
 * and sent away; each samples its own `isLeader()` all the while. After each fault one of them leads
 * again, under a higher epoch, and every node knows it.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startEtcd } from '@herald/lab';
import type { EtcdCluster, NetworkCondition } from '@herald/lab';
import { monotonicNowMs } from '@herald/process';
import { stoodStillMsMin } from './fixtures/sampling-protocol.ts';
import type { SeenLeadership } from './fixtures/sampling-protocol.ts';
import { ProxiedCluster } from './support/proxied-cluster.ts';
import { startTestCluster, ttlMs } from './support/test-cluster.ts';
import type { TestCluster } from './support/test-cluster.ts';

describe('P1: one leader at a time', () => {
  let etcd: EtcdCluster;

  before(async () => {
    etcd = await startEtcd();
  });

  after(async () => {
    await etcd.stop();
  });

  it('when the leader is killed', async () => {
    await using cluster = await startTestCluster({ etcdEndpoints: etcd.endpoints });
    const first = await cluster.untilAllKnowOneLeader();
    await cluster.elector(first.electorId).kill();
    const second = await cluster.untilAllKnowOneLeader({ afterEpoch: first.epoch });
    assert.notEqual(second.electorId, first.electorId);
    // One that comes later stands behind, and takes over in its turn.
    await cluster.untilWaiting(await cluster.addElector());
    await cluster.elector(second.electorId).kill();
    await cluster.untilAllKnowOneLeader({ afterEpoch: second.epoch });
    cluster.assertPromisesHeld();
  });

  it('when the leader is frozen past its lease, and then goes on', async () => {
    await using cluster = await startTestCluster({ etcdEndpoints: etcd.endpoints });
    const first = await cluster.untilAllKnowOneLeader();
    const frozen = cluster.elector(first.electorId);
    frozen.pause();
    const second = await cluster.untilAllKnowOneLeader({ afterEpoch: first.epoch });
    assert.notEqual(second.electorId, first.electorId);
    frozen.resume();
    const awakening = await cluster.until('the first answer after the freeze', () =>
      frozen.awakenings.find(({ stoodStillMs }) => stoodStillMs > ttlMs / 2),
    );
    assert.equal(awakening.isLeader, false, 'its first answer is no, before any timer fires');
    await cluster.untilWaiting(frozen);
    await cluster.untilAllKnowOneLeader({ afterEpoch: first.epoch });
    cluster.assertPromisesHeld();
  });

  it('when the leader is frozen for less than its lease, it leads on', async () => {
    await using cluster = await startTestCluster({ etcdEndpoints: etcd.endpoints });
    const { electorId, epoch } = await cluster.untilAllKnowOneLeader();
    const frozen = cluster.elector(electorId);
    frozen.pause();
    // By the clock: a timer counts from the start of a turn, which on a busy machine was a while ago.
    const untilMs = monotonicNowMs() + stoodStillMsMin + 50;
    await cluster.until('the pause to be long enough to count', () => monotonicNowMs() > untilMs);
    frozen.resume();
    const [awakening] = await cluster.until(
      'the first answer after the freeze',
      () => frozen.awakenings.length > 0 && frozen.awakenings,
    );
    assert.equal(awakening?.isLeader, true);
    await leadsOnFor(cluster, { electorId, epoch }, ttlMs * 1.5);
    cluster.assertPromisesHeld();
  });

  it('when the leader loses etcd in a black hole', async () => {
    await loseEtcd(etcd, { kind: 'black-hole' });
  });

  it('when what the leader and etcd tell each other arrives too late', async () => {
    await loseEtcd(etcd, { kind: 'hold' });
  });

  it('when the connection to etcd is reset, the leader leads on over another', async () => {
    await using proxied = await ProxiedCluster.start(etcd);
    const { cluster } = proxied;
    const { electorId, epoch } = await cluster.untilAllKnowOneLeader();
    proxied.setNetwork(electorId, { kind: 'cut' });
    assert.equal(proxied.membersOf(electorId).length, 0);
    proxied.setNetwork(electorId, { kind: 'clear' });
    await cluster.until('another connection', () => proxied.membersOf(electorId).length === 1);
    await leadsOnFor(cluster, { electorId, epoch }, ttlMs * 1.5);
    cluster.assertPromisesHeld();
  });

  it('when ten campaign at once', async () => {
    await using cluster = await startTestCluster({ etcdEndpoints: etcd.endpoints, electors: 10 });
    const first = await cluster.untilAllKnowOneLeader();
    await cluster.elector(first.electorId).kill();
    const second = await cluster.untilAllKnowOneLeader({ afterEpoch: first.epoch });
    assert.notEqual(second.electorId, first.electorId);
    cluster.assertPromisesHeld();
  });

  it('when leaders step down one after the other', async () => {
    const stepDowns = 15;
    await using cluster = await startTestCluster({ etcdEndpoints: etcd.endpoints });
    let leader = await cluster.untilAllKnowOneLeader();
    for (let count = 0; count < stepDowns; count++) {
      const stepped = await cluster.stepDown(cluster.elector(leader.electorId));
      assert.ok(stepped === undefined || stepped >= leader.epoch);
      leader = await cluster.untilAllKnowOneLeader({ afterEpoch: leader.epoch });
    }
    assert.ok(cluster.leaderships().length > stepDowns);
    cluster.assertPromisesHeld();
  });
});

/** Longer than its lease lives without a renewal, so that one of after the fault has counted. */
async function leadsOnFor(
  cluster: TestCluster,
  leader: Pick<SeenLeadership, 'electorId' | 'epoch'>,
  durationMs: number,
): Promise<void> {
  const untilMs = monotonicNowMs() + durationMs;
  await cluster.until(`${leader.electorId} to lead on`, () => {
    const seen = cluster.leaderships().find(({ epoch }) => epoch === leader.epoch);
    assert.equal(seen?.hasEnded, false, `${leader.electorId} leads on under epoch ${leader.epoch}`);
    return seen.lastMs > untilMs;
  });
}

async function loseEtcd(etcd: EtcdCluster, condition: NetworkCondition): Promise<void> {
  await using proxied = await ProxiedCluster.start(etcd);
  const { cluster } = proxied;
  const first = await cluster.untilAllKnowOneLeader();
  const cutOff = cluster.elector(first.electorId);
  assert.equal(proxied.membersOf(cutOff.id).length, 1, 'the leader is connected through a proxy');
  proxied.setNetwork(cutOff.id, condition);
  const second = await cluster.untilAllKnowOneLeader({ afterEpoch: first.epoch });
  assert.notEqual(second.electorId, first.electorId);
  const ended = cutOff.leaderships.find(({ epoch }) => epoch === first.epoch);
  assert.ok(ended?.hasEnded === true && ended.lastMs < second.firstMs, 'stepped down by itself');
  proxied.setNetwork(cutOff.id, { kind: 'clear' });
  await cluster.untilWaiting(cutOff);
  await cluster.untilAllKnowOneLeader({ afterEpoch: first.epoch });
  cluster.assertPromisesHeld();
}
