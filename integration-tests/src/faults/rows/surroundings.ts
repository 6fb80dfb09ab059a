/** What befalls the network between all of them, and the clocks. */
import assert from 'node:assert/strict';
import { monotonicNowMs } from '@herald/process';
import type { SeenLeadership } from '../../fixtures/sampling-protocol.ts';
import { ttlMs } from '../fault-cluster.ts';
import type { FaultCluster } from '../fault-cluster.ts';
import type { FaultRow } from '../fault-row.ts';

/** A machine that stands still ends a leadership by chance; a clock would do so each time. */
const attemptsMax = 3;
const hourMs = 3_600_000;

export const partition: FaultRow = {
  id: 'partition',
  fault: 'half of the nodes are cut off from everything else, and the leader steps down meanwhile',
  recoversFrom: 'end',
  run: async (cluster) => {
    const far = new Set(cluster.nodeIds.slice(Math.floor(cluster.nodeIds.length / 2)));
    cluster.network.separate((name) => far.has(name));
    const after = await cluster.stepDown();
    await cluster.recovered({ sinceMs: monotonicNowMs(), after, except: far });
    await cluster.until('the far side to say that what it knows has expired', () =>
      [...far].every((id) => cluster.node(id).told?.status === 'expired'),
    );
    cluster.network.clear();
    return cluster.recovered({ sinceMs: monotonicNowMs(), after });
  },
};

/**
 * Electors stand near etcd: a call to it may take a fifth of the lease, 0.4 s here, which is less than a
 * round trip on such a line. Where they do not, leases have to be longer (docs/RELIABILITY.md).
 */
export const badLines: FaultRow = {
  id: 'bad-lines',
  fault:
    'every line but those to etcd is late by 200 ± 100 ms and loses 5 %, and the leader is killed',
  recoversFrom: 'fault',
  run: async (cluster) => {
    const after = await cluster.settled();
    cluster.network.set((_, dialed) =>
      cluster.isEtcd(dialed)
        ? { kind: 'clear' }
        : { kind: 'delay', delayMs: 200, jitterMs: 100, lossShare: 0.05 },
    );
    const sinceMs = monotonicNowMs();
    await cluster.elector(after.electorId).kill();
    return cluster.recovered({ sinceMs, after });
  },
};

/** The leader leads on for longer than an unrenewed lease could, and a successor takes over as ever. */
export const wallClockSet: FaultRow = {
  id: 'wall-clock-set',
  fault: 'wall clocks are set by an hour, forth and back, and the leader steps down',
  recoversFrom: 'fault',
  run: async (cluster) => {
    let hasLedOn = false;
    for (let attempt = 1; attempt <= attemptsMax && !hasLedOn; attempt++) {
      setWallClocks(cluster, 0);
      const leader = await cluster.settled();
      setWallClocks(cluster, hourMs, leader.electorId);
      hasLedOn = await leadsOn(cluster, leader, monotonicNowMs() + 1.5 * ttlMs);
    }
    assert.ok(hasLedOn, 'no clock that is set ends a leadership');
    const after = await cluster.stepDown();
    return cluster.recovered({ sinceMs: monotonicNowMs(), after });
  },
};

/** Forth for the leader and every other process, back for the rest. */
function setWallClocks(cluster: FaultCluster, offByMs: number, leaderId?: string): void {
  cluster.processes.forEach((fixture, index) => {
    const isForth = fixture.id === leaderId || index % 2 === 0;
    fixture.order({ kind: 'set-wall-clock', offByMs: isForth ? offByMs : -offByMs });
  });
}

/** Whether it leads until then. */
function leadsOn(
  cluster: FaultCluster,
  { epoch }: SeenLeadership,
  untilMs: number,
): Promise<boolean> {
  return cluster
    .until('the leader to lead on, or not', () => {
      const seen = cluster.leaderships().find((leadership) => leadership.epoch === epoch);
      if (seen === undefined || seen.hasEnded) return 'ended';
      return seen.lastMs > untilMs && 'leads on';
    })
    .then((end) => end === 'leads on');
}
