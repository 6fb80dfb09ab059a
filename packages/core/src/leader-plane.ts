/**
 * Decides how a leader record travels: which links push it at once, which only if need be, and what
 * repairs a link that did not.
 *
 * The eager links settle into a spanning tree as in Plumtree (Leitão, Pereira, Rodrigues, "Epidemic
 * Broadcast Trees", 2007): a duplicate makes its link lazy, a lazy push that was news makes it eager.
 * Three things differ, because a record is tiny, is published by several electors at once, and is
 * refreshed by renewals:
 *  - a lazy link pushes the record itself, not an announcement: one message instead of three;
 *  - two copies issued by *different* electors that meet are no sign of a cycle, so nobody is pruned;
 *  - renewals, which nobody waits for, go along the tree only; what they miss, a round repairs.
 *
 * One tree serves all elections: electors are linked to each other, so a tree that is good for one
 * publisher is good for all.
 */
import { assert } from './assert.ts';
import type { EffectSink } from './effects.ts';
import type {
  DigestEntry,
  DigestFrame,
  PushFrame,
  PushMode,
  StateHash,
  WantFrame,
} from './frames.ts';
import { HeldRecords } from './held-records.ts';
import type { ChangeTrace, Overdue, Slot } from './held-records.ts';
import type { ElectionName, LinkId } from './ids.ts';
import { LazyPushes } from './lazy-pushes.ts';
import type { LazyTurn } from './lazy-pushes.ts';
import { limits } from './limits.ts';
import type { LinkDirection } from './links.ts';
import type { Random } from './random.ts';
import { ageMs } from './record.ts';
import type { HeldRecord, SealedRecord } from './record.ts';
import type { EngineTuning } from './tuning.ts';
import { isNewer, isSameChange } from './version.ts';
import type { Version } from './version.ts';

export interface LeaderPlaneCounters {
  readonly pushesSent: Record<PushMode, number>;
  /** Pushes received that were newer than what was held; equal to it; older than it. */
  news: number;
  duplicates: number;
  stale: number;
  prunesSent: number;
  graftsSent: number;
  /** Records of elections beyond `limits.electionsMax`, not kept. */
  electionsRefused: number;
}

/**
 * The end of a lazy link that is not the first to push waits this many lazy delays instead of one,
 * and both add up to this share of one at random. So the turns of the two ends never overlap, and
 * still a record gets past three cut branches in a row within 200 ms or so.
 */
const secondLazyDelays = 1.75;
const lazyJitterDelays = 0.5;

/** What we know of the other end of a link. */
interface Peer {
  /** We push to it at once. */
  eager: boolean;
  /** When our end pushes lazily. */
  readonly lazyTurn: LazyTurn;
  /** The newest version per election that it showed us or that we sent it. */
  readonly known: Map<ElectionName, Version>;
}

export class LeaderPlane {
  readonly counters: LeaderPlaneCounters = {
    pushesSent: { eager: 0, lazy: 0, repair: 0 },
    news: 0,
    duplicates: 0,
    stale: 0,
    prunesSent: 0,
    graftsSent: 0,
    electionsRefused: 0,
  };
  readonly #records: HeldRecords;
  readonly #lazyPushes = new LazyPushes();
  readonly #peers = new Map<LinkId, Peer>();
  readonly #tuning: EngineTuning;
  readonly #random: Random;
  readonly #emit: EffectSink;
  #lastFrame:
    { readonly held: HeldRecord; readonly nowMs: number; readonly frame: PushFrame } | undefined;

  constructor(tuning: EngineTuning, random: Random, emit: EffectSink) {
    this.#tuning = tuning;
    this.#random = random;
    this.#emit = emit;
    this.#records = new HeldRecords(emit);
  }

  get hash(): StateHash {
    return this.#records.hash;
  }

