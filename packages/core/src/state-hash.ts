/**
 * A hash of all versions held, kept up to date in O(1) per change: the XOR of one hash per
 * (election, version). Equal states have equal hashes; different ones collide once in 2^64, and
 * then only until the next renewal.
 */
import type { StateHash } from './frames.ts';
import type { ElectionName } from './ids.ts';
import type { Version } from './version.ts';

export class VersionsHash {
  #high = 0;
  #low = 0;

  get value(): StateHash {
    return { high: this.#high, low: this.#low };
  }

  /** Adds what was absent, or removes what was there: XOR is its own inverse. */
  toggle(election: ElectionName, version: Version): void {
    const words = [
      version.lineage,
      ...splitWords(version.epoch),
      ...splitWords(version.sequence),
      version.renewal,
    ];
    this.#high = (this.#high ^ hashOf(election, words, 0x811c9dc5)) >>> 0;
    this.#low = (this.#low ^ hashOf(election, words, 0x2f0b4c47)) >>> 0;
  }
}

export function sameHash(a: StateHash, b: StateHash): boolean {
  return a.high === b.high && a.low === b.low;
}

function splitWords(value: bigint): [number, number] {
  return [Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n))];
}

/** FNV-1a over the name's code units and the words, then the murmur3 finaliser to spread the bits. */
function hashOf(name: string, words: readonly number[], basis: number): number {
  let hash = basis;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  for (const word of words) {
    hash = Math.imul(hash ^ word, 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
