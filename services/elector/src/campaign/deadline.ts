/**
 * Decides until when a lease may be relied upon, from what its holder knows by itself: when it asked
 * for the last renewal that succeeded. etcd starts to count later than that, so etcd's end of the
 * lease is never before this one's, as long as both clocks tick at about the same rate.
 *
 * A deadline that has passed is final. A renewal that comes late does not open it again: in between
 * somebody may have been told "no".
 */
import { pace } from '../config.ts';

export class LeaseDeadline {
  #untilMs: number;
  #expiresAtMs: number;
  #hasPassed = false;

  /**
   * @param sentAtMs When the grant was asked for, not when it was answered.
   * @param ttlMs What was granted.
   */
  constructor(sentAtMs: number, ttlMs: number) {
    this.#untilMs = sentAtMs + ttlMs - pace.marginMs(ttlMs);
    this.#expiresAtMs = sentAtMs + ttlMs;
  }

  /** Until when the holder may rely on the lease: its end, less the margin. */
  get untilMs(): number {
    return this.#untilMs;
  }

  /**
   * Counts a renewal that was asked for at `sentAtMs`.
   *
   * @returns false when it came too late to count
   */
  extend(sentAtMs: number, ttlMs: number, nowMs: number): boolean {
    if (!this.stands(nowMs)) return false;
    this.#untilMs = Math.max(this.#untilMs, sentAtMs + ttlMs - pace.marginMs(ttlMs));
    this.#expiresAtMs = Math.max(this.#expiresAtMs, sentAtMs + ttlMs);
    return true;
  }

  /** Whether the lease may be relied upon at this moment. Once false, always false. */
  stands(nowMs: number): boolean {
    if (nowMs >= this.#untilMs) this.#hasPassed = true;
    return !this.#hasPassed;
  }

  /** For how long it may be relied upon without another renewal, in milliseconds, ≥ 0. */
  remainingMs(nowMs: number): number {
    return this.stands(nowMs) ? this.#untilMs - nowMs : 0;
  }

  /** How long the lease can still live in etcd, in milliseconds, ≥ 0: what others may believe. */
  validityMs(nowMs: number): number {
    return Math.max(0, this.#expiresAtMs - nowMs);
  }
}
