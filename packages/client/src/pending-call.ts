/**
 * One call of a user while it waits: its requirement, its own deadline and signal, and what was done
 * for it. Decides when the call ends, and why; it never touches what other calls share.
 */
import { AttemptLog } from './attempts.ts';
import type { Clock } from './clock.ts';
import type { CallObserver, CallStart, ClientHooks } from './hooks.ts';
import { abort, newAbort, onAbort } from './on-abort.ts';
import type { Requirement } from './requirement.ts';
import type { LeaderResult } from './results.ts';

/** Why a call ended without a result. */
export type EndReason = 'deadline' | 'aborted' | 'closed';

export interface PendingCallOptions {
  readonly clock: Clock;
  readonly requirement: Requirement;
  readonly timeoutMs: number;
  /** The caller's. */
  readonly signal: AbortSignal | undefined;
  /** The client's, which aborts when it is closed. */
  readonly closing: AbortSignal;
  readonly start: CallStart;
  readonly hooks: ClientHooks;
}

export class PendingCall implements Disposable {
  readonly requirement: Requirement;
  readonly timeoutMs: number;
  readonly startedAtMs: number;
  readonly log: AttemptLog;
  readonly callerSignal: AbortSignal | undefined;
  readonly observer: CallObserver | undefined;
  /** The newest epoch that somebody spoke of without a record to show; nodes are asked for it. */
  heardOfEpoch = 0n;
  /** Work of this call may have run. */
  mayHaveRun = false;
  /** What its work threw last, where that was no error of the work's own. */
  workError: unknown;
  readonly #clock: Clock;
  readonly #releases: (() => void)[] = [];
  readonly #listeners = new Set<() => void>();
  #ending: AbortController | undefined;
  #endReason: EndReason | undefined;
  #leader: LeaderResult | undefined;

  constructor(options: PendingCallOptions) {
    const { clock, closing, hooks, requirement, signal, start, timeoutMs } = options;
    this.#clock = clock;
    this.log = new AttemptLog(hooks.onAttempt);
    this.observer = hooks.onCall?.(start);
    this.requirement = requirement;
    this.timeoutMs = timeoutMs;
    this.callerSignal = signal;
    this.startedAtMs = clock.nowMs();
    const endWith = (reason: EndReason) => () => {
      this.#end(reason);
    };
    this.#releases.push(
      clock.startTimer(timeoutMs, endWith('deadline')),
      onAbort(closing, endWith('closed')),
    );
    if (signal !== undefined) this.#releases.push(onAbort(signal, endWith('aborted')));
  }

  /** Why the call ended without a result; `undefined` while it has not. */
  get endReason(): EndReason | undefined {
    return this.#endReason;
  }

  /** Aborts when the call ends without a result. Made on demand: most calls need none. */
  get signal(): AbortSignal {
    if (this.#ending === undefined) {
      const ending = newAbort();
      this.#ending = ending;
      this.onEnd(() => {
        abort(ending);
      });
    }
    return this.#ending.signal;
  }

  /**
   * Calls `listener` once, when the call ends without a result; at once if it has.
   *
   * @returns Stops listening.
   */
  onEnd(listener: () => void): () => void {
    if (this.#endReason !== undefined) listener();
    else this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Notes where the call was led, for whoever observes it. */
  ledTo(leader: LeaderResult): LeaderResult {
    this.#leader = leader;
    return leader;
  }

  /** Does what the call is for, and tells its observer how it ended. */
  async observe<T>(body: () => Promise<T>): Promise<T> {
    const onEnd = this.observer?.onEnd;
    if (onEnd === undefined) return body();
    let error: unknown;
    try {
      return await body();
    } catch (thrown) {
      error = thrown;
      throw thrown;
    } finally {
      const { attempts, redirects, retries } = this.log;
      const durationMs = this.#clock.nowMs() - this.startedAtMs;
      onEnd({ durationMs, error, leader: this.#leader, attempts, redirects, retries });
    }
  }

  /** Frees timer and listeners; must follow every call. */
  [Symbol.dispose](): void {
    for (const release of this.#releases) release();
  }

  #end(reason: EndReason): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    this[Symbol.dispose]();
    for (const listener of this.#listeners) listener();
  }
}
