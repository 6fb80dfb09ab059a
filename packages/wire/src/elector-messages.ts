/** What clients, leaders' servers and operators ask an elector, and its answers, in the domain's types. */
import type { ElectionName, NodeId, Version } from '@herald/core';
import type { LeaderAnswer } from './node-messages.ts';

export interface ConfirmRequest {
  readonly election: ElectionName;
  /** The version the caller believes in; `undefined`: any. */
  readonly version: Version | undefined;
}

export interface ConfirmResponse {
  /** This elector leads, and its version is not older than the caller's. */
  readonly leading: boolean;
  /** How long its own deadline allows it to lead without another renewal, in milliseconds, ≥ 0. */
  readonly leadingForMs: number;
  /** The best record known here: its own while leading, else where to go. */
  readonly best: LeaderAnswer;
  /** When nobody is known to lead: ask again after this many milliseconds, ≥ 0. */
  readonly retryAfterMs: number;
  readonly electorId: NodeId;
}

export interface StatusRequest {
  /** `undefined`: all elections of this elector. */
  readonly election: ElectionName | undefined;
}

/**
 * - `joining`: not connected to etcd, or not yet in line.
 * - `waiting`: in line behind another candidate.
 * - `refusing`: etcd's history was lost, and an operator has to raise the lineage.
 */
export type ElectionState = 'joining' | 'waiting' | 'leading' | 'refusing' | 'stopped';

export interface ElectionStatus {
  readonly election: ElectionName;
  readonly state: ElectionState;
  /** Create revision of this candidate's key; 0 when it has none. */
  readonly epoch: bigint;
  /** In milliseconds, ≥ 0; 0 unless leading. */
  readonly leadingForMs: number;
  readonly best: LeaderAnswer;
  /** The last trouble with etcd, for people; empty when there is none. */
  readonly trouble: string;
}

export interface StatusResponse {
  readonly electorId: NodeId;
  readonly elections: readonly ElectionStatus[];
}

export interface StepDownRequest {
  readonly election: ElectionName;
  /** For people and logs; may be empty. */
  readonly reason: string;
}

export interface StepDownResponse {
  /** False when this elector did not lead. */
  readonly steppedDown: boolean;
  /** The epoch that ended; 0 when none did. */
  readonly epoch: bigint;
}

export interface RaiseLineageRequest {
  /** Only to say what is found, and what would be done. */
  readonly dryRun: boolean;
  /** The highest lineage that the caller knows of from elsewhere; the new one will be above it. */
  readonly knownLineage: number;
  /** The new lineage is at least this, also where nothing is wrong; 0: no such wish. */
  readonly atLeast: number;
}

/**
 * - `would-raise`: it would have been raised, had it not been a dry run.
 * - `not-needed`: nothing is wrong with etcd's history, and nobody knows of a higher lineage.
 * - `leader-lives`: a leader of the lost history may still lead; not before its record has expired.
 */
export type RaiseOutcome = 'raised' | 'would-raise' | 'not-needed' | 'leader-lives';

export interface RaiseLineageResponse {
  readonly electorId: NodeId;
  readonly outcome: RaiseOutcome;
  /** Why the elector refuses what etcd holds, for people; empty when it does not. */
  readonly trouble: string;
  /** What etcd calls itself, decimal. */
  readonly clusterId: string;
  /** What etcd is at. */
  readonly revision: bigint;
  /** What etcd's mark said; undefined when there is none that can be read. */
  readonly lineageBefore: number | undefined;
  /** The highest that the tier knows, as far as the elector and its caller heard. */
  readonly tierLineage: number;
  /** The new lineage; 0 when none is needed. */
  readonly raisedTo: number;
  /** For how long a leader of the lost history may live at most, in milliseconds; 0 when none does. */
  readonly waitMs: number;
  /** Who that is, for people. */
  readonly waitFor: string;
}
