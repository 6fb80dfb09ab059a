/**
 * Decides how two members that differ become equal: hashes by bucket, then digests of the buckets
 * that differ, then what is newer on either side. Whoever finds a difference asks, over one link at
 * a time; the other end leads through it at the pace of the answers, so that neither has more than a
 * page or two under way and leader records never wait behind a flood.
 */
import { compareStateVersions } from './endpoint-state.ts';
import type { CarriedState } from './endpoint-state.ts';
import type {
  Frame,
  MemberDeltaFrame,
  MemberDigestEntry,
  MemberDigestFrame,
  MemberHashesFrame,
  MembersSummary,
} from './frames.ts';
import type { LinkId, NodeId } from './ids.ts';
import { limits } from './limits.ts';
import { bucketCountFor, entryVersion, isBucketCount } from './member-table.ts';
import type { Entry, MemberTable } from './member-table.ts';
import type { Quarantine } from './quarantine.ts';
import { sameHash } from './state-hash.ts';
import { pagesOf } from './state-pages.ts';
import type { EngineTuning } from './tuning.ts';

export interface SyncParts {
  readonly table: MemberTable;
  readonly quarantine: Quarantine;
  readonly tuning: EngineTuning;
  readonly send: (link: LinkId, frame: Frame) => void;
  readonly carry: (entry: Entry, nowMs: number) => CarriedState;
  /** This member and another one hold the same now. */
  readonly compared: (nowMs: number) => void;
}

/** Buckets that are still to be gone through with the other end of a link. */
interface Guidance {
  readonly bucketCount: number;
  readonly differing: { readonly index: number; readonly theirsIsEmpty: boolean }[];
}

export class MembershipSync {
  readonly #parts: SyncParts;
  /** The link by which we asked, and when it answered last. */
  #asking: { readonly link: LinkId; answeredAtMs: number } | undefined;
  #askedAtMs = -Infinity;
  /** When a comparison, or a push, brought news last. */
  #newsAtMs = -Infinity;
  readonly #guiding = new Map<LinkId, Guidance>();

  constructor(parts: SyncParts) {
    this.#parts = parts;
  }

  get summary(): MembersSummary {
    const { hash, count } = this.#parts.table;
    return { hash, count };
  }

  /** Whether we asked by this link, and are being told. */
  isAsked(link: LinkId): boolean {
    return this.#asking?.link === link;
  }

  noteNews(nowMs: number): void {
    this.#newsAtMs = nowMs;
  }

