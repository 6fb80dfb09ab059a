/**
 * The leader record: what Herald spreads. A record is either a leader or a vacancy, at a version.
 * This file decides how old a held record is and for how long it can still be true.
 */
import type { Address, ElectionName, NodeId } from './ids.ts';
import { isNewer } from './version.ts';
import type { Version } from './version.ts';

/** The leader as it presented itself when it campaigned. */
export interface Leader {
  readonly id: NodeId;
  /**
   * Where the service that leads is reached. Herald's own electors publish a checked `host:port`; a
   * candidate that is not Herald's puts there whatever it proposed.
   */
  readonly address: string;
  /** Where the elector beside the leader answers `Confirm`; a foreign candidate has none. */
  readonly electorAddress?: Address;
  readonly metadata: Readonly<Record<string, string>>;
}

interface RecordBase {
  readonly election: ElectionName;
  readonly version: Version;
  /** Node id of the elector that issued these bytes. */
  readonly issuer: NodeId;
}

export interface LeaderClaim extends RecordBase {
  readonly kind: 'leader';
  readonly leader: Leader;
  /** How long the lease could still live at the moment of issue, in milliseconds, ≥ 0. */
  readonly validityMs: number;
}

/** Nobody leads: the leader resigned, or its key vanished from etcd. */
export interface Vacancy extends RecordBase {
  readonly kind: 'vacancy';
}

export type LeaderRecord = LeaderClaim | Vacancy;

/** A record with the very bytes its issuer encoded and signed; those are what is forwarded. */
export interface SealedRecord {
  readonly record: LeaderRecord;
  readonly bytes: Uint8Array;
  /** Key id and signature of the issuer; empty when it does not sign. Whoever hands it to us has checked them. */
  readonly keyId: string;
  readonly signature: Uint8Array;
}

/** A record as one member holds it. Times are milliseconds of that member's monotonic clock. */
export interface HeldRecord {
  readonly sealed: SealedRecord;
  /** When this member applied it. */
  readonly appliedAtMs: number;
  /** How long ago it had been issued at that moment. */
  readonly ageAtApplyMs: number;
  /** Links crossed from the issuer to this member; 0 where it was published. */
  readonly hops: number;
}

/** What a reader may believe of a held record. */
export type RecordStatus = 'current' | 'expired' | 'vacant';

/** How long ago the record was issued, in milliseconds. */
export function ageMs(held: HeldRecord, nowMs: number): number {
  return held.ageAtApplyMs + Math.max(0, nowMs - held.appliedAtMs);
}

/** For how long the claim can still be true, in milliseconds; 0 when expired or vacant. */
export function validForMs(held: HeldRecord, nowMs: number): number {
  const { record } = held.sealed;
  if (record.kind === 'vacancy') return 0;
  return Math.max(0, record.validityMs - ageMs(held, nowMs));
}

export function recordStatus(held: HeldRecord, nowMs: number): RecordStatus {
  if (held.sealed.record.kind === 'vacancy') return 'vacant';
  return validForMs(held, nowMs) > 0 ? 'current' : 'expired';
}

/**
 * The newer of two records of one election: `max(version)`, commutative, associative, idempotent.
 * Records of equal version make the same claim, so the one already held stays.
 */
export function mergeRecords<Held extends { readonly sealed: SealedRecord }>(
  held: Held | undefined,
  offered: Held,
): Held {
  if (held === undefined) return offered;
  return isNewer(offered.sealed.record.version, held.sealed.record.version) ? offered : held;
}
