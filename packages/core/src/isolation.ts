/**
 * Decides when a member is isolated: it knows of others, and has had no link to any of them for too long.
 * A member that knows of nobody is alone, not isolated.
 */
export class Isolation {
  readonly #afterMs: number;
  readonly #knowsOthers: () => boolean;
  readonly #changed: (isolated: boolean) => void;
  #isIsolated = false;
  /** When the last link went; Infinity while there is one. */
  #aloneSinceMs: number;

  /** @param changed Called at each change, also at the first link after a lonely start. */
  constructor(
    isolationMs: number,
    knowsOthers: () => boolean,
    changed: (isolated: boolean) => void,
    nowMs: number,
  ) {
    this.#afterMs = isolationMs;
    this.#knowsOthers = knowsOthers;
    this.#changed = changed;
    this.#aloneSinceMs = nowMs;
  }

  get isIsolated(): boolean {
    return this.#isIsolated;
  }

  get nextWakeMs(): number {
    if (this.#isIsolated || this.#aloneSinceMs === Infinity || !this.#knowsOthers())
      return Infinity;
    return this.#aloneSinceMs + this.#afterMs;
  }

  wake(nowMs: number): void {
    if (nowMs >= this.nextWakeMs) this.#set(true);
  }

  linked(): void {
    this.#aloneSinceMs = Infinity;
    this.#set(false);
  }

  /** The last link went. */
  alone(nowMs: number): void {
    this.#aloneSinceMs = nowMs;
  }

  #set(isolated: boolean): void {
    if (this.#isIsolated === isolated) return;
    this.#isIsolated = isolated;
    this.#changed(isolated);
  }
}
