/**
 * A token bucket: decides whether one more is within a rate. Bursts are let through, as long as the rate
 * holds over time (as the leaky bucket of J. Turner, "New directions in communications", 1986, as a meter).
 */

export interface Rate {
  readonly perSecond: number;
  /** How many may come at once after a quiet time. */
  readonly burst: number;
}

export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #filledAtMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAtMs = nowMs;
  }

  /** Takes one; false, and nothing is taken, when there is none. */
  take(nowMs: number): boolean {
    const { perSecond, burst } = this.#rate;
    const grownMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#tokens = Math.min(burst, this.#tokens + (grownMs * perSecond) / 1_000);
    this.#filledAtMs = Math.max(this.#filledAtMs, nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
