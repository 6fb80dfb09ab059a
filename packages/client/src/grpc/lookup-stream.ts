/**
 * One standing stream of lookups to one node. Decides which answer belongs to which question, how many
 * may be unanswered, and when the stream has had its day. A question that its caller gave up keeps its
 * place until its answer comes, so that a node which does not answer is not sent questions without end.
 */
import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { GetLeaderRequest, LeaderAnswer, LookupAnswer, LookupRequest } from '@herald/wire';
import { HeraldClientError } from '../errors.ts';
import { onAbort } from '../on-abort.ts';
import { clientLimits, lookupStreamTuning as tuning } from '../tuning.ts';

/** A question and whoever waits for its answer. */
export interface Question {
  readonly request: GetLeaderRequest;
  /** Aborts when its caller gives it up. */
  readonly signal: AbortSignal;
  readonly resolve: (answer: LeaderAnswer | Promise<LeaderAnswer>) => void;
  readonly reject: (error: HeraldClientError) => void;
}

/** Why a stream is over. */
export type StreamEnd =
  /** The node ended it, or the network did; without an error if the node was merely done with it. */
  | { readonly kind: 'broken'; readonly error: unknown }
  /** It has brought no answer yet, and whoever asked has given up. */
  | { readonly kind: 'silent' }
  /** Nobody asked for a while, or it was closed. */
  | { readonly kind: 'closed' };

interface OpenQuestion extends Question {
  readonly stopListening: () => void;
}

const idsMax = 2 ** 32;

export class LookupStream {
  readonly #call: ClientDuplexStream<LookupRequest, LookupAnswer>;
  readonly #onEnd: (end: StreamEnd, unanswered: readonly Question[]) => void;
  /** By id; `undefined` once its caller has given it up. */
  readonly #questions = new Map<number, OpenQuestion | undefined>();
  readonly #idle: NodeJS.Timeout;
  #nextId = 0;
  #isBlocked = false;
  #hasAnswered = false;
  #isOver = false;

  /** @param onEnd Told once, with the questions that are left without an answer. */
  constructor(
    call: ClientDuplexStream<LookupRequest, LookupAnswer>,
    onEnd: (end: StreamEnd, unanswered: readonly Question[]) => void,
  ) {
    this.#call = call;
    this.#onEnd = onEnd;
    // The stream itself keeps the process alive while it stands; the timer must not do so longer.
    this.#idle = setTimeout(() => {
      this.#endIfIdle();
    }, tuning.standMs).unref();
    call.on('data', (answer: LookupAnswer) => {
      this.#answered(answer);
    });
    call.on('drain', () => {
      this.#isBlocked = false;
    });
    // Stays when the stream is over: to cancel it makes it report that, and Node would raise it.
    call.on('error', (error: Error) => {
      this.#end({ kind: 'broken', error });
    });
    // Comes last, after the error if there is one.
    call.on('status', () => {
      this.#end({ kind: 'broken', error: undefined });
    });
  }

  /** Whether one more question may be asked here. */
  get hasRoom(): boolean {
    return !this.#isBlocked && this.#questions.size < clientLimits.lookupsPerStreamMax;
  }

  ask(question: Question): void {
    const { request, signal, resolve, reject } = question;
    const id = this.#nextId;
    this.#nextId = (id + 1) % idsMax;
    const stopListening = onAbort(signal, () => {
      this.#giveUp(id);
    });
    this.#questions.set(id, { request, signal, resolve, reject, stopListening });
    this.#isBlocked = !this.#call.write({ kind: 'question', id, question: request });
    this.#idle.refresh();
  }

  close(): void {
    this.#end({ kind: 'closed' });
  }

  #answered(answer: LookupAnswer): void {
    const question = this.#questions.get(answer.id);
    this.#questions.delete(answer.id);
    this.#hasAnswered = true;
    // Given up, or never asked: to ignore the latter does no harm.
    if (question === undefined) return;
    question.stopListening();
    if (answer.kind === 'answer') question.resolve(answer.answer);
    else question.reject(refused(answer.reason));
  }

  #giveUp(id: number): void {
    this.#questions.get(id)?.reject(new HeraldClientError('UNREACHABLE', 'given up'));
    this.#questions.set(id, undefined);
    if (!this.#hasAnswered) this.#end({ kind: 'silent' });
  }

  #endIfIdle(): void {
    const isWaitedFor = [...this.#questions.values()].some((question) => question !== undefined);
    if (isWaitedFor) this.#idle.refresh();
    else this.#end({ kind: 'closed' });
  }

  #end(end: StreamEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#idle);
    const unanswered = [...this.#questions.values()].filter((question) => question !== undefined);
    this.#questions.clear();
    for (const { stopListening } of unanswered) stopListening();
    if (end.kind !== 'broken') this.#call.cancel();
    this.#onEnd(end, unanswered);
  }
}

/** Worded as the unary call would be. */
function refused(reason: string): HeraldClientError {
  return new HeraldClientError('REJECTED', `INVALID_ARGUMENT: ${reason}`);
}
