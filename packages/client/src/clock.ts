/**
 * Time as the client sees it: a monotonic clock and timers, passed in, so that the whole client runs
 * under virtual time. No wall clock is read anywhere.
 */

import { onAbort } from './on-abort.ts';

/** Ends a timer that has not fired; does nothing otherwise. */
export type CancelTimer = () => void;

export interface Clock {
  /** Milliseconds from any fixed point; never goes back. */
  nowMs(): number;
  /** Calls `callback` once, when `delayMs` have passed. */
  startTimer(delayMs: number, callback: () => void): CancelTimer;
}

/** The platform's monotonic clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  startTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Resolves when `delayMs` have passed or `signal` aborts, whichever comes first. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const cancelTimer = clock.startTimer(delayMs, () => {
      stopListening();
      resolve();
    });
    const stopListening = onAbort(signal, () => {
      cancelTimer();
      resolve();
    });
  });
}
