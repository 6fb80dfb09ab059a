/**
 * Hashes of all that is held, kept up to date in O(1) per change: the XOR of one hash per
 * (election, version), or per (node id, generation, version). Equal states have equal hashes;
 * different ones collide once in 2^64, and then only until the next change.
 */
import type { StateVersion } from './endpoint-state.ts';
import type { StateHash } from './frames.ts';
import type { ElectionName, NodeId } from './ids.ts';
import type { Version } from './version.ts';

const highBasis = 0x811c9dc5;
const lowBasis = 0x2f0b4c47;

/** A sum of hashes by XOR: adding what was absent and removing what was there are the same. */
export class XorHash {
  #high = 0;
  #low = 0;

  get value(): StateHash {
    return { high: this.#high >>> 0, low: this.#low >>> 0 };
  }

  toggle({ high, low }: StateHash): void {
    this.#high ^= high;
    this.#low ^= low;
  }
}

export function electionHash(election: ElectionName, version: Version): StateHash {
  const words = [
    version.lineage,
    ...splitWords(version.epoch),
    ...splitWords(version.sequence),
    version.renewal,
  ];
  return { high: hashOf(election, words, highBasis), low: hashOf(election, words, lowBasis) };
}

/** As signed numbers, which take no memory of their own where a million of them are kept. */
export function memberHash(nodeId: NodeId, { generation, version }: StateVersion): StateHash {
  const words = [
    generation | 0,
    Math.floor(generation / 0x1_0000_0000),
    version | 0,
    Math.floor(version / 0x1_0000_0000),
  ];
  return { high: hashOf(nodeId, words, highBasis) | 0, low: hashOf(nodeId, words, lowBasis) | 0 };
}

/** Spreads node ids over buckets: 32 bits, signed. */
export function nodeIdHash(nodeId: NodeId): number {
  return hashOf(nodeId, [], highBasis) | 0;
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
