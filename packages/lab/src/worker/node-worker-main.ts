/**
 * A worker process that hosts gossip nodes, each with a port and a server of its own. Decides what of
 * them is noted: when each applied each change, and what they counted.
 */
import {
  formatVersion,
  parseAddress,
  parseClusterName,
  parseElectionName,
  parseNodeId,
} from '@herald/core';
import type { ElectionName, Version } from '@herald/core';
import { createGossipNode } from '@herald/gossip-node';
import type { GossipNode, GossipNodeOptions } from '@herald/gossip-node';
import { createLogger, logLevels, monotonicNowMs } from '@herald/process';
import type { LogLevel, Logger } from '@herald/process';
import { createTrustSet, TlsKeeper } from '@herald/wire';
import { changeOf } from '../elector/elector-log.ts';
import type { WorkerArrivals } from '../measure/change.ts';
import { bytesWritten } from '../measure/usage.ts';
import { ArrivalTable } from './arrival-table.ts';
import { holdsNothing } from './node-worker-protocol.ts';
import type {
  MembersSeen,
  NodePlan,
  NodeWorkerCalls,
  TierPlan,
  TrafficCounters,
} from './node-worker-protocol.ts';
import { serveWorker } from './serve-worker.ts';

/** What the nodes of this process have in common; known from the first call to `start` on. */
interface Tier {
  readonly plan: TierPlan;
  readonly election: ElectionName;
  readonly logger: Logger;
  /** Shared by all nodes of this process. */
  readonly security: Pick<GossipNodeOptions, 'tls' | 'trust'>;
}

const nodes: GossipNode[] = [];
const table = new ArrivalTable();
let tier: Tier | undefined;

function prepareTier(plan: TierPlan): Tier {
  const level = logLevels.find((each) => each === plan.logLevel) ?? ('warn' satisfies LogLevel);
  return {
    plan,
    election: parseElectionName(plan.election),
    logger: createLogger({ name: 'gossip-node', level }),
    security: securityOf(plan),
  };
}

function securityOf({ cluster, security }: TierPlan): Tier['security'] {
  if (security === undefined) return {};
  const { tls, trustedKeys } = security;
  return { tls: new TlsKeeper(tls), trust: createTrustSet({ cluster, trustedKeys }) };
}

async function startNode(
  { plan, election, logger, security }: Tier,
  seeds: readonly string[],
  { nodeId, port }: NodePlan,
): Promise<string> {
  const place = nodes.length;
  const node = await createGossipNode({
    cluster: parseClusterName(plan.cluster),
    nodeId: parseNodeId(nodeId),
    listen: { host: plan.host, port },
    seeds: seeds.map((seed) => parseAddress(seed)),
    tuning: {
      lazyDelayMs: plan.lazyDelayMs,
      ...(plan.fanout !== undefined && { fanout: plan.fanout }),
    },
    logger: logger.child({ nodeId }),
    ...security,
    observer: {
      applied: ({ sealed: { record }, hops }) => {
        const atMs = monotonicNowMs();
        if (record.election === election)
          table.note(place, changeId(record.version), { atMs, hops });
      },
    },
  });
  nodes.push(node);
  return node.address;
}

/** A change comes to hundreds of nodes as one and the same record: its name is made once. */
let lastNamed: { readonly version: Version; readonly change: string } | undefined;

function changeId(version: Version): string {
  if (lastNamed?.version === version) return lastNamed.change;
  const change = changeOf(formatVersion(version)) ?? holdsNothing;
  lastNamed = { version, change };
  return change;
}

/** Eager pushes of that change, of those nodes for which it is still the newest. */
function eagerPushesOf(change: string, election: ElectionName): number {
  return nodes.reduce((sum, node) => {
    const trace = node.member.trace(election);
    if (trace === undefined || changeId(trace.version) !== change) return sum;
    return sum + trace.pushesSent.eager;
  }, 0);
}

function countHeld(election: ElectionName): Record<string, number> {
  const held: Record<string, number> = {};
  for (const node of nodes) {
    const record = node.member.leader(election)?.sealed.record;
    const change = record === undefined ? holdsNothing : changeId(record.version);
    held[change] = (held[change] ?? 0) + 1;
  }
  return held;
}

function countSeen(): MembersSeen[] {
  const seen = new Map<string, MembersSeen>();
  for (const { member } of nodes) {
    const { live, unreachable, left } = member.memberCounts();
    const gone = unreachable + left;
    const key = `${String(live)} ${String(gone)}`;
    seen.set(key, { live, gone, nodes: (seen.get(key)?.nodes ?? 0) + 1 });
  }
  return [...seen.values()];
}

function countConverged(election: ElectionName): number {
  return nodes.filter(({ member }) => {
    const { applied, live } = member.convergence(election);
    return applied === live;
  }).length;
}

async function readTraffic(): Promise<TrafficCounters> {
  const framesSent = nodes.reduce((sum, node) => sum + node.member.stats().framesSent, 0);
  return { framesSent, bytesSent: (await bytesWritten()) ?? null };
}

serveWorker<NodeWorkerCalls>({
  start: async ({ tier: plan, seeds, nodes: plans }) => {
    tier ??= prepareTier(plan);
    const addresses: string[] = [];
    // One after the other: places in the table are given by the order of the plans.
    for (const node of plans) addresses.push(await startNode(tier, seeds, node));
    return addresses;
  },
  links: () => {
    const counts = nodes.map((node) => node.member.links().length);
    const linkEnds = counts.reduce((sum, count) => sum + count, 0);
    return { linkedNodes: counts.filter((count) => count > 0).length, linkEnds };
  },
  held: () => (tier === undefined ? {} : countHeld(tier.election)),
  arrivals: ({ change }): WorkerArrivals => ({
    arrivals: table.arrivals(change, nodes.length),
    eagerPushes: tier === undefined ? 0 : eagerPushesOf(change, tier.election),
  }),
  members: countSeen,
  converged: () => (tier === undefined ? 0 : countConverged(tier.election)),
  traffic: readTraffic,
});
