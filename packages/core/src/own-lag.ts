/**
 * Decides for how long this member cannot have noticed what arrived. A pause shows at the first input
 * after it. A member that is merely behind, since more arrives than it can take, is never without
 * inputs; but its timer, which waits in the same queue, comes late by what it is behind. Others' frames wait
 * there too, so their silence is ours (as Lifeguard's local health has it: Dadgar, Phillips, Currey,
 * "Lifeguard: Local Health Awareness for More Accurate Failure Detection", 2018).
 */
import type { EngineTuning } from './tuning.ts';

/** After a lag, for this long, what timed out may have done so for our sake: dials take several turns. */
const behindMs = 5000;

/** Lateness comes and goes with what arrives: it is taken for the worst within this. */
const worstOfMs = 2000;

export class OwnLag {
  readonly #sluggishMs: number;
  #lastMs: number;
  #behindUntilMs = -Infinity;
  /** The most that an input was late of late, and when. */
  #worstMs = 0;
  #worstAtMs = -Infinity;
  /** The earliest moment for which a wake was asked and has not come. */
  #wakeDueMs = Infinity;

  constructor({ sluggishMs }: Pick<EngineTuning, 'sluggishMs'>, nowMs: number) {
    this.#sluggishMs = sluggishMs;
    this.#lastMs = nowMs;
  }

  /** An input came. Returns by how much it is later than it can have been, if it is. */
  at(isWake: boolean, nowMs: number): number {
    const dueMs = isWake ? this.#wakeDueMs : Math.max(this.#wakeDueMs, this.#lastMs);
    this.#lastMs = nowMs;
    if (isWake) this.#wakeDueMs = Infinity;
    const lateMs = Math.max(0, nowMs - dueMs);
    if (lateMs > this.#sluggishMs) this.#behindUntilMs = nowMs + behindMs;
    if (lateMs >= this.#worstMs || nowMs - this.#worstAtMs > worstOfMs) {
      this.#worstMs = lateMs;
      this.#worstAtMs = nowMs;
    }
    return lateMs;
  }

  /** By how much inputs are late now: the most within a second or two. */
  lateMs(nowMs: number): number {
    return nowMs - this.#worstAtMs > worstOfMs ? 0 : this.#worstMs;
  }

  /** Whether an input was late a while ago: nothing is learnt then from what timed out. */
  isBehind(nowMs: number): boolean {
    return nowMs < this.#behindUntilMs;
  }

  /** The input was handled; a wake is asked for at that moment. What is overdue stays so. */
  handled(nextWakeMs: number, nowMs: number): void {
    if (this.#wakeDueMs > nowMs) this.#wakeDueMs = Math.max(nextWakeMs, nowMs);
  }
}
