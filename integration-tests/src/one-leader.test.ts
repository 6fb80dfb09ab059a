/**
 * P1: at most one elector leads at any instant. Electors are frozen for a moment, crowded, killed and sent
 * away; each samples its own `isLeader()` all the while. What else can befall a leader is in the fault
 * matrix (`faults/`).
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startEtcd } from '@herald/lab';
import type { EtcdCluster } from '@herald/lab';
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