  get nextWakeMs(): number {
    return Math.min(this.#lazyPushes.nextMs, this.#records.nextExpiryMs);
  }

  held(election: ElectionName): HeldRecord | undefined {
    return this.#records.get(election)?.held;
  }

  trace(election: ElectionName): ChangeTrace | undefined {
    return this.#records.get(election)?.trace;
  }

  elections(): ElectionName[] {
    return this.#records.elections();
  }

  isEager(link: LinkId): boolean {
    return this.#peers.get(link)?.eager ?? false;
  }

  /**
   * A new link starts eager: at worst it brings one duplicate, and is pruned. Of its two ends the
   * dialler is the first to push lazily, so that the other one, having been shown, need not.
   */
  linkUp(link: LinkId, direction: LinkDirection): void {
    const lazyTurn = direction === 'outbound' ? 'first' : 'second';
    this.#peers.set(link, { eager: true, lazyTurn, known: new Map() });
  }

  linkDown(link: LinkId): void {
    this.#peers.delete(link);
  }

  /** Takes a record from our own elector. */
  publish(sealed: SealedRecord, issuedAgoMs: number, nowMs: number): void {
    const held: HeldRecord = { sealed, appliedAtMs: nowMs, ageAtApplyMs: issuedAgoMs, hops: 0 };
    if (this.#apply(held, undefined)) this.#spread(sealed.record.election, undefined, nowMs);
  }

  /**
   * Forgets what is held of these elections, and what the other ends of links showed of them: a version
   * that nobody could ever outdo may be among it, and would keep all that is true from them.
   */
  disown(elections: readonly ElectionName[]): void {
    for (const election of elections) {
      this.#records.disown(election);
      for (const peer of this.#peers.values()) peer.known.delete(election);
    }
  }

  /** Takes a record from a link whose one-way delay is `delayMs`. */
  receivePush(link: LinkId, frame: PushFrame, delayMs: number, nowMs: number): void {
    const peer = this.#peers.get(link);
    if (peer === undefined) return;
    const { election, version } = frame.sealed.record;
    const before = this.#records.get(election)?.held;
    if (before !== undefined && isNewer(version, peer.known.get(election))) {
      peer.known.set(election, version);
    }
    if (before === undefined || isNewer(version, before.sealed.record.version)) {
      const held: HeldRecord = {
        sealed: frame.sealed,
        appliedAtMs: nowMs,
        ageAtApplyMs: Math.min(frame.ageMs + delayMs, limits.ageMsMax),
        hops: Math.min(frame.hops + 1, limits.hopsMax),
      };
      if (!this.#apply(held, link)) return;
      peer.known.set(election, version);
      this.counters.news++;
      this.#adoptParent(link, peer, frame.mode, held);
      this.#spread(election, link, nowMs);
    } else if (isNewer(before.sealed.record.version, version)) {
      this.counters.stale++;
      if (!isSameChange(before.sealed.record.version, version)) {
        this.#pushUnlessKnown(link, peer, election, 'repair', nowMs);
      }
    } else {
      this.counters.duplicates++;
      this.#weighDuplicate(link, peer, frame, before);
    }
  }

  receivePrune(link: LinkId): void {
    const peer = this.#peers.get(link);
    if (peer !== undefined) peer.eager = false;
  }

  receiveGraft(link: LinkId): void {
    const peer = this.#peers.get(link);
    if (peer !== undefined) peer.eager = true;
  }

  /** Tells the other end all our versions, in pages. */
  sendDigest(link: LinkId): void {
    const names = this.#records.elections().sort();
    let after: ElectionName | undefined;
    do {
      const page = names.splice(0, limits.digestEntriesMax);
      const upTo = names.length > 0 ? page.at(-1) : undefined;
      const entries = page.map((election): DigestEntry => ({
        election,
        version: this.#slot(election).held.sealed.record.version,
      }));
      this.#emit({ kind: 'send', link, frame: { kind: 'digest', after, upTo, entries } });
      after = upTo;
    } while (names.length > 0);
  }

  /** Compares: pushes what we hold newer, asks for what they hold newer. */
  receiveDigest(link: LinkId, frame: DigestFrame, nowMs: number): void {
    const peer = this.#peers.get(link);
    if (peer === undefined) return;
    const theirs = new Map(frame.entries.map((entry) => [entry.election, entry.version]));
    const wanted: ElectionName[] = [];
    for (const [election, version] of theirs) {
      const held = this.held(election);
      if (held === undefined) {
        if (!this.#records.isFull) wanted.push(election); // what would not be kept is not asked for
        continue;
      }
      if (isNewer(version, peer.known.get(election))) peer.known.set(election, version);
      if (!isNewer(version, held.sealed.record.version)) continue;
      if (!this.#isOnItsWay(held, version, nowMs)) wanted.push(election);
    }
    for (const [election, slot] of this.#records.entries()) {
      const inPage =
        (frame.after === undefined || election > frame.after) &&
        (frame.upTo === undefined || election <= frame.upTo);
      if (!inPage) continue;
      const version = slot.held.sealed.record.version;
      const their = theirs.get(election);
      if (!isNewer(version, their)) continue;
      const fresh = ageMs(slot.held, nowMs) < this.#tuning.treeGraceMs;
      if (fresh && their !== undefined && isSameChange(version, their)) continue;
      this.#push(link, peer, election, 'repair', nowMs);
    }
    this.#sendWants(link, wanted);
  }

  receiveWant(link: LinkId, frame: WantFrame, nowMs: number): void {
    const peer = this.#peers.get(link);
    if (peer === undefined) return;
    for (const election of new Set(frame.elections)) {
      if (this.held(election) !== undefined) this.#push(link, peer, election, 'repair', nowMs);
    }
  }

  /** Sends the lazy pushes that are due and tells of records that ceased to be believable. */
  wake(nowMs: number): void {
    this.#sendLazyPushes(nowMs, nowMs);
    this.#records.tellExpired(nowMs);
  }

  /**
   * Pushes at once what lazy links were to get later: whoever leaves does not see that moment. All its
   * links may be lazy, since its only way into the tree may have just gone; a resignation would be lost.
   */
  sendLastWords(nowMs: number): void {
    this.#sendLazyPushes(Infinity, nowMs);
  }

  /** Whether a leader's renewals seem to pass us by. */
  overdue(nowMs: number): Overdue {
    return this.#records.overdue((link) => this.#peers.has(link), nowMs);
  }

  #slot(election: ElectionName): Slot {
    const slot = this.#records.get(election);
    assert(slot !== undefined, 'a held election has a slot');
    return slot;
  }

  #apply(held: HeldRecord, parent: LinkId | undefined): boolean {
    const applied = this.#records.apply(held, parent);
    if (!applied && this.held(held.sealed.record.election) === undefined) {
      this.counters.electionsRefused++;
    }
    return applied;
  }

  /** News came by this link: it belongs to the tree, unless the tree was not given its time. */
  #adoptParent(link: LinkId, peer: Peer, mode: PushMode, held: HeldRecord): void {
    if (mode === 'eager' && peer.eager) return; // otherwise a prune of ours is still under way
    if (mode === 'repair' && held.ageAtApplyMs < this.#tuning.treeGraceMs) return;
    this.#graft(link, peer);
  }

  /** A second copy: either its link is superfluous, or it is the shorter way and the first one is. */
  #weighDuplicate(link: LinkId, peer: Peer, frame: PushFrame, held: HeldRecord): void {
    const slot = this.#slot(frame.sealed.record.election);
    const parent = slot.parent;
    const sameIssuer = frame.sealed.record.issuer === held.sealed.record.issuer;
    if (parent === link) return;
    if (
      this.#isMuchShorter(frame.hops, held.hops) &&
      frame.mode !== 'repair' &&
      parent !== undefined
    ) {
      const oldParent = this.#peers.get(parent);
      if (oldParent !== undefined) this.#prune(parent, oldParent);
      slot.parent = link;
      slot.held = { ...held, hops: frame.hops + 1 };
      if (frame.mode === 'lazy' || !peer.eager) this.#graft(link, peer);
      return;
    }
    // Our copy crossed theirs and is much shorter: they will take us as their parent, not prune us.
    if (peer.eager && this.#isMuchShorter(held.hops, frame.hops)) return;
    if (frame.mode === 'eager' && sameIssuer) this.#prune(link, peer);
  }

  /** Whether a copy that the other end held at `hops` is worth a swap for one held at `than`. */
  #isMuchShorter(hops: number, than: number): boolean {
    return hops + 1 + this.#tuning.flattenHops <= than;
  }

  #prune(link: LinkId, peer: Peer): void {
    peer.eager = false;
    this.counters.prunesSent++;
    this.#emit({ kind: 'send', link, frame: { kind: 'prune' } });
  }

  #graft(link: LinkId, peer: Peer): void {
    peer.eager = true;
    this.counters.graftsSent++;
    this.#emit({ kind: 'send', link, frame: { kind: 'graft' } });
  }

  #spread(election: ElectionName, from: LinkId | undefined, nowMs: number): void {
    const { held, trace } = this.#slot(election);
    const { version } = held.sealed.record;
    for (const [link, peer] of this.#peers) {
      if (!peer.eager || link === from || !isNewer(version, peer.known.get(election))) continue;
      this.#push(link, peer, election, 'eager', nowMs);
    }
    const isRenewal = version.renewal !== trace.version.renewal;
    if (!isRenewal) this.#pushLater(election, nowMs);
  }

