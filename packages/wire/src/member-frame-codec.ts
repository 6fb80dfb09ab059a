/** The frames of the membership, to bytes and back. */
import { limits } from '@herald/core';
import type {
  AccusationsFrame,
  MemberDeltaFrame,
  MemberDigestEntry,
  MemberDigestFrame,
  MemberHashesFrame,
  MembersSummary,
  StateHash,
  WhoElseFrame,
} from '@herald/core';
import { WireError } from './errors.ts';
import { listOf, nested, nodeIdField, generationField, safeIntegerField } from './fields.ts';
import type {
  MemberDelta as RawDelta,
  MemberDelta__Output,
} from './generated/herald/v1/MemberDelta.ts';
import type { MemberDigest as RawDigest } from './generated/herald/v1/MemberDigest.ts';
import type { MemberDigest__Output } from './generated/herald/v1/MemberDigest.ts';
import type { MemberDigestEntry__Output } from './generated/herald/v1/MemberDigestEntry.ts';
import type {
  Accusations as RawAccusations,
  Accusations__Output,
} from './generated/herald/v1/Accusations.ts';
import type { MemberHashes as RawHashes } from './generated/herald/v1/MemberHashes.ts';
import type { MemberHashes__Output } from './generated/herald/v1/MemberHashes.ts';
import type { MembersSummary__Output } from './generated/herald/v1/MembersSummary.ts';
import type { StateHash__Output } from './generated/herald/v1/StateHash.ts';
import type { WhoElse as RawWhoElse, WhoElse__Output } from './generated/herald/v1/WhoElse.ts';
import { carriedStateFromRaw, carriedStateToRaw } from './state-codec.ts';

export function hashFromRaw(raw: StateHash__Output): StateHash {
  return { high: raw.high, low: raw.low };
}

export function summaryFromRaw(raw: MembersSummary__Output): MembersSummary {
  return { hash: nested(raw.hash, 'hash', hashFromRaw), count: raw.count };
}

export function hashesToRaw({ hashes }: MemberHashesFrame): RawHashes {
  return { halves: hashes.flatMap(({ high, low }) => [high, low]) };
}

export function hashesFromRaw({ halves }: MemberHashes__Output): MemberHashesFrame {
  const count = halves.length / 2;
  checkBucketCount(count, 'halves');
  const hashes = Array.from({ length: count }, (_, index) => ({
    high: halves[2 * index] ?? 0,
    low: halves[2 * index + 1] ?? 0,
  }));
  return { kind: 'member-hashes', hashes };
}

export function memberDigestToRaw(frame: MemberDigestFrame): RawDigest {
  const { bucketCount, buckets, entries, last } = frame;
  return { bucketCount, buckets: [...buckets], entries: [...entries], last };
}

export function memberDigestFromRaw(raw: MemberDigest__Output): MemberDigestFrame {
  const { bucketCount, last } = raw;
  checkBucketCount(bucketCount, 'bucket_count');
  const buckets = listOf(raw.buckets, limits.memberDigestBucketsMax, 'buckets', (bucket) => bucket);
  if (buckets.some((bucket) => bucket >= bucketCount)) {
    throw new WireError('INVALID_VALUE', 'buckets', `must be below ${bucketCount}`);
  }
  const entries = listOf(
    raw.entries,
    limits.memberDigestEntriesMax,
    'entries',
    memberDigestEntryFromRaw,
  );
  return { kind: 'member-digest', bucketCount, buckets, entries, last };
}

export function deltaToRaw({ states, wants, done }: MemberDeltaFrame): RawDelta {
  return { states: states.map(carriedStateToRaw), wants: [...wants], done };
}

export function deltaFromRaw(raw: MemberDelta__Output): MemberDeltaFrame {
  return {
    kind: 'member-delta',
    states: listOf(raw.states, limits.memberStatesPerFrameMax, 'states', carriedStateFromRaw),
    wants: listOf(raw.wants, limits.memberWantsPerFrameMax, 'wants', (nodeId) =>
      nodeIdField(nodeId),
    ),
    done: raw.done,
  };
}

/** Words of an accusation: whom, as of which state, and who says so. */
const wordsBefore = 3;
const wordsEach = wordsBefore + limits.observersNamedMax;

export function accusationsToRaw({ accused }: AccusationsFrame): RawAccusations {
  const words: number[] = [];
  for (const { idHash, state, observers } of accused) {
    words.push(idHash >>> 0, state.high >>> 0, state.low >>> 0);
    for (let at = 0; at < limits.observersNamedMax; at++) words.push((observers[at] ?? 0) >>> 0);
  }
  return { words };
}

export function accusationsFromRaw({ words }: Accusations__Output): AccusationsFrame {
  const count = words.length / wordsEach;
  if (!Number.isInteger(count) || count > limits.accusedPerFrameMax) {
    const rule = `must be ${wordsEach} for each of up to ${limits.accusedPerFrameMax} members, got ${words.length}`;
    throw new WireError('INVALID_VALUE', 'words', rule);
  }
  const word = (at: number): number => (words[at] ?? 0) | 0;
  const accused = Array.from({ length: count }, (_, index) => {
    const first = index * wordsEach;
    const observers: number[] = [];
    for (let at = first + wordsBefore; at < first + wordsEach; at++) {
      if (word(at) !== 0) observers.push(word(at));
    }
    const state = { high: word(first + 1), low: word(first + 2) };
    return { idHash: word(first), state, observers };
  });
  return { kind: 'accusations', accused };
}

export function whoElseToRaw({ known }: WhoElseFrame): RawWhoElse {
  return { known: known.map((word) => word >>> 0) };
}

export function whoElseFromRaw({ known }: WhoElse__Output): WhoElseFrame {
  return {
    kind: 'who-else',
    known: listOf(known, limits.lostNamedMax, 'known', (word) => word | 0),
  };
}

function checkBucketCount(count: number, field: string): void {
  // One half of a hash makes half a bucket, and ½ is a power of two as well.
  const isPowerOfTwo = count >= 1 && Number.isInteger(Math.log2(count));
  if (!isPowerOfTwo || count > limits.memberBucketsMax) {
    const rule = `must be of a power of two up to ${limits.memberBucketsMax}, got ${count}`;
    throw new WireError('INVALID_VALUE', field, rule);
  }
}

function memberDigestEntryFromRaw(raw: MemberDigestEntry__Output): MemberDigestEntry {
  return {
    nodeId: nodeIdField(raw.nodeId, 'node_id'),
    generation: generationField(raw.generation, 'generation'),
    version: safeIntegerField(raw.version, 'version'),
  };
}
