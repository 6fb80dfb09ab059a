/**
 * Remembers which endpoint was asked for which version, so that no hint is followed twice. This is
 * what ends two nodes that redirect to each other, and a node that redirects to itself.
 */
import { formatVersion } from '@herald/core';
import type { Version } from '@herald/core';
import { clientLimits } from './tuning.ts';

export class VisitedTargets {
  readonly #keys = new Set<string>();

  has(address: string, version: Version | undefined): boolean {
    return this.#keys.has(keyOf(address, version));
  }

  /** When full, the oldest is forgotten; the bound on redirects holds all the same. */
  add(address: string, version: Version | undefined): void {
    const key = keyOf(address, version);
    if (this.#keys.has(key)) return;
    if (this.#keys.size >= clientLimits.visitedMax) {
      for (const oldest of this.#keys) {
        this.#keys.delete(oldest);
        break;
      }
    }
    this.#keys.add(key);
  }

  clear(): void {
    this.#keys.clear();
  }
}

/** Renewals do not count: a hint to the same change is the same hint. */
function keyOf(address: string, version: Version | undefined): string {
  if (version === undefined) return address;
  return `${address} ${formatVersion({ ...version, renewal: 0 })}`;
}
