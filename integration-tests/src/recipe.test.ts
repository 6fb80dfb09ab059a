/**
 * Our elections are etcd's own: `etcdctl elect` sees our leader, and stands in line with our candidates.
 * A leader of another make is named by nodes and clients like any other, for as long as its lease lives.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createClient } from '@herald/client';
import { startEtcd } from '@herald/lab';
import type { EtcdCluster } from '@herald/lab';
import { monotonicNowMs } from '@herald/process';
import type { LeaderAnswer } from '@herald/wire';
import type { SeenLeadership } from './fixtures/sampling-protocol.ts';
import { campaign, campaignWithLease, keysUnder, listen } from './support/etcdctl.ts';
import {
  defaultElection,
  patienceMs,
  startTestCluster,
  ttlSeconds,
} from './support/test-cluster.ts';
import type { TestCluster } from './support/test-cluster.ts';

/**
 * A node that missed a renewal hears of it within one round. Vouchers leave a quarter of the lease for
 * that, which is less with the shortest of leases: a node may then doubt for a moment, and no longer.
 */
const missedMs = 2_000;
const foreignAddress = '192.0.2.7:9000';

describe("etcd's election recipe", () => {
  let etcd: EtcdCluster;

  before(async () => {
    etcd = await startEtcd();
  });

  after(async () => {
    await etcd.stop();
  });

  it('etcdctl elect --listen names our leader, and the next', async () => {
    await using cluster = await startTestCluster({ etcdEndpoints: etcd.endpoints });
    await cluster.untilAllKnowOneLeader();
    await using listener = listen(etcd, electionPath(cluster));
    const first = await untilNamed(cluster, listener);
    const keys = await keysUnder(etcd, `${electionPath(cluster)}/`);
    assert.equal(keys[0]?.createRevision, first.epoch, 'the epoch is the create revision');
    for (const { key, leaseId } of keys) {
      assert.equal(key, `${electionPath(cluster)}/${leaseId.toString(16)}`);
    }
    await cluster.elector(first.electorId).kill();
    const second = await cluster.untilAllKnowOneLeader({ afterEpoch: first.epoch });
    assert.ok((await untilNamed(cluster, listener)).epoch >= second.epoch);
    cluster.assertPromisesHeld();
  });

  it('a candidate of etcdctl takes over, is named by all, and hands back', async () => {
    await using cluster = await startTestCluster({ etcdEndpoints: etcd.endpoints, electors: 2 });
    await using client = createClient({
      insecure: true,
      seeds: cluster.nodes.addresses,
      election: defaultElection,
      cacheMs: 0,
    });
    const first = await cluster.untilAllKnowOneLeader();
    await using candidate = campaign(etcd, electionPath(cluster), foreignAddress);
    await cluster.until('three candidates in line', async () => {
      return (await keysUnder(etcd, `${electionPath(cluster)}/`)).length === 3;
    });
    assert.equal(candidate.shown.length, 0, 'it waits behind ours');

    await untilForeignLeads(cluster);
    assert.equal(candidate.shown[0]?.value, foreignAddress, 'etcdctl, too, says that it leads');
    assert.equal(cluster.leading().length, 0, 'none of ours leads');
    const named = await client.getLeader({ timeoutMs: patienceMs });
    assert.equal(named.address, foreignAddress);
    assert.match(named.leaderId, /^etcd-[0-9a-f]+$/);
    assert.ok(named.epoch > first.epoch);

    await candidate.interrupt();
    const handedBack = await cluster.untilAllKnowOneLeader({ afterEpoch: first.epoch });
    const ours = await client.getLeader({ minEpoch: handedBack.epoch, timeoutMs: patienceMs });
    assert.equal(ours.leaderId, handedBack.electorId);
    cluster.assertPromisesHeld();
  });

  it('a leader that issues no records is vouched for, as long as its lease lives', async () => {
    await using cluster = await startTestCluster({ etcdEndpoints: etcd.endpoints, electors: 2 });
    const first = await cluster.untilAllKnowOneLeader();
    // As a candidate in Go with a short lease: `etcdctl elect` itself takes one of a minute.
    await using candidate = await campaignWithLease(etcd, electionPath(cluster), {
      proposal: foreignAddress,
      ttlSeconds,
    });
    await untilForeignLeads(cluster);
    // Without vouching, nodes would believe the record that they have for one lease.
    const startMs = monotonicNowMs();
    const freshMs = cluster.nodes.answers().map(() => startMs);
    await cluster.until('its record to be kept alive for three TTLs', () => {
      const nowMs = monotonicNowMs();
      cluster.nodes.answers().forEach((answer, index) => {
        assert.ok(isForeign(answer), 'every node goes on naming it');
        assert.ok(answer.validForMs <= candidate.grantedTtlMs);
        if (answer.status === 'current') freshMs[index] = nowMs;
        const staleMs = nowMs - (freshMs[index] ?? 0);
        assert.ok(staleMs < missedMs, `node ${index + 1} did not hear for ${staleMs} ms`);
      });
      return nowMs > startMs + 3 * candidate.grantedTtlMs;
    });
    for (const { carried } of cluster.nodes.answers()) {
      assert.ok(carried !== undefined && carried.sealed.record.version.renewal >= 3);
    }
    await candidate[Symbol.asyncDispose]();
    await cluster.untilAllKnowOneLeader({ afterEpoch: first.epoch });
    cluster.assertPromisesHeld();
  });

  it('several elections of one cluster do not know each other', async () => {
    const elections = ['payments', 'reports', 'payments-archive'] as const;
    await using cluster = await startTestCluster({ etcdEndpoints: etcd.endpoints, elections });
    const [payments, reports, archive] = await Promise.all(
      elections.map((election) => cluster.untilAllKnowOneLeader({ election })),
    );
    assert.ok(payments && reports && archive);
    await cluster.stepDown(cluster.elector(payments.electorId), 'payments');
    const next = await cluster.untilAllKnowOneLeader({
      election: 'payments',
      afterEpoch: payments.epoch,
    });
    assert.ok(next.epoch > payments.epoch);
    // The others were not touched: same leader, same epoch.
    assert.equal(
      (await cluster.untilAllKnowOneLeader({ election: 'reports' })).epoch,
      reports.epoch,
    );
    const archiveNow = await cluster.untilAllKnowOneLeader({ election: 'payments-archive' });
    assert.equal(archiveNow.epoch, archive.epoch);
    cluster.assertPromisesHeld();
  });
});

