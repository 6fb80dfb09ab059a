/**
 * What a member's own clock says. It started at some moment of its own and runs a little fast or
 * slow, so no two clocks agree and none agrees with virtual time; all that is promised is that it
 * never runs backwards (P1, P4 rest on no more).
 */
import type { Random } from '@herald/core';

/** Clocks were set going up to this long before the simulation began. */
const headStartMsMax = 1_000_000;

export class MemberClock {
  readonly #rate: number;
  readonly #startedAtMs: number;
  #shownMs = 0;

  /** @param skew how far the rate may be from 1, e.g. 0.0001 for 100 ppm */
  constructor(skew: number, random: Random) {
    this.#rate = 1 + skew * (2 * random() - 1);
    this.#startedAtMs = -headStartMsMax * random();
  }

  /** The reading at a moment of virtual time; never less than an earlier reading. */
  readMs(virtualMs: number): number {
    const ms = (virtualMs - this.#startedAtMs) * this.#rate;
    if (ms > this.#shownMs) this.#shownMs = ms;
    return this.#shownMs;
  }

  /** When, in virtual time, the clock will show this reading or just more. */
  virtualMs(readingMs: number): number {
    if (readingMs === Infinity) return Infinity;
    const elapsedMs = readingMs / this.#rate;
    const virtualMs = this.#startedAtMs + elapsedMs;
    // Rounding may land a hair too early, by the precision of the larger terms where the sum is near
    // zero; a timer must not fire before its time.
    return (virtualMs - this.#startedAtMs) * this.#rate >= readingMs
      ? virtualMs
      : virtualMs + 4 * Number.EPSILON * Math.max(elapsedMs, Math.abs(virtualMs));
  }
}
