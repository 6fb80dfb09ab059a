/** What befalls the network between all of them, and the clocks. */
import assert from 'node:assert/strict';
import { createClient } from '@herald/client';
import { monotonicNowMs } from '@herald/process';
import { ttlMs } from '../fault-cluster.ts';
import type { FaultRow } from '../fault-row.ts';

const askMs = 500;
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
    // One who stands on the far side is told so, and not sent to where the leader was.
    await using client = createClient({
      seeds: [...far].map((id) => cluster.addressOf(id)),
      election: cluster.electionName,
    });
    await assert.rejects(client.getLeader({ timeoutMs: askMs }), { code: 'EXPIRED' });
    cluster.network.clear();
    return await cluster.recovered({ sinceMs: monotonicNowMs(), after });
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
    const before = await cluster.settled();
    const setMs = monotonicNowMs();
    cluster.processes.forEach((fixture, index) => {
      const isForth = fixture.id === before.electorId || index % 2 === 0;
      fixture.order({ kind: 'set-wall-clock', offByMs: isForth ? hourMs : -hourMs });
    });
    await cluster.until('the leader to lead on', () => {
      const seen = cluster.leaderships().find(({ epoch }) => epoch === before.epoch);
      assert.equal(seen?.hasEnded, false, 'no clock that is set ends a leadership');
      return seen.lastMs > setMs + 1.5 * ttlMs;
    });
    const after = await cluster.stepDown();
    return cluster.recovered({ sinceMs: monotonicNowMs(), after });
  },
};
