/**
 * Decides how the states of all members are kept, so that nothing that happens all the time costs
 * more in a larger fleet: a hash of everything, hashes by bucket, counts and a uniform choice among
 * the live members are kept up as states change. States are shared, never copied.
 */
import { assert } from './assert.ts';
import type { Contact } from './contact.ts';
import { compareStates, stateBytesMax } from './endpoint-state.ts';
import type { EndpointState, StateVersion } from './endpoint-state.ts';
import type { StateHash } from './frames.ts';
import type { Address, NodeId } from './ids.ts';
import { limits } from './limits.ts';
import type { Random } from './random.ts';
import { XorHash, memberHash, nodeIdHash } from './state-hash.ts';

/** live: to be dialled. unreachable: tried now and then. left: a tombstone. */
export type Standing = 'live' | 'unreachable' | 'left';

/** One member as this member knows it. */
export interface Entry {
  state: EndpointState;
  standing: Standing;
  /** Since when it has this standing. */
  sinceMs: number;
  /** Where it stands in the list of its standing. */
  at: number;
  /** Of its node id: 32 bits, signed. */
  readonly idHash: number;
  measures: StateMeasures;
}

/** What is reckoned once for each state, however many tables hold it; with its version, which is asked for all the time. */
interface StateMeasures extends StateVersion {
  /** Of (node id, generation, version). */
  readonly hash: StateHash;
  /** What the state takes on the wire at most. */
  readonly bytesMax: number;
}

/** Members per bucket, about: a digest of a bucket is then a few hundred bytes. */
const membersPerBucket = 16;

interface Bucket {
  readonly hash: XorHash;
  readonly entries: Entry[];
  /** Of the entries, side by side, so that one is found without a look at each. */
  readonly idHashes: number[];
}

