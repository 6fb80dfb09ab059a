/**
 * Decides when a member looks at its lazy links again: one appointment per election and turn, however
 * many links and changes there are, so that noting it costs a hop nothing to speak of and the schedule
 * never outgrows two entries an election. When it is kept, the newest record is what counts.
 */
import type { ElectionName } from './ids.ts';

/**
 * Of the two ends of a link one pushes lazily in the first turn, the other in the second, which is
 * later; so the second one has mostly been shown by then.
 */
export type LazyTurn = 'first' | 'second';

export interface LazyPush {
  readonly election: ElectionName;
  readonly turn: LazyTurn;
}

export class LazyPushes {
  readonly #dueMs = {
    first: new Map<ElectionName, number>(),
    second: new Map<ElectionName, number>(),
  };
  #nextMs = Infinity;

  /** When the next one is due, or sooner. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** An appointment that stands already is kept: a later change must not put it off. */
  add(election: ElectionName, turn: LazyTurn, dueMs: number): void {
    const ofTurn = this.#dueMs[turn];
    if (ofTurn.has(election)) return;
    ofTurn.set(election, dueMs);
    this.#nextMs = Math.min(this.#nextMs, dueMs);
  }

  /** Removes and returns those that are due. */
  take(nowMs: number): LazyPush[] {
    if (nowMs < this.#nextMs) return [];
    this.#nextMs = Infinity;
    const due: LazyPush[] = [];
    for (const turn of ['first', 'second'] as const) {
      for (const [election, dueMs] of this.#dueMs[turn]) {
        if (dueMs > nowMs) {
          this.#nextMs = Math.min(this.#nextMs, dueMs);
          continue;
        }
        this.#dueMs[turn].delete(election);
        due.push({ election, turn });
      }
    }
    return due;
  }
}
