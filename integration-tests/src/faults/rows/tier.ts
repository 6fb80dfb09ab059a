/** What befalls electors and nodes, one or many. */
import assert from 'node:assert/strict';
import { monotonicNowMs } from '@herald/process';
import type { FaultRow } from '../fault-row.ts';

const stallMs = 3_000;
/** Enough to come up and to hold some links; the rest is used up on purpose. */
const descriptorsMax = 128;

export const electorsKilled: FaultRow = {
  id: 'electors-killed',
  fault: 'all electors are killed, and started again',
  recoversFrom: 'end',
  run: async (cluster) => {
    const after = await cluster.settled();
    await Promise.all(cluster.electorIds.map((id) => cluster.elector(id).kill()));
    await cluster.leaderless();
    await Promise.all(cluster.electorIds.map((id) => cluster.startElector(id)));
    return cluster.recovered({ sinceMs: monotonicNowMs(), after });
  },
};

export const nodesKilled: FaultRow = {
  id: 'nodes-killed',
  fault: 'a third of the nodes are killed, and the leader with them',
  recoversFrom: 'fault',
  run: async (cluster) => {
    const after = await cluster.settled();
    // The first ones are everybody's seeds.
    const third = cluster.nodeIds.slice(0, Math.ceil(cluster.nodeIds.length / 3));
    const sinceMs = monotonicNowMs();
    await Promise.all([
      cluster.elector(after.electorId).kill(),
      ...third.map((id) => cluster.node(id).kill()),
    ]);
    return cluster.recovered({ sinceMs, after });
  },
};

export const nodeStalled: FaultRow = {
  id: 'node-stalled',
  fault: 'the event loop of a node is full for 3 s, and the leader steps down meanwhile',
  recoversFrom: 'end',
  run: async (cluster) => {
    const [stalled = ''] = cluster.nodeIds;
    const endMs = monotonicNowMs() + stallMs;
    cluster.node(stalled).order({ kind: 'block', durationMs: stallMs });
    const after = await cluster.stepDown();
    const sinceMs = monotonicNowMs();
    await cluster.recovered({ sinceMs, after, except: new Set([stalled]) });
    await cluster.recovered({ sinceMs, after });
    return Math.max(0, monotonicNowMs() - endMs);
  },
};

/** What it is linked to stays linked, and that has to do: it can neither dial nor accept. */
export const descriptorsUsedUp: FaultRow = {
  id: 'descriptors-used-up',
  fault: 'a node has no file descriptor left, and the leader steps down meanwhile',
  recoversFrom: 'fault',
  run: async (cluster) => {
    const id = cluster.nodeIds.at(-1) ?? '';
    await cluster.node(id).kill();
    await cluster.startNode(id, descriptorsMax);
    await cluster.settled();
    cluster.node(id).order({ kind: 'use-up-descriptors' });
    const { descriptors } = await cluster.node(id).usage();
    assert.equal(descriptors, null, 'it cannot even open a folder to count them');
    const after = await cluster.stepDown();
    return cluster.recovered({ sinceMs: monotonicNowMs(), after });
  },
};

/** As a deployment does it: each is asked to end, and the next one is touched when all is well. */
export const rollingRestart: FaultRow = {
  id: 'rolling-restart',
  fault: 'everything is restarted, one after the other; the longest time without a write counts',
  recoversFrom: 'fault',
  run: async (cluster) => {
    for (const member of cluster.etcd.members) {
      await member.stop();
      await member.start();
      await cluster.recovered({ sinceMs: monotonicNowMs() });
    }
    for (const id of cluster.electorIds) {
      await cluster.elector(id).stop();
      await cluster.startElector(id);
      await cluster.recovered({ sinceMs: monotonicNowMs() });
    }
    for (const id of cluster.nodeIds) {
      await cluster.node(id).stop();
      await cluster.startNode(id);
      await cluster.recovered({ sinceMs: monotonicNowMs() });
    }
    return cluster.witness.longestGapMs;
  },
};
