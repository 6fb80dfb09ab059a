/**
 * Decides whether another question may be asked at once: a token bucket, so that a fleet of clients
 * never multiplies the load on nodes that are in trouble. Questions paced by a back-off are free.
 */
import { retryBudgetTuning as tuning } from './tuning.ts';

export class RetryBudget {
  #tokens: number = tuning.tokensMax;
  #countedAtMs: number;

  constructor(nowMs: number) {
    this.#countedAtMs = nowMs;
  }

  /** Takes a token; false when there is none. */
  trySpend(nowMs: number): boolean {
    const earned = ((nowMs - this.#countedAtMs) / 1_000) * tuning.tokensPerSecond;
    this.#countedAtMs = nowMs;
    this.#add(earned);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** A lookup succeeded. */
  earn(): void {
    this.#add(tuning.tokensPerSuccess);
  }

  #add(tokens: number): void {
    this.#tokens = Math.min(tuning.tokensMax, this.#tokens + tokens);
  }
}
