/** What befalls the leader alone. */
import assert from 'node:assert/strict';
import { monotonicNowMs } from '@herald/process';
import { ttlMs } from '../fault-cluster.ts';
import type { FaultRow } from '../fault-row.ts';

export const leaderKilled: FaultRow = {
  id: 'leader-killed',
  fault: 'the leader is killed (SIGKILL)',
  recoversFrom: 'fault',
  run: async (cluster) => {
    const after = await cluster.settled();
    const sinceMs = monotonicNowMs();
    await cluster.elector(after.electorId).kill();
    return cluster.recovered({ sinceMs, after });
  },
};

export const leaderFrozen: FaultRow = {
  id: 'leader-frozen',
  fault: 'the leader stands still past its lease (SIGSTOP), and goes on',
  recoversFrom: 'fault',
  run: async (cluster) => {
    const after = await cluster.settled();
    const frozen = cluster.elector(after.electorId);
    const sinceMs = monotonicNowMs();
    frozen.pause();
    const recoveryMs = await cluster.recovered({ sinceMs, after });
    const seen = frozen.awakenings.length;
    frozen.resume();
    const [awakening] = await cluster.until('the first answer after the freeze', () => {
      const later = frozen.awakenings
        .slice(seen)
        .filter(({ stoodStillMs }) => stoodStillMs > ttlMs / 2);
      return later.length > 0 && later;
    });
    assert.equal(awakening?.isLeader, false, 'its first answer is no, before any timer fires');
    return recoveryMs;
  },
};

export const leaderCutOff: FaultRow = {
  id: 'leader-cut-off',
  fault: 'the leader loses etcd in a black hole',
  recoversFrom: 'fault',
  run: async (cluster) => {
    const after = await cluster.settled();
    const sinceMs = monotonicNowMs();
    cluster.network.set((dialer, dialed) =>
      dialer === after.electorId && cluster.isEtcd(dialed)
        ? { kind: 'black-hole' }
        : { kind: 'clear' },
    );
    return cluster.recovered({ sinceMs, after });
  },
};

export const leaderLate: FaultRow = {
  id: 'leader-late',
  fault: 'what the leader and etcd tell each other arrives too late',
  recoversFrom: 'fault',
  run: async (cluster) => {
    const after = await cluster.settled();
    const sinceMs = monotonicNowMs();
    cluster.network.set((dialer, dialed) =>
      dialer === after.electorId && cluster.isEtcd(dialed) ? { kind: 'hold' } : { kind: 'clear' },
    );
    return cluster.recovered({ sinceMs, after });
  },
};
