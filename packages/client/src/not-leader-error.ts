/**
 * What work throws to say that whoever it asked does not lead. Nothing is decided here: it carries what
 * the refusal said, for those whose protocol is not gRPC.
 */
import type { CarriedRecord } from '@herald/wire';

export interface NotLeaderDetails {
  /**
   * The newest epoch that whoever refused has heard of. It is what nodes are asked for next; it is not
   * believed, since it comes without a record.
   */
  readonly epoch?: bigint;
  /** The newest record that whoever refused knows; followed at once when it is newer. */
  readonly known?: CarriedRecord;
  /** Ask again after this many milliseconds at the earliest; 0 or more. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/**
 * To be thrown by the work of `withLeader` when the service it asked refused because it does not lead,
 * and did nothing else: a 421 or a 503 of an HTTP service, say. The work is done again where the leader
 * is. What gRPC services answer through Herald's guard is understood as it is.
 */
export class NotLeaderError extends Error {
  readonly epoch: bigint | undefined;
  readonly known: CarriedRecord | undefined;
  readonly retryAfterMs: number;

  constructor(message = 'whoever was asked does not lead', details: NotLeaderDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'NotLeaderError';
    this.epoch = details.epoch;
    this.known = details.known;
    this.retryAfterMs = details.retryAfterMs ?? 0;
  }
}
