/**
 * Decides how suspicious a silence is: a phi-accrual detector for one end of one link.
 *
 * phi(t) = −log10 P(the next beat comes later than t after the last one), the beats' intervals taken
 * to be normal with the mean and deviation of the latest ones (Hayashibara, Défago, Yared, Katayama,
 * "The phi accrual failure detector", SRDS 2004). P is computed by the logistic approximation that
 * Akka uses, 1 / (1 + e^(y (1.5976 + 0.070566 y²))), y = (t − mean) / deviation.
 *
 * What differs: the other end promises to be heard of every so often, and often sends more, since every
 * frame counts. How much more says nothing of how late it may be, so an interval counts as the promised
 * one at least (what Akka's acceptable pause and Cassandra's initial value are for), and as two of them at
 * most, so that one long silence does not make the next one look normal. The window starts with two
 * intervals around the promise, and starts anew with another promise.
 */
import type { EngineTuning } from './tuning.ts';

export class PhiDetector {
  readonly #tuning: EngineTuning;
  #promiseMs: number;
  /** The latest intervals, a ring. */
  #intervalsMs: number[] = [];
  #next = 0;
  #lastMs: number;
  #meanMs = 0;
  #deviationMs = 0;

  constructor(tuning: EngineTuning, promiseMs: number, nowMs: number) {
    this.#tuning = tuning;
    this.#promiseMs = promiseMs;
    this.#lastMs = nowMs;
    this.#begin();
  }

  get lastHeardMs(): number {
    return this.#lastMs;
  }

  /** From now on something arrives within this time. */
  promised(promiseMs: number): void {
    if (promiseMs === this.#promiseMs) return;
    this.#promiseMs = promiseMs;
    this.#begin();
  }

  /** Something arrived. */
  heard(nowMs: number): void {
    const { phiWindow } = this.#tuning;
    const promiseMs = this.#promiseMs;
    const intervalMs = nowMs - this.#lastMs;
    this.#lastMs = Math.max(this.#lastMs, nowMs);
    if (intervalMs <= promiseMs / 2) return; // several frames of one beat
    const clippedMs = Math.min(Math.max(intervalMs, promiseMs), 2 * promiseMs);
    const replaced = this.#intervalsMs[this.#next];
    this.#intervalsMs[this.#next] = clippedMs;
    this.#next = (this.#next + 1) % phiWindow;
    if (replaced !== clippedMs) this.#measure();
  }

  /** Time that we spent paused ourselves is no silence of theirs. */
  excuse(pausedMs: number, nowMs: number): void {
    this.#lastMs = Math.min(nowMs, this.#lastMs + pausedMs);
  }

  phi(nowMs: number): number {
    const y = (nowMs - this.#lastMs - this.#meanMs) / this.#deviationMs;
    const exponent = y * (1.5976 + 0.070566 * y * y);
    // log10(1 + e^x) is x / ln 10 where e^x alone would overflow.
    return exponent > 50 ? exponent / Math.LN10 : Math.log10(1 + Math.exp(exponent));
  }

  /** When phi reaches this value, if nothing arrives. */
  reachesAtMs(phi: number): number {
    const exponent = Math.log(10 ** phi - 1);
    // Cardano's formula for 0.070566 y³ + 1.5976 y − exponent = 0, which has one real solution.
    const p = 1.5976 / 0.070566;
    const q = exponent / 0.070566;
    const root = Math.sqrt((q * q) / 4 + (p * p * p) / 27);
    const y = Math.cbrt(q / 2 + root) + Math.cbrt(q / 2 - root);
    return this.#lastMs + this.#meanMs + y * this.#deviationMs;
  }

  #begin(): void {
    const { phiDeviationMsMin } = this.#tuning;
    this.#intervalsMs = [this.#promiseMs - phiDeviationMsMin, this.#promiseMs + phiDeviationMsMin];
    this.#next = 0;
    this.#measure();
  }

  #measure(): void {
    const count = this.#intervalsMs.length;
    const meanMs = this.#intervalsMs.reduce((sum, ms) => sum + ms, 0) / count;
    const variance = this.#intervalsMs.reduce((sum, ms) => sum + (ms - meanMs) ** 2, 0) / count;
    this.#meanMs = meanMs;
    this.#deviationMs = Math.max(this.#tuning.phiDeviationMsMin, Math.sqrt(variance));
  }
}
