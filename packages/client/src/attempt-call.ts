/** One question with a time-out of its own, for those that are not hedged; writes it to a log. */
import type { Address } from '@herald/core';
import type { Attempt, AttemptLog, AttemptOutcome } from './attempts.ts';
import type { Clock } from './clock.ts';
import { HeraldClientError } from './errors.ts';
import { abort, newAbort, onAbort } from './on-abort.ts';

export interface AttemptPlan<Answer> {
  readonly clock: Clock;
  readonly endpoint: Address;
  readonly what: Attempt['what'];
  readonly timeoutMs: number;
  /** Ends the question early. */
  readonly signal: AbortSignal;
  readonly log: AttemptLog;
  readonly ask: (call: { readonly signal: AbortSignal }) => Promise<Answer>;
  /** What the log says of an answer. */
  readonly judge: (answer: Answer) => AttemptOutcome;
}

export type AttemptResult<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer; readonly roundTripMs: number }
  | {
      readonly kind: 'failed';
      readonly outcome: AttemptOutcome;
      readonly error: HeraldClientError;
    };

export async function attempt<Answer>(plan: AttemptPlan<Answer>): Promise<AttemptResult<Answer>> {
  const { clock, endpoint, log, signal, what } = plan;
  const controller = newAbort();
  const startedAtMs = clock.nowMs();
  let cutShort: 'timeout' | 'pending' | undefined;
  const cancelTimeout = clock.startTimer(plan.timeoutMs, () => {
    cutShort ??= 'timeout';
    abort(controller);
  });
  const stopListening = onAbort(signal, () => {
    cutShort ??= 'pending';
    abort(controller);
  });
  const write = (outcome: AttemptOutcome, detail?: string): void => {
    const durationMs = clock.nowMs() - startedAtMs;
    const facts = { endpoint, what, durationMs, outcome };
    log.add(detail === undefined ? facts : { ...facts, detail });
  };
  try {
    const answer = await plan.ask({ signal: controller.signal });
    write(plan.judge(answer));
    return { kind: 'answered', answer, roundTripMs: clock.nowMs() - startedAtMs };
  } catch (thrown) {
    const error = HeraldClientError.from(thrown);
    const outcome = cutShort ?? outcomeOf(error);
    write(outcome, cutShort === undefined ? error.message : undefined);
    return { kind: 'failed', outcome, error };
  } finally {
    cancelTimeout();
    stopListening();
  }
}

function outcomeOf({ code }: HeraldClientError): AttemptOutcome {
  switch (code) {
    case 'REJECTED':
      return 'rejected';
    case 'UNTRUSTED':
      return 'untrusted';
    default:
      return 'unreachable';
  }
}
