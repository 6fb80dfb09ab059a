/** Decides how this package waits: always under a signal, and for a time that is spread at random. */
import type { Random } from '@herald/core';

/** Resolves after `delayMs`, or as soon as `signal` aborts; the caller looks at the signal. */
export function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, delayMs));
    signal.addEventListener('abort', end, { once: true });
  });
}

/** The first to settle of `promise` and the abort of `signal`, which resolves to undefined. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      resolve(undefined);
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}

export interface BackoffRange {
  /** Upper bound of the first delay; doubles with each failure. */
  readonly firstDelayMsMax: number;
  /** Upper bound of every delay. */
  readonly delayMsMax: number;
}

/**
 * Full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS 2015): each delay is uniform in
 * [0, min(delayMsMax, firstDelayMsMax × 2ⁿ)], so that electors that failed together come back apart.
 */
export class Backoff {
  readonly #range: BackoffRange;
  readonly #random: Random;
  #failures = 0;

  constructor(range: BackoffRange, random: Random) {
    this.#range = range;
    this.#random = random;
  }

  /** How long to wait after one more failure. */
  nextDelayMs(): number {
    const { firstDelayMsMax, delayMsMax } = this.#range;
    // Beyond 2³⁰ the bound is reached for any sensible range; the exponent must not overflow.
    const bound = Math.min(delayMsMax, firstDelayMsMax * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    return this.#random() * bound;
  }

  /** After a success: the next failure counts as the first. */
  reset(): void {
    this.#failures = 0;
  }
}
