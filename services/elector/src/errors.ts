/** The one error of this package: what the world did that a campaign cannot go on with as if nothing were. */

/**
 * - `ETCD_UNREACHABLE`: no connection, no quorum, or the connection broke; whether a write was done is unknown.
 * - `ETCD_TIMEOUT`: no answer in time; whether a write was done is unknown.
 * - `ETCD_REFUSED`: etcd answered that it will not (permission, space, a bad request).
 * - `WATCH_ENDED`: a watch ended; what happened since must be read.
 * - `LEASE_LOST`: etcd does not know the lease: it expired or was revoked.
 * - `FENCED`: the own key is gone or another one, so the write was not done.
 * - `HISTORY_LOST`: this etcd is not the one, or not the history, that the tier's records come from.
 * - `LEADERSHIP_ENDED`: reason of the signal of a leadership that is over.
 * - `UNHEALTHY`: the application's health check keeps the candidate out of line.
 * - `UNKNOWN_ELECTION`: this elector does not take part in it.
 * - `STALE_EPOCH`: a fence has admitted a later leadership, so this one's write is refused.
 * - `LINEAGE_EXHAUSTED`: no higher lineage can be written.
 * - `CLOSED`: the elector was closed.
 */
export type ElectorErrorCode =
  | 'ETCD_UNREACHABLE'
  | 'ETCD_TIMEOUT'
  | 'ETCD_REFUSED'
  | 'WATCH_ENDED'
  | 'LEASE_LOST'
  | 'FENCED'
  | 'HISTORY_LOST'
  | 'LEADERSHIP_ENDED'
  | 'UNHEALTHY'
  | 'UNKNOWN_ELECTION'
  | 'STALE_EPOCH'
  | 'LINEAGE_EXHAUSTED'
  | 'CLOSED';

export class ElectorError extends Error {
  readonly code: ElectorErrorCode;

  constructor(code: ElectorErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'ElectorError';
    this.code = code;
  }
}

/** Whether `error` is this package's, with one of `codes` (any, when none is named). */
export function isElectorError(
  error: unknown,
  ...codes: readonly ElectorErrorCode[]
): error is ElectorError {
  return error instanceof ElectorError && (codes.length === 0 || codes.includes(error.code));
}

/** What went wrong, in one line for logs and `Status`. */
export function describeTrouble(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\s*\n\s*/g, ' ') : String(error);
}
