/** Decides which of many equal events are worth a line in the log: one now and then, with how many it stands for. */

/** Each kind of event is told this often at most; with a handful of kinds a flood is some lines a minute. */
const pauseMs = 10_000;
/** Kinds that are told apart; beyond that the oldest is forgotten, and told at once when it comes again. */
const kindsMax = 256;

interface Kind {
  toldAtMs: number;
  suppressed: number;
}

export class Seldom {
  readonly #nowMs: () => number;
  readonly #kinds = new Map<string, Kind>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** How many of this kind were passed over since the last that passed; undefined: pass over this one. */
  mayPass(kind: string): number | undefined {
    const nowMs = this.#nowMs();
    const known = this.#kinds.get(kind);
    if (known !== undefined && nowMs - known.toldAtMs < pauseMs) {
      known.suppressed++;
      return undefined;
    }
    this.#kinds.delete(kind);
    this.#kinds.set(kind, { toldAtMs: nowMs, suppressed: 0 });
    if (this.#kinds.size > kindsMax) this.#forgetOldest();
    return known?.suppressed ?? 0;
  }

  #forgetOldest(): void {
    const [oldest] = this.#kinds.keys();
    if (oldest !== undefined) this.#kinds.delete(oldest);
  }
}
