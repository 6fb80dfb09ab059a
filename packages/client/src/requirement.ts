/** Decides whether what is known is good enough for one caller, and if not, what is missing. */
import { ageMs } from '@herald/core';
import type { KnownRecord } from './known-record.ts';

export interface Requirement {
  /** The lowest epoch the caller accepts. */
  readonly minEpoch: bigint;
  /** The oldest record the caller accepts. */
  readonly maxAgeMs: number;
  /** Whether the caller takes a leader whose record has expired. */
  readonly allowExpired: boolean;
}

/** A call without options: the leader, whoever it is, as long as its record is to be believed. */
export const anyLeader: Requirement = { minEpoch: 0n, maxAgeMs: Infinity, allowExpired: false };

export type Shortfall = 'nothing-known' | 'vacant' | 'epoch-too-low' | 'expired' | 'too-old';

/** What `known` lacks to be returned to this caller now; `undefined`: nothing. */
export function shortfall(
  known: KnownRecord | undefined,
  requirement: Requirement,
  nowMs: number,
): Shortfall | undefined {
  if (known === undefined) return 'nothing-known';
  const { record } = known.sealed;
  if (record.kind === 'vacancy') return 'vacant';
  if (record.version.epoch < requirement.minEpoch) return 'epoch-too-low';
  const age = ageMs(known, nowMs);
  if (age >= record.validityMs && !requirement.allowExpired) return 'expired';
  if (age > requirement.maxAgeMs) return 'too-old';
  return undefined;
}
