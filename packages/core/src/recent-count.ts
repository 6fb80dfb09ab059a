/**
 * Counts what happened of late, in constant space: a bucket that each event fills by one and that drains evenly.
 * Decides when that is more than usual.
 */
export class RecentCount {
  readonly #windowMs: number;
  #count = 0;
  #atMs = -Infinity;

  /** @param windowMs within which the usual number drains, milliseconds */
  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** One more happened. Returns whether more than `usual` did within about the window. */
  exceeds(usual: number, nowMs: number): boolean {
    const drained = (usual * (nowMs - this.#atMs)) / this.#windowMs;
    this.#count = Math.min(2 * usual, Math.max(0, this.#count - drained) + 1);
    this.#atMs = nowMs;
    return this.#count > usual;
  }
}
