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
 */
export type ElectionState = 'joining' | 'waiting' | 'leading' | 'stopped';

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
