/**
 * Decides when a member that hears nothing at all takes that for a matter of its own. Each end of a link is watched by
 * enough others, so that nobody watches all of its links closely; but whose links all lead to the dead is told by nobody. It
 * asks all other ends, and if none of them answers it dials members that it has no link to.
 */
import type { EngineTuning } from './tuning.ts';

/** Beats are due within `beatMs` on many links at once: so much later, none of them will come. */
const lateMs = 1000;

/** What was asked is answered within this; and so much lies between one attempt and the next. */
const answerMs = 1000;

export class OwnSilence {
  readonly #tuning: EngineTuning;
  #heardAtMs = -Infinity;
  #asked = false;
  #nextMs = Infinity;

  constructor(tuning: EngineTuning) {
    this.#tuning = tuning;
  }

  /** When there is something to do; Infinity while there is no link, or none that beats are promised on. */
  get nextWakeMs(): number {
    return this.#nextMs;
  }

  /** Something came by a link that beats are promised on, or it came up. */
  heard(nowMs: number): void {
    this.#heardAtMs = nowMs;
    this.#asked = false;
    if (this.#nextMs === Infinity) this.#nextMs = this.#dueMs();
  }

  /** This member was paused for so long: it cannot have heard anything. */
  excuse(pausedMs: number): void {
    this.#heardAtMs += pausedMs;
  }

  /** There is no link any more: the overlay dials by itself. */
  unlinked(): void {
    this.#nextMs = Infinity;
  }

  /** What the silence calls for now: to ask the other ends, or to dial others. */
  wake(nowMs: number): 'ask' | 'dial' | undefined {
    const dueMs = this.#dueMs();
    if (nowMs < dueMs) {
      this.#nextMs = dueMs;
      return undefined;
    }
    this.#nextMs = nowMs + answerMs;
    if (this.#asked) return 'dial';
    this.#asked = true;
    return 'ask';
  }

  #dueMs(): number {
    return this.#heardAtMs + this.#tuning.beatMs + lateMs;
  }
}
