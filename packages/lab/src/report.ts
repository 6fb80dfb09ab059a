/**
 * Decides the shape of `--json`: what `npm start` measured, for programs. What could not be measured
 * on this machine is null, never a guess.
 */
import type { Change } from './measure/change.ts';
import type { IdleUsage } from './measure/idle.ts';
import { rounded } from './measure/statistics.ts';

export type ChangeCause = 'elected' | 'crash' | 'step-down';

export interface ChangeReport {
  readonly cause: ChangeCause;
  readonly epoch: number;
  readonly leaderId: string;
  readonly reached: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
  readonly maxHops: number | null;
  readonly pushesPerNode: number;
  /** From the kill or the request to step down to the successor's publishing; 0 when elected. */
  readonly detectMs: number;
}

export interface ClientReport {
  readonly calls: number;
  readonly redirects: number;
  readonly retries: number;
  readonly failures: number;
  /** Calls answered with an elector that did not lead at any moment of the call. */
  readonly wrongLeader: number;
}

export interface IdleReport {
  /** Everything together: etcd, electors, workers, the lab itself. */
  readonly cpuCores: number | null;
  readonly rssMiB: number | null;
  readonly framesPerNodePerSecond: number;
  /** Written to sockets, HTTP/2 included. */
  readonly bytesPerNodePerSecond: number | null;
}

export interface MembersReport {
  /** From the moment when the last member had come up to that when every node counted all of them. */
  readonly allKnownMs: number;
  /** Null where none was to be lost, or one worker process hosts all nodes. */
  readonly massFailure: MassFailureReport | null;
}

/** A worker process killed, with all its nodes. */
export interface MassFailureReport {
  readonly killed: number;
  /** From the kill until all others counted them out. */
  readonly agreedMs: number;
  /** The next change of leader: how many of the nodes that were left heard of it, and how fast. */
  readonly reached: number;
  readonly survivors: number;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
  /** From when the last of them had come up again until all counted everybody. */
  readonly backMs: number;
}

export interface LabReport {
  readonly nodes: number;
  readonly electors: number;
  readonly etcd: { readonly version: string; readonly clientConnections: number | null };
  readonly startup: { readonly readyMs: number };
  readonly changes: readonly ChangeReport[];
  readonly client: ClientReport;
  readonly idle: IdleReport;
  readonly members: MembersReport;
}

/** @param sinceMs The kill or the request, on the monotonic clock; undefined for the first election. */
export function reportChange(
  cause: ChangeCause,
  change: Change,
  sinceMs: number | undefined,
): ChangeReport {
  return {
    cause,
    // An etcd revision is far below 2^53: at a million a second that would take 285 years.
    epoch: Number(change.epoch),
    leaderId: change.leaderId,
    reached: change.reached,
    p50Ms: roundedOrNull(change.p50Ms),
    p99Ms: roundedOrNull(change.p99Ms),
    maxMs: roundedOrNull(change.maxMs),
    maxHops: change.maxHops ?? null,
    pushesPerNode: rounded(change.pushesPerNode, 3),
    detectMs: sinceMs === undefined ? 0 : rounded(change.publishedMs - sinceMs, 1),
  };
}

export function reportIdle(idle: IdleUsage): IdleReport {
  return {
    cpuCores: roundedOrNull(idle.cpuCores),
    rssMiB: roundedOrNull(idle.rssMiB),
    framesPerNodePerSecond: rounded(idle.framesPerNodePerSecond, 2),
    bytesPerNodePerSecond: roundedOrNull(idle.bytesPerNodePerSecond),
  };
}

export function reportMembers(
  allKnownMs: number,
  massFailure: MassFailureReport | undefined,
): MembersReport {
  if (massFailure === undefined) return { allKnownMs: rounded(allKnownMs, 0), massFailure: null };
  const { agreedMs, backMs } = massFailure;
  return {
    allKnownMs: rounded(allKnownMs, 0),
    massFailure: { ...massFailure, agreedMs: rounded(agreedMs, 0), backMs: rounded(backMs, 0) },
  };
}

function roundedOrNull(value: number | undefined): number | null {
  return value === undefined ? null : rounded(value, 2);
}
