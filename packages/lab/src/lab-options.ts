/** What a lab is made of. Decides the defaults, which are those of `npm start`. */
import { defaultTuning } from '@herald/core';
import type { EtcdCluster } from './etcd/etcd-cluster.ts';

export interface LabOptions {
  /** Gossip nodes. */
  readonly nodes?: number;
  readonly electors?: number;
  /** Members of the etcd that is started, or an etcd that runs already and is left running. */
  readonly etcd?: 1 | 3 | EtcdCluster;
  /** Of the electors' leases, in whole seconds. */
  readonly ttlSeconds?: number;
  /** First of the ports for electors and nodes; the system chooses when absent. */
  readonly portBase?: number;
  readonly nodesPerProcess?: number;
  /** Links that each node dials; the core's default when absent. */
  readonly fanout?: number;
  /** Of the gossip nodes; the electors log what the lab needs of them in any case. */
  readonly logLevel?: string;
  /** Plain text and unsigned records; TLS and signatures unless true. */
  readonly insecure?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  /** Ends the start; a lab that is up is ended by closing it. */
  readonly signal?: AbortSignal;
  readonly progress?: (progress: LabProgress) => void;
  /** Told each line that a worker prints: warnings of the nodes. */
  readonly onWorkerLine?: (line: string) => void;
}

/** What a start tells those who wait. */
export type LabProgress =
  /** Something that takes a while is about to be done, e.g. installing etcd. */
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'etcd'; readonly etcd: EtcdCluster }
  | {
      readonly kind: 'nodes';
      readonly linked: number;
      readonly total: number;
      readonly processes: number;
    }
  | { readonly kind: 'electors'; readonly ready: number; readonly total: number };

export const labDefaults = {
  nodes: 25,
  electors: 3,
  etcdMembers: 1,
  ttlSeconds: 3,
  /**
   * Nodes per worker process. A process costs some 60 MiB before its first node and its collector's
   * slack comes on top: 500 nodes took 664 MiB in four processes and 442 MiB in two, which is also as
   * many as a small machine has cores to run them.
   */
  nodesPerProcess: 250,
  logLevel: 'error',
} as const;

export const labLimits = {
  /** Nodes of one lab: each is a server and some eight connections. */
  nodesMax: 2_000,
  electorsMax: 15,
  nodesPerProcessMax: 500,
  fanoutMax: 12,
  /** etcd leases come in whole seconds. */
  ttlSecondsMax: 60,
} as const;

/** The names under which a lab's cluster and election are known. */
export const labNames = { cluster: 'lab', election: 'demo', host: '127.0.0.1' } as const;

/**
 * The lazy delay of the lab's nodes. On one machine they take turns: a change costs its cores some
 * 0.2 ms for each node, so that the tree of hundreds takes longer than the core's 40 ms, and lazy
 * pushes that begin before it is done only get into its way. Machines of their own have no such queue.
 */
export function lazyDelayMsFor(nodes: number): number {
  return Math.max(defaultTuning.lazyDelayMs, 0.25 * nodes);
}