/** What `etcdctl elect` calls the election. */
function electionPath(cluster: TestCluster): string {
  return `${cluster.prefix}/${defaultElection}`;
}

/** Whoever of ours leads at that moment: on a busy machine it may be another one than a moment ago. */
async function untilNamed(
  cluster: TestCluster,
  listener: ReturnType<typeof listen>,
): Promise<SeenLeadership> {
  return cluster.until('etcdctl to show our leader', () => {
    const [leader, ...others] = cluster.leading();
    const value = listener.shown.at(-1)?.value ?? '';
    if (leader === undefined || others.length > 0 || !value.startsWith('{')) return false;
    return (JSON.parse(value) as { id: string }).id === leader.electorId && leader;
  });
}

/** Our candidates step down until the one in line with them has its turn, and all nodes name it. */
async function untilForeignLeads(cluster: TestCluster): Promise<void> {
  let [leader] = cluster.leading();
  while (leader !== undefined) {
    const { electorId, epoch } = leader;
    await cluster.stepDown(cluster.elector(electorId));
    leader = await cluster
      .until('the next leader, ours or not', () => {
        const [next] = cluster.leading();
        if (next === undefined) return cluster.nodes.answers().every(isForeign) && 'foreign';
        return next.epoch > epoch && next;
      })
      .then((next) => (next === 'foreign' ? undefined : next));
  }
}

function isForeign({ carried }: LeaderAnswer): boolean {
  const record = carried?.sealed.record;
  return record?.kind === 'leader' && record.leader.address === foreignAddress;
}
