/**
 * One run of the work at one leader. Decides when its signal aborts: when the leader is overtaken by a
 * newer epoch or has resigned, and when the call ends. An overtaken run is still waited for, since what
 * the leader has acknowledged is done; a call that ends is not kept waiting by anybody.
 */
import type { Version } from '@herald/core';
import { HeraldClientError } from './errors.ts';
import type { KnownRecord } from './known-record.ts';
import type { ClientParts } from './parts.ts';
import type { EndReason, PendingCall } from './pending-call.ts';
import type { LeaderResult } from './results.ts';

/** What the work is given beside the leader. */
export interface WorkContext {
  /**
   * Aborts when a newer epoch is known or the leader has resigned, and when the call ends. Pass it on
   * to whatever the work does: until the work ends nothing is repeated, and after its deadline nobody
   * listens to it.
   */
  readonly signal: AbortSignal;
  /**
   * The newest version that the client knows, for the leader's guard: `herald-election`,
   * `herald-lineage`, `herald-epoch`. Send them as headers of HTTP or as metadata of gRPC.
   */
  readonly headers: Readonly<Record<string, string>>;
  /** 1 at first, then one more each time the work is repeated. */
  readonly attempt: number;
}

export type Work<T> = (leader: LeaderResult, context: WorkContext) => Promise<T> | T;

export type RunEnd<T> =
  | { readonly kind: 'returned'; readonly value: T }
  | { readonly kind: 'threw'; readonly error: unknown }
  /** The call ended first, and the work goes on unheard. */
  | { readonly kind: 'left' };

export class WorkRun implements WorkContext, Disposable {
  readonly attempt: number;
  readonly #parts: ClientParts;
  readonly #call: PendingCall;
  readonly #known: KnownRecord;
  readonly #releases: readonly (() => void)[];
  #controller: AbortController | undefined;
  #leave: (() => void) | undefined;
  #overtakenBy: Version | undefined;

  constructor(parts: ClientParts, call: PendingCall, known: KnownRecord, attempt: number) {
    this.#parts = parts;
    this.#call = call;
    this.#known = known;
    this.attempt = attempt;
    this.#releases = [
      parts.keeper.onAdopted(() => {
        this.#compare();
      }),
      call.onEnd(() => {
        this.#controller?.abort(this.#reason());
        this.#leave?.();
      }),
    ];
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#call.endReason !== undefined || this.isOvertaken) {
        this.#controller.abort(this.#reason());
      }
    }
    return this.#controller.signal;
  }

  get headers(): Readonly<Record<string, string>> {
    const { election, keeper } = this.#parts;
    const { epoch, lineage } = (keeper.known ?? this.#known).sealed.record.version;
    return {
      'herald-election': election,
      'herald-lineage': String(lineage),
      'herald-epoch': String(epoch),
    };
  }

  /** A newer epoch is known, or that the leader resigned. */
  get isOvertaken(): boolean {
    return this.#overtakenBy !== undefined;
  }

  /** Whether `error` is what comes of the signal's abort. */
  isOwnAbort(error: unknown): boolean {
    const signal = this.#controller?.signal;
    if (signal?.aborted !== true || !(error instanceof Error)) return false;
    return error === signal.reason || error.cause === signal.reason || error.name === 'AbortError';
  }

  /** Does `work`, until it is done or the call ends. Never rejects. */
  do<T>(work: Work<T>, leader: LeaderResult): Promise<RunEnd<T>> {
    const { aroundWork } = this.#call.observer ?? {};
    // A function of its own, so that what work throws at once is caught as well.
    const start = async (): Promise<T> => work(leader, this);
    return new Promise((resolve) => {
      this.#leave = () => {
        resolve({ kind: 'left' });
      };
      const done = aroundWork === undefined ? start() : aroundWork(leader, start);
      done.then(
        (value) => {
          resolve({ kind: 'returned', value });
        },
        (error: unknown) => {
          resolve({ kind: 'threw', error });
        },
      );
    });
  }

  [Symbol.dispose](): void {
    for (const release of this.#releases) release();
  }

  #compare(): void {
    const newest = this.#parts.keeper.known?.sealed.record;
    if (newest === undefined || this.isOvertaken) return;
    const { epoch, lineage } = this.#known.sealed.record.version;
    const { version } = newest;
    const isSameTerm = version.epoch === epoch && version.lineage === lineage;
    // Another address of the same leader ends nothing that is under way at the old one.
    if (isSameTerm && newest.kind === 'leader') return;
    this.#overtakenBy = version;
    this.#controller?.abort(this.#reason());
  }

  /** What the signal aborts with. */
  #reason(): unknown {
    const { election } = this.#parts;
    const reason = this.#call.endReason;
    if (reason === 'aborted') return this.#call.callerSignal?.reason;
    if (reason !== undefined)
      return new HeraldClientError(codeOf[reason], wordsOf(reason, election));
    const { epoch } = this.#known.sealed.record.version;
    const newer = this.#overtakenBy?.epoch ?? epoch;
    const what = newer === epoch ? 'has resigned' : `was overtaken by epoch ${String(newer)}`;
    return new HeraldClientError('ABORTED', `the leader of ${election} ${what}`);
  }
}

const codeOf = { deadline: 'DEADLINE_EXCEEDED', closed: 'CLOSED' } as const;

function wordsOf(reason: Exclude<EndReason, 'aborted'>, election: string): string {
  return reason === 'closed'
    ? `the client of ${election} was closed`
    : `the time for the work at the leader of ${election} is up`;
}