  linkDown(link: LinkId): void {
    this.#guiding.delete(link);
    if (this.#asking?.link === link) this.#asking = undefined;
  }

  /** A round told what the other end holds. `eager`: do not wait until the news has settled. */
  receiveSummary(link: LinkId, theirs: MembersSummary, eager: boolean, nowMs: number): void {
    const { table, send, compared } = this.#parts;
    if (sameHash(theirs.hash, table.hash)) {
      compared(nowMs);
      return;
    }
    if (this.#isAsking(nowMs) || (!eager && this.#isSettling(theirs.count, nowMs))) return;
    this.#asking = { link, answeredAtMs: nowMs };
    this.#askedAtMs = nowMs;
    const bucketCount = bucketCountFor(Math.max(table.count, theirs.count));
    send(link, { kind: 'member-hashes', hashes: table.bucketHashes(bucketCount) });
  }

  /** The other end asked: from here on we lead. */
  receiveHashes(link: LinkId, frame: MemberHashesFrame, nowMs: number): void {
    const bucketCount = frame.hashes.length;
    if (!isBucketCount(bucketCount)) return;
    const ours = this.#parts.table.bucketHashes(bucketCount);
    const differing = frame.hashes.flatMap((theirs, index) => {
      const mine = ours[index];
      if (mine === undefined || sameHash(mine, theirs)) return [];
      return { index, theirsIsEmpty: theirs.high === 0 && theirs.low === 0 };
    });
    this.#guiding.set(link, { bucketCount, differing });
    this.#lead(link, nowMs);
  }

  receiveDigest(link: LinkId, frame: MemberDigestFrame, nowMs: number): void {
    if (this.#asking?.link !== link || !isBucketCount(frame.bucketCount)) return;
    this.#asking.answeredAtMs = nowMs;
    const { newer, wants } = this.#compare(frame);
    const { carry, send, compared } = this.#parts;
    const pages = pagesOf(newer).map((page) => page.map((entry) => carry(entry, nowMs)));
    const last = pages.pop() ?? [];
    for (const states of pages)
      send(link, { kind: 'member-delta', states, wants: [], done: false });
    send(link, { kind: 'member-delta', states: last, wants, done: true });
    if (!frame.last) return;
    this.#asking = undefined;
    compared(nowMs);
  }

  /** After the states of a delta were taken: answers what it asks for, and leads on. */
  receiveDelta(link: LinkId, frame: MemberDeltaFrame, nowMs: number): void {
    if (this.#asking?.link === link) this.#asking.answeredAtMs = nowMs;
    const wanted = frame.wants.flatMap((nodeId) => this.#parts.table.get(nodeId) ?? []);
    this.#sendStates(link, wanted, nowMs);
    if (frame.done && this.#guiding.has(link)) this.#lead(link, nowMs);
  }

  #isAsking(nowMs: number): boolean {
    const { syncTimeoutMs } = this.#parts.tuning;
    return this.#asking !== undefined && nowMs - this.#asking.answeredAtMs < syncTimeoutMs;
  }

  /** Pushes are on their way: a comparison would only race them, unless much is missing. */
  #isSettling(theirCount: number, nowMs: number): boolean {
    const { table, tuning } = this.#parts;
    const difference = Math.abs(theirCount - table.count);
    if (difference > Math.max(theirCount, table.count) / 8) return false;
    return (
      nowMs - this.#newsAtMs < tuning.syncGraceMs && nowMs - this.#askedAtMs < tuning.syncEveryMs
    );
  }

  /** The next digest. A bucket that is empty over there is sent as it is. */
  #lead(link: LinkId, nowMs: number): void {
    const guidance = this.#guiding.get(link);
    if (guidance === undefined) return;
    const { bucketCount, differing } = guidance;
    const buckets: number[] = [];
    const entries: MemberDigestEntry[] = [];
    const missing: Entry[] = [];
    for (let taken = 0; taken < limits.memberDigestBucketsMax; taken++) {
      const [next] = differing;
      if (next === undefined) break;
      const bucket = this.#parts.table.bucket(next.index, bucketCount);
      const filled = entries.length + missing.length;
      if (filled > 0 && filled + bucket.length > limits.memberDigestEntriesMax) break;
      differing.shift();
      if (next.theirsIsEmpty) {
        missing.push(...bucket);
      } else {
        buckets.push(next.index);
        entries.push(...bucket.slice(0, limits.memberDigestEntriesMax).map(digestEntry));
      }
    }
    const last = differing.length === 0;
    if (last) this.#guiding.delete(link);
    this.#sendStates(link, missing, nowMs);
    this.#parts.send(link, { kind: 'member-digest', bucketCount, buckets, entries, last });
  }

  /** What we hold newer than a digest says, and what it says that is newer than ours. */
  #compare(frame: MemberDigestFrame): { newer: Entry[]; wants: NodeId[] } {
    const { table, quarantine } = this.#parts;
    const newer: Entry[] = [];
    const wants: NodeId[] = [];
    const named = new Set<NodeId>();
    for (const theirs of frame.entries) {
      if (named.has(theirs.nodeId)) continue;
      named.add(theirs.nodeId);
      const mine = table.get(theirs.nodeId);
      const order = mine === undefined ? 1 : compareStateVersions(theirs, entryVersion(mine));
      if (mine !== undefined && order < 0) newer.push(mine);
      if (order > 0 && !quarantine.blocks(theirs.nodeId, theirs)) wants.push(theirs.nodeId);
    }
    for (const index of new Set(frame.buckets)) {
      for (const entry of table.bucket(index, frame.bucketCount)) {
        if (!named.has(entry.state.contact.nodeId)) newer.push(entry);
      }
    }
    return { newer, wants };
  }

  #sendStates(link: LinkId, entries: readonly Entry[], nowMs: number): void {
    const { carry, send } = this.#parts;
    for (const page of pagesOf(entries)) {
      const states = page.map((entry) => carry(entry, nowMs));
      send(link, { kind: 'member-delta', states, wants: [], done: false });
    }
  }
}

function digestEntry({ state }: Entry): MemberDigestEntry {
  const { nodeId, generation } = state.contact;
  return { nodeId, generation, version: state.version };
}