  #pushUnlessKnown(
    link: LinkId,
    peer: Peer,
    election: ElectionName,
    mode: PushMode,
    nowMs: number,
  ): void {
    const { version } = this.#slot(election).held.sealed.record;
    if (isNewer(version, peer.known.get(election))) this.#push(link, peer, election, mode, nowMs);
  }

  #push(link: LinkId, peer: Peer, election: ElectionName, mode: PushMode, nowMs: number): void {
    const { held, trace } = this.#slot(election);
    const { version } = held.sealed.record;
    peer.known.set(election, version);
    this.counters.pushesSent[mode]++;
    if (version.renewal === trace.version.renewal) trace.pushesSent[mode]++;
    this.#emit({ kind: 'send', link, frame: this.#frameOf(held, mode, nowMs) });
  }

  /** What goes to several links in one turn is one and the same frame, so that it is encoded once. */
  #frameOf(held: HeldRecord, mode: PushMode, nowMs: number): PushFrame {
    const last = this.#lastFrame;
    if (last?.held === held && last.nowMs === nowMs && last.frame.mode === mode) return last.frame;
    const frame: PushFrame = {
      kind: 'push',
      mode,
      sealed: held.sealed,
      ageMs: Math.min(ageMs(held, nowMs), limits.ageMsMax),
      hops: held.hops,
    };
    this.#lastFrame = { held, nowMs, frame };
    return frame;
  }

  #pushLater(election: ElectionName, nowMs: number): void {
    const appointment = (delays: number): number =>
      nowMs + this.#tuning.lazyDelayMs * (delays + lazyJitterDelays * this.#random());
    this.#lazyPushes.add(election, 'first', appointment(1));
    this.#lazyPushes.add(election, 'second', appointment(secondLazyDelays));
  }

  /** Those that are due at `dueMs`, as of `nowMs`, to all lazy links that have not shown this change. */
  #sendLazyPushes(dueMs: number, nowMs: number): void {
    for (const { election, turn } of this.#lazyPushes.take(dueMs)) {
      const version = this.held(election)?.sealed.record.version;
      if (version === undefined) continue; // disowned meanwhile
      for (const [link, peer] of this.#peers) {
        if (peer.eager || peer.lazyTurn !== turn) continue;
        const known = peer.known.get(election);
        const shown =
          known !== undefined && (!isNewer(version, known) || isSameChange(version, known));
        if (!shown) this.#push(link, peer, election, 'lazy', nowMs);
      }
    }
  }

  /** They hold the very next renewal and ours is not overdue: the tree will bring it. */
  #isOnItsWay(held: HeldRecord, theirs: Version, nowMs: number): boolean {
    const { record } = held.sealed;
    if (record.kind !== 'leader' || !isSameChange(record.version, theirs)) return false;
    const overdueMs = record.validityMs / 3 + this.#tuning.treeGraceMs;
    return theirs.renewal === record.version.renewal + 1 && ageMs(held, nowMs) < overdueMs;
  }

  #sendWants(link: LinkId, wanted: readonly ElectionName[]): void {
    for (let start = 0; start < wanted.length; start += limits.wantElectionsMax) {
      const elections = wanted.slice(start, start + limits.wantElectionsMax);
      this.#emit({ kind: 'send', link, frame: { kind: 'want', elections } });
    }
  }
}
