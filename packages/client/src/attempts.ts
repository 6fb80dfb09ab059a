/**
 * What a call did, question by question. Decides how much of it is kept: the newest attempts, so
 * that a call which waits for minutes does not grow; the counts cover all of them.
 */
import { clientLimits } from './tuning.ts';

/**
 * How a question, or the work at a leader, ended.
 * - `current`, `expired`, `vacant`, `unknown`: the node's answer.
 * - `behind`: the node knows less than the client.
 * - `leading`, `not-leading`: the elector's answer; `not-leading` also that of a leader to the work.
 * - `answered`: any other answer.
 * - `untrusted`: the answer carried a record that no trusted key has signed.
 * - `unreachable`, `timeout`, `rejected`: no answer that could be used.
 * - `not-listed`: not asked, because it is neither a member nor an allowed target.
 * - `cancelled`: no longer needed, because another question was answered first.
 * - `pending`: still open when the call ended.
 * - `lost`, `busy`, `overtaken`: the connection was lost, the leader has too much to do, a newer one
 *   became known; in all of these the work may have run.
 * - `failed`: the work threw an error of its own.
 * - `done`: the work was done.
 */
export type AttemptOutcome =
  | 'current'
  | 'expired'
  | 'vacant'
  | 'unknown'
  | 'behind'
  | 'leading'
  | 'not-leading'
  | 'answered'
  | 'unreachable'
  | 'timeout'
  | 'rejected'
  | 'untrusted'
  | 'not-listed'
  | 'cancelled'
  | 'pending'
  | 'lost'
  | 'busy'
  | 'overtaken'
  | 'failed'
  | 'done';

/** One question to one endpoint, or one run of the work at a leader. */
export interface Attempt {
  /** `host:port` of the endpoint; where the leader is reached for work. */
  readonly endpoint: string;
  readonly what:
    | 'lookup'
    | 'confirm'
    | 'members'
    | 'convergence'
    | 'status'
    | 'step-down'
    | 'raise-lineage'
    | 'work';
  readonly durationMs: number;
  readonly outcome: AttemptOutcome;
  /** What the other end or the network said, where it said something. */
  readonly detail?: string;
}

const withoutAnswer: ReadonlySet<AttemptOutcome> = new Set([
  'unreachable',
  'timeout',
  'rejected',
  'untrusted',
  'not-listed',
  'cancelled',
  'pending',
  'lost',
  'overtaken',
]);

/** Whether the other end answered the question, with good news or bad. */
export function isAnswered(attempt: Attempt): boolean {
  return !withoutAnswer.has(attempt.outcome);
}

export class AttemptLog {
  readonly #attempts: Attempt[] = [];
  readonly #onAttempt: ((attempt: Attempt) => void) | undefined;
  /** Hints followed. */
  redirects = 0;
  /** Questions after the first that no hint led to. */
  retries = 0;
  /** How many attempts were answered, among all there were. */
  answered = 0;

  /** @param onAttempt Told of each attempt that was made here; what is taken over was told elsewhere. */
  constructor(onAttempt?: (attempt: Attempt) => void) {
    this.#onAttempt = onAttempt;
  }

  get attempts(): readonly Attempt[] {
    return this.#attempts;
  }

  /** The last attempt that was answered. */
  get lastAnswer(): Attempt | undefined {
    return this.#attempts.findLast(isAnswered);
  }

  add(attempt: Attempt): void {
    this.#keep(attempt);
    this.#onAttempt?.(attempt);
  }

  /** Takes over what a lookup that was shared by several calls did. */
  append(shared: AttemptLog, pending: readonly Attempt[] = []): void {
    // For a call that asked before, the first question of this lookup is one more retry.
    if (this.#attempts.length > 0) this.retries++;
    this.redirects += shared.redirects;
    this.retries += shared.retries;
    for (const attempt of shared.attempts) this.#keep(attempt);
    for (const attempt of pending) this.#keep(attempt);
  }

  #keep(attempt: Attempt): void {
    if (isAnswered(attempt)) this.answered++;
    this.#attempts.push(attempt);
    if (this.#attempts.length > clientLimits.attemptsKeptMax) this.#attempts.shift();
  }
}
