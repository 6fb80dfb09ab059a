/**
 * What users get to see of a record. Everything that changes with time is reckoned at the moment
 * the result is made, by the client's own clock.
 */
import { ageMs } from '@herald/core';
import type { Address, LeaderClaim, NodeId, Version } from '@herald/core';
import type { Attempt } from './attempts.ts';
import type { KnownRecord, Source } from './known-record.ts';

interface RecordFacts {
  /** The fencing token: grows with each leader, and with each term of the same one. */
  readonly epoch: bigint;
  readonly version: Version;
  /** How long ago the record was issued, in milliseconds. */
  readonly ageMs: number;
  /** Links it crossed from its elector to the node that told it. */
  readonly hops: number;
  /** Who told it. */
  readonly source: Source;
}

/** A leader; `expired` when the record is too old to be believed. */
export interface LeaderFacts extends RecordFacts {
  readonly status: 'current' | 'expired';
  readonly leaderId: NodeId;
  /** Where the service that leads is reached: Herald's electors publish `host:port`. */
  readonly address: string;
  /** Where the elector beside it answers; `undefined` for a leader that is not Herald's. */
  readonly electorAddress: Address | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** For how long this can still be true, in milliseconds; 0 when expired. */
  readonly validForMs: number;
}

/** Nobody leads: the leader resigned, or its key vanished from etcd. */
export interface VacancyFacts extends RecordFacts {
  readonly status: 'vacant';
}

export type LeaderUpdate = LeaderFacts | VacancyFacts;

export interface LeaderResult extends LeaderFacts {
  /** The elector beside the leader said, during this call, that it leads. */
  readonly verified: boolean;
  /** Answered from what was known; nobody was asked. */
  readonly cached: boolean;
  /** The newest attempts of this call, oldest first; those of a shared lookup are in all its calls. */
  readonly attempts: readonly Attempt[];
  /** Hints followed. */
  readonly redirects: number;
  /** Questions after the first that no hint led to. */
  readonly retries: number;
}

/** How a result came about. */
export interface ResultOrigin {
  readonly verified: boolean;
  readonly cached: boolean;
  readonly attempts: readonly Attempt[];
  readonly redirects: number;
  readonly retries: number;
}

/** Written out field by field: this is the hot path of a cached call. */
export function leaderResult(
  known: KnownRecord,
  claim: LeaderClaim,
  nowMs: number,
  origin: ResultOrigin,
): LeaderResult {
  const age = ageMs(known, nowMs);
  const validForMs = Math.max(0, claim.validityMs - age);
  const { leader, version } = claim;
  return {
    status: validForMs > 0 ? 'current' : 'expired',
    leaderId: leader.id,
    address: leader.address,
    electorAddress: leader.electorAddress,
    metadata: leader.metadata,
    epoch: version.epoch,
    version,
    ageMs: age,
    validForMs,
    hops: known.hops,
    source: known.source,
    verified: origin.verified,
    cached: origin.cached,
    attempts: origin.attempts,
    redirects: origin.redirects,
    retries: origin.retries,
  };
}

/** What is known, whatever it is. */
export function leaderUpdate(known: KnownRecord, nowMs: number): LeaderUpdate {
  const { record } = known.sealed;
  const { version } = record;
  const age = ageMs(known, nowMs);
  const facts = {
    epoch: version.epoch,
    version,
    ageMs: age,
    hops: known.hops,
    source: known.source,
  };
  if (record.kind === 'vacancy') return { status: 'vacant', ...facts };
  const { leader } = record;
  const validForMs = Math.max(0, record.validityMs - age);
  return {
    status: validForMs > 0 ? 'current' : 'expired',
    leaderId: leader.id,
    address: leader.address,
    electorAddress: leader.electorAddress,
    metadata: leader.metadata,
    validForMs,
    ...facts,
  };
}
