/** What befalls etcd. */
import assert from 'node:assert/strict';
import { findRaftLeader } from '@herald/lab';
import type { EtcdMember } from '@herald/lab';
import { monotonicNowMs } from '@herald/process';
import type { SeenLeadership } from '../../fixtures/sampling-protocol.ts';
import { forgetTokens } from '../../fixtures/etcd-users.ts';
import { fillUp, makeRoom, writeAndForget } from '../etcd-admin.ts';
import { ttlMs } from '../fault-cluster.ts';
import type { FaultCluster } from '../fault-cluster.ts';
import type { FaultRow } from '../fault-row.ts';

/** Each way, so that a reply comes after 2 s: as long as a lease of these tests lives. */
const slowOneWayMs = 1_000;

export const etcdSlow: FaultRow = {
  id: 'etcd-slow',
  fault: 'etcd replies after 2 s',
  recoversFrom: 'end',
  run: async (cluster) => {
    cluster.network.set((_, dialed) =>
      cluster.isEtcd(dialed) ? { kind: 'delay', delayMs: slowOneWayMs } : { kind: 'clear' },
    );
    await cluster.leaderless();
    cluster.network.clear();
    return cluster.recovered({ sinceMs: monotonicNowMs() });
  },
};

export const etcdQuorumLost: FaultRow = {
  id: 'etcd-quorum-lost',
  fault: 'etcd loses its quorum (two of three killed), and gets it back',
  recoversFrom: 'end',
  run: async (cluster) => {
    const lost = cluster.etcd.members.slice(1);
    await Promise.all(lost.map((member) => member.stop('SIGKILL')));
    await cluster.leaderless();
    await Promise.all(lost.map((member) => member.start()));
    return cluster.recovered({ sinceMs: monotonicNowMs() });
  },
};

export const etcdLeaderLost: FaultRow = {
  id: 'etcd-leader-lost',
  fault: 'etcd changes its own leader (that member is killed)',
  recoversFrom: 'fault',
  run: async (cluster) => {
    const before = await raftLeader(cluster);
    const sinceMs = monotonicNowMs();
    await before.stop('SIGKILL');
    const recoveryMs = await cluster.recovered({ sinceMs });
    assert.notEqual((await raftLeader(cluster)).name, before.name);
    return recoveryMs;
  },
};

/** The watches are cut, and what they missed is forgotten before they can ask for it. */
export const etcdCompacted: FaultRow = {
  id: 'etcd-compacted',
  fault: 'etcd is compacted while all watches are cut, and the leader steps down next',
  recoversFrom: 'end',
  run: async (cluster) => {
    cluster.network.set((_, dialed) =>
      cluster.isEtcd(dialed) ? { kind: 'cut' } : { kind: 'clear' },
    );
    await writeAndForget(cluster.etcd);
    cluster.network.clear();
    const after = await cluster.stepDown();
    return cluster.recovered({ sinceMs: monotonicNowMs(), after });
  },
};

/** Everybody's token is void at once, at a moment when all hold one; and again when the next has to take over. */
export const etcdTokensVoid: FaultRow = {
  id: 'etcd-tokens-void',
  fault:
    'etcd has forgotten all auth tokens, twice, and the leader is killed after the second time',
  recoversFrom: 'fault',
  etcdUsers: true,
  run: async (cluster) => {
    const { endpoints } = cluster.etcd;
    const forgottenAtMs = monotonicNowMs();
    await forgetTokens(endpoints);
    const after = await cluster.until('the same leader, later than leases of before live', () => {
      const isLater = monotonicNowMs() > forgottenAtMs + 2 * ttlMs;
      return isLater && cluster.agreedLeader();
    });
    await forgetTokens(endpoints);
    const sinceMs = monotonicNowMs();
    await cluster.elector(after.electorId).kill();
    return cluster.recovered({ sinceMs, after });
  },
};

/**
 * Nothing can be written and no lease granted, but leases of before live on: the leader's death is got over
 * all the same. Unless the others have lost theirs as well, as they do on a machine that stands still while
 * etcd is filled: then nobody can lead until there is room again.
 */
export const etcdFull: FaultRow = {
  id: 'etcd-full',
  fault: 'etcd has no space left (NOSPACE alarm), and the leader is killed meanwhile',
  recoversFrom: 'end',
  run: async (cluster) => {
    try {
      await fillUp(cluster.etcd);
      const after = await leaderIfAny(cluster);
      if (after !== undefined) {
        await cluster.elector(after.electorId).kill();
        await leaderIfAny(cluster, after);
      }
    } finally {
      await makeRoom(cluster.etcd);
    }
    return cluster.recovered({ sinceMs: monotonicNowMs() });
  },
};

/** A leader whom all nodes name, later than that one if it is given; undefined once no candidate is left. */
async function leaderIfAny(
  cluster: FaultCluster,
  after?: SeenLeadership,
): Promise<SeenLeadership | undefined> {
  const leader = await cluster.until('a leader, or no candidate left', async () => {
    return cluster.agreedLeader(after) ?? ((await cluster.countCandidates()) === 0 && 'none');
  });
  return leader === 'none' ? undefined : leader;
}

function raftLeader(cluster: FaultCluster): Promise<EtcdMember> {
  return cluster.until("etcd's own leader", () => findRaftLeader(cluster.etcd));
}
