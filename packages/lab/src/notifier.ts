/**
 * Decides how the lab waits for what this process itself learns of (a line in an elector's log, a
 * process that ended): the condition is asked again whenever something happened, up to a deadline.
 * `process/wait-until.ts` is for what has to be asked of others.
 */
import { LabError } from './lab-error.ts';

export interface UntilOptions {
  /** As the end of "waited in vain for: …". */
  readonly what: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export class Notifier {
  #waiting: (() => void)[] = [];

  /** Something happened: every waiter asks its condition again. */
  notify(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /**
   * The first value of `condition` that is not undefined.
   * @throws LabError `timeout`; what `condition` throws; the signal's reason when aborted.
   */
  async until<T>(condition: () => T | undefined, options: UntilOptions): Promise<T> {
    const { what, timeoutMs, signal } = options;
    const timedOut = new AbortController();
    const timer = setTimeout(() => {
      const message = `waited ${String(timeoutMs)} ms in vain for: ${what}`;
      timedOut.abort(new LabError('timeout', message));
    }, timeoutMs);
    const stop =
      signal === undefined ? timedOut.signal : AbortSignal.any([timedOut.signal, signal]);
    try {
      for (;;) {
        const value = condition();
        if (value !== undefined) return value;
        stop.throwIfAborted();
        await this.#next(stop);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves at the next `notify`, or when `stop` aborts. */
  #next(stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        stop.removeEventListener('abort', wake);
        resolve();
      };
      stop.addEventListener('abort', wake, { once: true });
      this.#waiting.push(wake);
    });
  }
}
