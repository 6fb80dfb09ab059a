/**
 * The one error of the client. Its `code` is what a program switches on; its message says what was
 * known, what was tried, and what to do, for the person who reads the log.
 */
import type { Attempt } from './attempts.ts';

/**
 * - `NO_LEADER`: nodes answered, but no leader is known: nobody was elected, the leader resigned,
 *   or no leader of the epoch that was asked for is known yet.
 * - `EXPIRED`: a leader is known, but its record is too old to be believed.
 * - `NOT_LEADER`: the leader that is known, or the elector beside it, says that it does not lead.
 * - `UNREACHABLE`: nobody who could answer was reached, or the connection was lost during the work.
 * - `DEADLINE_EXCEEDED`: those who were asked had not answered, or the work had not ended, when the
 *   time was up.
 * - `ABORTED`: the caller's signal ended the call; or the leader was overtaken during work that is not
 *   idempotent.
 * - `REJECTED`: the request was refused as it stands, or the leader is no allowed target; to repeat it
 *   will not help.
 * - `CLOSED`: the client was disposed.
 * - `INVALID_ARGUMENT`: an option breaks its rule; nothing was asked.
 */
export type ClientErrorCode =
  | 'NO_LEADER'
  | 'EXPIRED'
  | 'NOT_LEADER'
  | 'UNREACHABLE'
  | 'DEADLINE_EXCEEDED'
  | 'ABORTED'
  | 'REJECTED'
  | 'CLOSED'
  | 'INVALID_ARGUMENT';

/** What a call did before it failed. */
export interface FailureDetails {
  readonly cause?: unknown;
  readonly attempts?: readonly Attempt[];
  readonly redirects?: number;
  readonly retries?: number;
  readonly mayHaveRun?: boolean;
  readonly retryAfterMs?: number;
}

export class HeraldClientError extends Error {
  readonly code: ClientErrorCode;
  /** The newest attempts of the call, oldest first; bounded by `clientLimits.attemptsKeptMax`. */
  readonly attempts: readonly Attempt[];
  /** Hints that the call followed: *behind* of a node and NOT_LEADER of an elector. */
  readonly redirects: number;
  /** Questions after the first that no hint led to: after a failure, a delay, or a wait. */
  readonly retries: number;
  /**
   * Whether the work of `withLeader` may have run, wholly or in part, however it looks from here. When
   * false nothing of it has, and it can safely be done again.
   */
  readonly mayHaveRun: boolean;
  /** What the one that refused asks to wait before the next question, in milliseconds; 0: nothing said. */
  readonly retryAfterMs: number;

  constructor(code: ClientErrorCode, message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'HeraldClientError';
    this.code = code;
    this.attempts = details.attempts ?? [];
    this.redirects = details.redirects ?? 0;
    this.retries = details.retries ?? 0;
    this.mayHaveRun = details.mayHaveRun ?? false;
    this.retryAfterMs = details.retryAfterMs ?? 0;
  }

  /** `thrown` itself when it is a HeraldClientError, else one with `code` that has it as its cause. */
  static from(thrown: unknown, code: ClientErrorCode = 'UNREACHABLE'): HeraldClientError {
    if (thrown instanceof HeraldClientError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new HeraldClientError(code, message, { cause: thrown });
  }
}
