/**
 * One call of a user while it waits: its requirement, its own deadline and signal, and what was done
 * for it. Decides when the call ends, and why; it never touches what other calls share.
 */
import { AttemptLog } from './attempts.ts';
import type { Clock } from './clock.ts';
import { abort, newAbort, onAbort } from './on-abort.ts';
import type { Requirement } from './requirement.ts';

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
}

export class PendingCall implements Disposable {
  readonly requirement: Requirement;
  readonly timeoutMs: number;
  readonly startedAtMs: number;
  readonly log = new AttemptLog();
  readonly callerSignal: AbortSignal | undefined;
  readonly #releases: (() => void)[] = [];
  readonly #listeners = new Set<() => void>();
  #ending: AbortController | undefined;
  #endReason: EndReason | undefined;

  constructor(options: PendingCallOptions) {
    const { clock, requirement, timeoutMs, signal, closing } = options;
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
