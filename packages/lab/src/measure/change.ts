/**
 * Decides what is said of one change of leader: how many nodes know, how fast, over how many links,
 * at how many pushes. Times run from the first elector's publishing to each node's applying.
 */
import type { Arrival } from '../worker/arrival-table.ts';
import { spreadOf } from './statistics.ts';

/** A change of leader as all nodes saw it. */
export interface Change {
  /** `lineage.epoch.sequence`. */
  readonly id: string;
  readonly epoch: bigint;
  readonly leaderId: string;
  /** When the first elector published it, on the machine's monotonic clock. */
  readonly publishedMs: number;
  /** Nodes that run. */
  readonly nodes: number;
  /** Nodes that know. */
  readonly reached: number;
  /** Undefined when nobody was reached. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number | undefined;
  readonly maxHops: number | undefined;
  /** Eager pushes of the change that all nodes together sent, per node. */
  readonly pushesPerNode: number;
}

/** What one worker says of a change. */
export interface WorkerArrivals {
  /** One place for each of its nodes; null for a node that has not heard of the change. */
  readonly arrivals: readonly (Arrival | null)[];
  readonly eagerPushes: number;
}

/** What the electors' logs say of a change. */
export interface PublishedChange {
  readonly id: string;
  readonly epoch: bigint;
  readonly leaderId: string;
  readonly publishedMs: number;
}

export function summariseChange(
  published: PublishedChange,
  workers: readonly WorkerArrivals[],
): Change {
  const places = workers.flatMap(({ arrivals }) => arrivals);
  const reached = places.filter((arrival) => arrival !== null);
  const spread = spreadOf(reached.map(({ atMs }) => atMs - published.publishedMs));
  const hops = reached.map((arrival) => arrival.hops);
  const eagerPushes = workers.reduce((sum, worker) => sum + worker.eagerPushes, 0);
  return {
    ...published,
    nodes: places.length,
    reached: reached.length,
    p50Ms: spread?.p50Ms,
    p99Ms: spread?.p99Ms,
    maxMs: spread?.maxMs,
    maxHops: hops.length === 0 ? undefined : Math.max(...hops),
    pushesPerNode: places.length === 0 ? 0 : eagerPushes / places.length,
  };
}
