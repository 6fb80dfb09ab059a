/**
 * Records that were decoded a moment ago, found again by their bytes. A member is shown the same record
 * by several links, and its clients' answers carry it too: it is read and checked once. Decides how many
 * are kept; what is no valid record never gets in.
 */
import type { SealedRecord } from '@herald/core';
import { wireBounds } from './bounds.ts';

export class RecentRecords {
  /** By the record's bytes, the oldest first. */
  readonly #records = new Map<string, SealedRecord>();

  /** The record of exactly these bytes, under exactly this signature. */
  find(bytes: Uint8Array, keyId: string, signature: Uint8Array): SealedRecord | undefined {
    const known = this.#records.get(keyOf(bytes));
    if (known?.keyId !== keyId) return undefined;
    return Buffer.compare(known.signature, signature) === 0 ? known : undefined;
  }

  add(sealed: SealedRecord): void {
    const key = keyOf(sealed.bytes);
    this.#records.delete(key);
    this.#records.set(key, sealed);
    if (this.#records.size <= wireBounds.recentRecordsMax) return;
    const [oldest] = this.#records.keys();
    if (oldest !== undefined) this.#records.delete(oldest);
  }
}

/** One character a byte: as exact as the bytes themselves, and quick to hash and compare. */
function keyOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
