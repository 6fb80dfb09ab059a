/**
 * Decides for how long this member cannot have noticed what arrived. A pause shows at the first input
 * after it. A member that is merely behind, since more arrives than it can take, is never without
 * inputs; but its timer, which waits in the same queue, comes late by what it is behind. Others' frames wait
 * there too, so their silence is ours (as Lifeguard's local health has it: Dadgar, Phillips, Currey,
 * "Lifeguard: Local Health Awareness for More Accurate Failure Detection", 2018).
 */
export class OwnLag {
  #lastMs: number;
  /** The earliest moment for which a wake was asked and has not come. */
  #wakeDueMs = Infinity;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  /** An input came. Returns by how much it is later than it can have been, if it is. */
  at(isWake: boolean, nowMs: number): number {
    const dueMs = isWake ? this.#wakeDueMs : Math.max(this.#wakeDueMs, this.#lastMs);
    this.#lastMs = nowMs;
    if (isWake) this.#wakeDueMs = Infinity;
    return Math.max(0, nowMs - dueMs);
  }

  /** The input was handled; a wake is asked for at that moment. What is overdue stays so. */
  handled(nextWakeMs: number, nowMs: number): void {
    if (this.#wakeDueMs > nowMs) this.#wakeDueMs = Math.max(nextWakeMs, nowMs);
  }
}
