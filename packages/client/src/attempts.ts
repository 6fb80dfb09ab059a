/**
 * What a call did, question by question. Decides how much of it is kept: the newest attempts, so
 * that a call which waits for minutes does not grow; the counts cover all of them.
 */
import type { Address } from '@herald/core';
import { clientLimits } from './tuning.ts';

/**
 * How a question ended.
 * - `current`, `expired`, `vacant`, `unknown`: the node's answer.
 * - `behind`: the node knows less than the client.
 * - `leading`, `not-leading`: the elector's answer.
 * - `answered`: any other answer.
 * - `unreachable`, `timeout`, `rejected`: no answer that could be used.
 * - `cancelled`: no longer needed, because another question was answered first.
 * - `pending`: still open when the call ended.
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
  | 'cancelled'
  | 'pending';

/** One question to one endpoint. */
export interface Attempt {
  readonly endpoint: Address;
  readonly what: 'lookup' | 'confirm' | 'members' | 'convergence' | 'status' | 'step-down';
  readonly durationMs: number;
  readonly outcome: AttemptOutcome;
  /** What the other end or the network said, where it said something. */
  readonly detail?: string;
}

const withoutAnswer: ReadonlySet<AttemptOutcome> = new Set([
  'unreachable',
  'timeout',
  'rejected',
  'cancelled',
  'pending',
]);

/** Whether the other end answered the question, with good news or bad. */
export function isAnswered(attempt: Attempt): boolean {
  return !withoutAnswer.has(attempt.outcome);
}

export class AttemptLog {
  #attempts: Attempt[] = [];
  /** Hints followed. */
  redirects = 0;
  /** Questions after the first that no hint led to. */
  retries = 0;
  /** How many attempts were answered, among all there were. */
  answered = 0;

  get attempts(): readonly Attempt[] {
    return this.#attempts;
  }

  /** The last attempt that was answered. */
  get lastAnswer(): Attempt | undefined {
    return this.#attempts.findLast(isAnswered);
  }

  add(attempt: Attempt): void {
    if (isAnswered(attempt)) this.answered++;
    this.#attempts.push(attempt);
    if (this.#attempts.length > clientLimits.attemptsKeptMax) this.#attempts.shift();
  }

  /** Takes over what a lookup that was shared by several calls did. */
  append(shared: AttemptLog, pending: readonly Attempt[] = []): void {
    // For a call that asked before, the first question of this lookup is one more retry.
    if (this.#attempts.length > 0) this.retries++;
    this.redirects += shared.redirects;
    this.retries += shared.retries;
    for (const attempt of shared.attempts) this.add(attempt);
    for (const attempt of pending) this.add(attempt);
  }
}
