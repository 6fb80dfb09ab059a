/**
 * Values that were decoded a moment ago, found again by their bytes. A member is shown the same record
 * or state by several links: it is read and checked once. Decides how many are kept; what breaks a rule
 * never gets in.
 */

export class RecentlyDecoded<Value> {
  readonly #countMax: number;
  /** By the bytes, the oldest first. */
  readonly #values = new Map<string, Value>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** What exactly these bytes were decoded to, with `beside` beside them. */
  find(bytes: Uint8Array, beside?: Uint8Array): Value | undefined {
    return this.#values.get(keyOf(bytes, beside));
  }

  add(value: Value, bytes: Uint8Array, beside?: Uint8Array): void {
    const key = keyOf(bytes, beside);
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size <= this.#countMax) return;
    const [oldest] = this.#values.keys();
    if (oldest !== undefined) this.#values.delete(oldest);
  }
}

/** One character a byte: as exact as the bytes themselves, and quick to hash and compare. */
function keyOf(bytes: Uint8Array, beside?: Uint8Array): string {
  return beside === undefined ? textOf(bytes) : textOf(bytes) + textOf(beside);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
