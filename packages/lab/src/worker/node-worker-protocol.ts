/** What the lab asks a worker process that hosts gossip nodes. Everything survives JSON. */
import type { NodeSecurity } from '../authority/lab-security.ts';
import type { WorkerArrivals } from '../measure/change.ts';

/** One node to start. */
export interface NodePlan {
  readonly nodeId: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** What all nodes of a worker have in common. */
export interface TierPlan {
  readonly cluster: string;
  readonly election: string;
  readonly host: string;
  readonly logLevel: string;
  /** Links that each node dials; the core's default when absent. */
  readonly fanout?: number;
  /** Plain text, and any record is believed, when absent. */
  readonly security?: NodeSecurity;
  /** After which a lazy link pushes, see the core's tuning. */
  readonly lazyDelayMs: number;
}

/** Sums over the nodes of a worker, since they began. */
export interface TrafficCounters {
  readonly framesSent: number;
  /** Of whole processes, with HTTP/2 and the little that they say to the lab; null where unknown. */
  readonly bytesSent: number | null;
}

export interface LinkCounts {
  /** Nodes with a link to another member. */
  readonly linkedNodes: number;
  /** Links of all nodes, each counted at both of its ends. */
  readonly linkEnds: number;
}

/** What a node makes of the members: how many take part, and how many do not. */
export interface MembersSeen {
  readonly live: number;
  /** Unreachable, or left. */
  readonly gone: number;
  /** Nodes that see it so. */
  readonly nodes: number;
}

export interface NodeWorkerCalls {
  /** Starts more nodes; answered with their addresses when they listen. */
  readonly start: {
    readonly request: {
      readonly tier: TierPlan;
      readonly seeds: readonly string[];
      readonly nodes: readonly NodePlan[];
    };
    readonly reply: readonly string[];
  };
  readonly links: { readonly request: object; readonly reply: LinkCounts };
  /** How many nodes hold which change (`lineage.epoch.sequence`, or `none`). */
  readonly held: { readonly request: object; readonly reply: Readonly<Record<string, number>> };
  readonly arrivals: {
    readonly request: { readonly change: string };
    readonly reply: WorkerArrivals;
  };
  readonly members: { readonly request: object; readonly reply: readonly MembersSeen[] };
  /** Nodes whose view is that all live members have applied the newest change. */
  readonly converged: { readonly request: object; readonly reply: number };
  readonly traffic: { readonly request: object; readonly reply: TrafficCounters };
}

/** Stands for "no record yet" in the reply to `held`. */
export const holdsNothing = 'none';