export class MemberTable {
  readonly #entries = new Map<NodeId, Entry>();
  readonly #hash = new XorHash();
  readonly #electors = new Set<Entry>();
  readonly #byStanding: Readonly<Record<Standing, Entry[]>> = {
    live: [],
    unreachable: [],
    left: [],
  };
  #buckets: Bucket[] = [newBucket()];
  #standings = 0;

  /** Of all members but those that left: tombstones come and go unnoticed. */
  get hash(): StateHash {
    return this.#hash.value;
  }

  /** Members under the hash. */
  get count(): number {
    return this.#entries.size - this.#byStanding.left.length;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Goes up whenever somebody comes, goes, or has another standing: what was derived from those before is to be derived again. */
  get standings(): number {
    return this.#standings;
  }

  get(nodeId: NodeId): Entry | undefined {
    return this.#entries.get(nodeId);
  }

  /** The one member, of those that did not leave, whose node id has this hash; undefined if two have. */
  byIdHash(idHash: number): Entry | undefined {
    const { entries, idHashes } =
      this.#buckets[bucketOf(idHash, this.#buckets.length)] ?? newBucket();
    const index = idHashes.indexOf(idHash);
    if (index === -1 || idHashes.includes(idHash, index + 1)) return undefined;
    return entries[index];
  }

  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Who advertises this address, one that answers before one that does not. Looks at all of them. */
  at(address: Address): Contact | undefined {
    const { live, unreachable } = this.#byStanding;
    const isThere = ({ state }: Entry): boolean => state.contact.address === address;
    return (live.find(isThere) ?? unreachable.find(isThere))?.state.contact;
  }

  of(standing: Standing): readonly Entry[] {
    return this.#byStanding[standing];
  }

  /** Live members that stand for election. */
  electors(): Iterable<Entry> {
    return this.#electors;
  }

  pick(standing: Standing, random: Random): Entry | undefined {
    const list = this.#byStanding[standing];
    return list[Math.floor(random() * list.length)];
  }

  /** Adds a member that is not there yet, if there is room; a tombstone makes some. */
  add(state: EndpointState, nowMs: number): Entry | undefined {
    const { nodeId } = state.contact;
    assert(!this.#entries.has(nodeId), 'a member is added once');
    if (this.#entries.size >= limits.membersMax) {
      const [tombstone] = this.#byStanding.left;
      if (tombstone === undefined) return undefined;
      this.remove(tombstone);
    }
    const standing = state.status === 'left' ? 'left' : 'live';
    const idHash = nodeIdHash(nodeId);
    const entry: Entry = {
      state,
      standing,
      sinceMs: nowMs,
      at: 0,
      idHash,
      measures: measuresOf(state),
    };
    this.#entries.set(nodeId, entry);
    this.#enlist(entry);
    return entry;
  }

  /** Takes a newer state of a member; `accept-older` tests alone give an older one. */
  replace(entry: Entry, state: EndpointState): void {
    assert(entry.state.contact.nodeId === state.contact.nodeId, 'a state replaces its own');
    const wasElector = this.#electors.has(entry);
    if (entry.standing !== 'left') this.#toggle(entry);
    entry.state = state;
    entry.measures = measuresOf(state);
    if (entry.standing !== 'left') this.#toggle(entry);
    if (wasElector && state.contact.role !== 'elector') this.#electors.delete(entry);
    else if (!wasElector) this.#noteElector(entry);
  }

  setStanding(entry: Entry, standing: Standing, sinceMs: number): void {
    if (entry.standing === standing) return;
    this.#delist(entry);
    entry.standing = standing;
    entry.sinceMs = sinceMs;
    this.#enlist(entry);
  }

  remove(entry: Entry): void {
    this.#delist(entry);
    this.#entries.delete(entry.state.contact.nodeId);
  }

  /** The hashes of `count` buckets, a power of two. */
  bucketHashes(count: number): StateHash[] {
    if (count === this.#buckets.length) return this.#buckets.map(({ hash }) => hash.value);
    const sums = Array.from({ length: count }, () => new XorHash());
    if (count < this.#buckets.length) {
      const each = this.#buckets.length / count;
      this.#buckets.forEach(({ hash }, index) => {
        sums[Math.floor(index / each)]?.toggle(hash.value);
      });
    } else {
      for (const { entries } of this.#buckets) {
        for (const entry of entries)
          sums[bucketOf(entry.idHash, count)]?.toggle(entry.measures.hash);
      }
    }
    return sums.map(({ value }) => value);
  }

  /** Who is in one of `count` buckets; tombstones are not. To be read at once: it may be the list that is kept here. */
  bucket(index: number, count: number): readonly Entry[] {
    const own = this.#buckets.length;
    if (count === own) return this.#buckets[index]?.entries ?? [];
    if (count < own) {
      const each = own / count;
      return this.#buckets
        .slice(index * each, (index + 1) * each)
        .flatMap(({ entries }) => entries);
    }
    const entries = this.#buckets[Math.floor(index / (count / own))]?.entries ?? [];
    return entries.filter(({ idHash }) => bucketOf(idHash, count) === index);
  }

  #enlist(entry: Entry): void {
    this.#standings++;
    const list = this.#byStanding[entry.standing];
    entry.at = list.push(entry) - 1;
    if (entry.standing === 'left') return;
    this.#toggle(entry);
    addTo(this.#bucketFor(entry), entry);
    this.#noteElector(entry);
    if (bucketCountFor(this.count) > this.#buckets.length) this.#split();
  }

  #delist(entry: Entry): void {
    this.#standings++;
    const list = this.#byStanding[entry.standing];
    const last = list.pop();
    assert(last !== undefined, 'who is removed was listed');
    if (last !== entry) {
      list[entry.at] = last;
      last.at = entry.at;
    }
    if (entry.standing === 'left') return;
    this.#toggle(entry);
    const { entries, idHashes } = this.#bucketFor(entry);
    const index = entries.indexOf(entry);
    entries.splice(index, 1);
    idHashes.splice(index, 1);
    this.#electors.delete(entry);
  }

  #noteElector(entry: Entry): void {
    if (entry.standing === 'live' && entry.state.contact.role === 'elector') {
      this.#electors.add(entry);
    }
  }

  /** Adds to the hashes what was absent, or removes what was there. */
  #toggle(entry: Entry): void {
    const { hash } = entry.measures;
    this.#hash.toggle(hash);
    this.#bucketFor(entry).hash.toggle(hash);
  }

  #bucketFor({ idHash }: Entry): Bucket {
    const bucket = this.#buckets[bucketOf(idHash, this.#buckets.length)];
    assert(bucket !== undefined, 'every hash has its bucket');
    return bucket;
  }

  /** Twice as many buckets; they never become fewer. */
  #split(): void {
    const count = this.#buckets.length * 2;
    const entries = this.#buckets.flatMap((bucket) => bucket.entries);
    this.#buckets = Array.from({ length: count }, newBucket);
    for (const entry of entries) {
      const bucket = this.#bucketFor(entry);
      bucket.hash.toggle(entry.measures.hash);
      addTo(bucket, entry);
    }
  }
}

/** As many buckets as suit this many members: a power of two. */
export function bucketCountFor(members: number): number {
  let count = 1;
  while (count < limits.memberBucketsMax && count * membersPerBucket < members) count *= 2;
  return count;
}

export function isBucketCount(count: number): boolean {
  const isPowerOfTwo = Number.isInteger(count) && (count & (count - 1)) === 0;
  return isPowerOfTwo && count >= 1 && count <= limits.memberBucketsMax;
}

export function entryVersion({ measures }: Entry): StateVersion {
  return measures;
}

/** Whether this state is newer than the one held. */
export function isNews(entry: Entry | undefined, state: EndpointState): boolean {
  return entry === undefined || compareStates(state, entry.state) > 0;
}

/** States are never changed, so what was reckoned for one holds as long as it lives. */
const measured = new WeakMap<EndpointState, StateMeasures>();

function measuresOf(state: EndpointState): StateMeasures {
  const known = measured.get(state);
  if (known !== undefined) return known;
  const { version } = state;
  const { nodeId, generation } = state.contact;
  const hash = memberHash(nodeId, { generation, version });
  const measures = { generation, version, hash, bytesMax: stateBytesMax(state) };
  measured.set(state, measures);
  return measures;
}

/** By the first bits, so that halving the number of buckets joins neighbours. */
function bucketOf(idHash: number, count: number): number {
  return count === 1 ? 0 : idHash >>> (Math.clz32(count) + 1);
}

function newBucket(): Bucket {
  return { hash: new XorHash(), entries: [], idHashes: [] };
}

function addTo({ entries, idHashes }: Bucket, entry: Entry): void {
  entries.push(entry);
  idHashes.push(entry.idHash);
}
