/** What a caller tells a leader's server of what it knows, and what a server that does not lead answers. */
import type { ElectionName } from '@herald/core';
import type { CarriedRecord } from './record-messages.ts';

/** The newest leadership that a caller knows of when it calls. */
export interface Caller {
  /** Whose leader it means to call. */
  readonly election: ElectionName;
  /** 0 to 2^32 − 1. */
  readonly lineage: number;
  /** 0 to 2^63 − 1. */
  readonly epoch: bigint;
}

/** A call was refused before it ran, since who was called does not lead. */
export interface NotLeader {
  readonly election: ElectionName;
  /**
   * The best record known to the one who refuses, as issued, so that it can be verified; undefined when
   * it knows none. It may be a vacancy or have expired: its version says whether it is news.
   */
  readonly known: CarriedRecord | undefined;
  /**
   * Set when `known` names nobody to call instead: a lookup or a call makes sense after this many
   * milliseconds, whole ones, 0 to `limits.validityMsMax`.
   */
  readonly retryAfterMs: number | undefined;
}
