/**
 * Decides how many links a member opens at a time, and how long it waits for each. On a quiet machine both
 * are as tuned. On one that cannot keep up, dials end in silence because of the dials: each costs both ends
 * work, is given up before its answer is read, and another takes its place. So a member that is itself
 * behind asks for half as much at each dial that came to nothing and waits twice as long, and comes back
 * step by step as dials succeed (as TCP does: Jacobson, "Congestion Avoidance and Control", 1988).
 *
 * A member that is not behind learns nothing of itself from a dial that failed: whoever it dialled is gone.
 */
import type { OwnLag } from './own-lag.ts';
import type { EngineTuning } from './tuning.ts';

/** Waiting at most so many times as long: after that, it is as likely that nobody is there. */
const patienceMax = 8;

export class DialPace {
  readonly #tuning: EngineTuning;
  readonly #lag: OwnLag;
  #width: number;
  #patience = 1;

  constructor(tuning: EngineTuning, lag: OwnLag) {
    this.#tuning = tuning;
    this.#lag = lag;
    this.#width = this.#widthMax;
  }

  /** Links to be opened at a time, at most; any number while all is well. */
  get width(): number {
    return this.#width === this.#widthMax ? Infinity : this.#width;
  }

  /** How long a link may take to greet, in milliseconds. */
  get greetingMs(): number {
    return this.#tuning.handshakeMs * this.#patience;
  }

  /** How long others are not dialled while a dial is under way and no link is up, in milliseconds. */
  get hangingMs(): number {
    return this.#tuning.probeTimeoutMs * this.#patience;
  }

  /** Somebody was dialled, and answered something. */
  answered(): void {
    this.#width = Math.min(this.#widthMax, this.#width + 1);
    this.#patience = Math.max(1, this.#patience / 2);
  }

  /** A dial came to nothing, and nobody refused it. */
  gaveUp(nowMs: number): void {
    if (!this.#lag.isBehind(nowMs)) return;
    this.#width = Math.max(1, Math.floor(this.#width / 2));
    this.#patience = Math.min(patienceMax, this.#patience * 2);
  }

  get #widthMax(): number {
    return Math.max(1, this.#tuning.fanout);
  }
}
