/**
 * Decides how long to wait before the next question: full jitter (Marc Brooker, "Exponential Backoff
 * And Jitter", AWS Architecture Blog, 2015), so that clients that failed together do not return
 * together.
 */
import type { Random } from '@herald/core';
import { clientLimits } from './tuning.ts';

export interface BackoffOptions {
  readonly baseMs: number;
  readonly capMs: number;
  readonly random: Random;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #step = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Uniform between a small floor and min(cap, base × 2^step). */
  nextMs(): number {
    const { baseMs, capMs, random } = this.#options;
    const ceilingMs = Math.min(capMs, baseMs * 2 ** this.#step);
    if (ceilingMs < capMs) this.#step++;
    const floorMs = Math.min(clientLimits.backoffMinMs, ceilingMs);
    return floorMs + random() * (ceilingMs - floorMs);
  }

  reset(): void {
    this.#step = 0;
  }
}
