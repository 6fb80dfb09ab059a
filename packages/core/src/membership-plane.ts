/**
 * Decides how what members say of themselves travels, and what becomes of it here. Nothing is spread
 * unless something changed: an idle fleet compares hashes and is silent otherwise, whatever its size.
 *
 * An urgent change (somebody moved, leaves, accuses, refutes) goes to all links, after some
 * milliseconds in which others may join it, unless the other end shows it first. All else goes along
 * the eager links, the leader plane's tree, and what a broken tree leaves out, a round repairs.
 */
import { AppliedChanges } from './applied-changes.ts';
import type { Contact } from './contact.ts';
import type { EffectSink } from './effects.ts';
import { compareStates, isUrgentChange } from './endpoint-state.ts';
import type { ApplicationFacts, CarriedState, EndpointState, Verdict } from './endpoint-state.ts';
import type {
  MemberDeltaFrame,
  MemberDigestFrame,
  MemberHashesFrame,
  MembersSummary,
} from './frames.ts';
import type { ElectionName, LinkId, NodeId } from './ids.ts';
import { limits } from './limits.ts';
import { entryVersion } from './member-table.ts';
import type { Entry, MemberTable, Standing } from './member-table.ts';
import type { MemberView } from './member-view.ts';
import { MembershipSync } from './membership-sync.ts';
import { OwnIdentity } from './own-identity.ts';
import type { OwnState } from './own-state.ts';
import { Quarantine } from './quarantine.ts';
import type { Random } from './random.ts';
import { StatePushes } from './state-pushes.ts';
import type { EngineTuning } from './tuning.ts';
import { Verdicts } from './verdicts.ts';
import type { Version } from './version.ts';

export interface MembershipCounters {
  /** States received that were newer than what was held, and others. */
  readonly news: number;
  readonly duplicates: number;
  /** States sent as pushes, those in answer to a comparison not counted. */
  readonly pushed: number;
  /** Members beyond `limits.membersMax`, not kept. */
  readonly membersRefused: number;
  /** States of members that left or were forgotten, not taken back. */
  readonly revivalsRefused: number;
}

export interface MembershipListener {
  isEager(link: LinkId): boolean;
  isLinked(nodeId: NodeId): boolean;
  /** Where a member is to be found in its present life. */
  memberKnown(contact: Contact, restarted: boolean): void;
  /** A state of another member was added or replaced. */
  stateChanged(entry: Entry, nowMs: number): void;
  /** Another member became unreachable, or is reachable again. */
  standingChanged(entry: Entry, nowMs: number): void;
  /** Another member was removed. */
  forgotten(nodeId: NodeId, nowMs: number): void;
}

/** Tombstones and lost members are looked through this often. */
const tidyEveryMs = 15_000;

export class MembershipPlane {
  readonly table: MemberTable;
  readonly verdicts: Verdicts;
  readonly #own: OwnState;
  readonly #identity: OwnIdentity;
  readonly #tuning: EngineTuning;
  readonly #emit: EffectSink;
  readonly #listener: MembershipListener;
  readonly #pushes: StatePushes;
  readonly #counts = { news: 0, duplicates: 0, membersRefused: 0, revivalsRefused: 0 };
  readonly #quarantine = new Quarantine();
  readonly #sync: MembershipSync;
  /** Links by which nothing has been compared yet: there the other end may come from a partition. */
  readonly #uncompared = new Set<LinkId>();
  readonly #applied: AppliedChanges;
  #publishAtMs = Infinity;
  #publishedAtMs = -Infinity;
  /** What is published next goes to all neighbours at once. */
  #hurry = false;
  #joinAtMs: number;
  #tidyAtMs: number;

  constructor(
    own: OwnState,
    table: MemberTable,
    tuning: EngineTuning,
    random: Random,
    emit: EffectSink,
    listener: MembershipListener,
    nowMs: number,
  ) {
    this.#own = own;
    this.table = table;
    this.#tuning = tuning;
    this.#emit = emit;
    this.#listener = listener;
    this.#identity = new OwnIdentity(own, tuning, random, emit);
    this.verdicts = new Verdicts(own.contact.nodeId, table, tuning, {
      standingChanged: (entry, previous, atMs) => {
        this.#standingChanged(entry, previous, atMs);
      },
    });
    this.#applied = new AppliedChanges(tuning, random);
    const carry = (entry: Entry, atMs: number): CarriedState => this.#carried(entry, atMs);
    const isEager = (link: LinkId): boolean => listener.isEager(link);
    this.#pushes = new StatePushes({ table, tuning, random, emit, carry, isEager });
    this.#sync = new MembershipSync({
      table,
      quarantine: this.#quarantine,
      tuning,
      send: (link, frame) => {
        emit({ kind: 'send', link, frame });
      },
      carry,
      compared: (atMs) => {
        this.#joined(atMs);
      },
    });
    this.#joinAtMs = nowMs + tuning.joinMs;
    this.#tidyAtMs = nowMs + tidyEveryMs;
    table.add(own.published, nowMs);
  }

  get summary(): MembersSummary {
    return this.#sync.summary;
  }

  get counters(): MembershipCounters {
    return { ...this.#counts, pushed: this.#pushes.sent };
  }

  get nextWakeMs(): number {
    if (this.#own.status === 'left') return Infinity;
    return Math.min(
      this.#publishAtMs,
      this.#applied.dueMs,
      this.#joinAtMs,
      this.#tidyAtMs,
      this.#pushes.nextWakeMs,
      this.#identity.nextWakeMs,
    );
  }

  view(entry: Entry): MemberView {
    return {
      state: entry.state,
      reachability: entry.standing === 'live' ? 'reachable' : 'unreachable',
      suspectedBy: this.verdicts.suspectedBy(entry),
      sinceMs: entry.sinceMs,
      linked: this.#listener.isLinked(entry.state.contact.nodeId),
      self: entry.state.contact.nodeId === this.#own.contact.nodeId,
    };
  }

  /** Each end of a new link says at once who it is, and what the other end may have to refute. */
  linkUp(link: LinkId, peer: Contact, nowMs: number): void {
    this.#pushes.linkUp(link);
    this.#uncompared.add(link);
    this.#pushes.send(link, this.#own.contact.nodeId, nowMs);
    const entry = this.table.get(peer.nodeId);
    if (entry === undefined) return;
    for (const observer of this.verdicts.observersOf(entry).slice(0, this.#tuning.quorum)) {
      this.#pushes.send(link, observer.state.contact.nodeId, nowMs);
    }
  }

  linkDown(link: LinkId): void {
    this.#pushes.linkDown(link);
    this.#uncompared.delete(link);
    this.#sync.linkDown(link);
  }

  receiveSummary(link: LinkId, theirs: MembersSummary, nowMs: number): void {
    if (!this.#pushes.has(link)) return;
    const isFirst = this.#uncompared.delete(link);
    this.#sync.receiveSummary(link, theirs, isFirst || this.#own.status === 'joining', nowMs);
  }

  receiveHashes(link: LinkId, frame: MemberHashesFrame, nowMs: number): void {
    if (this.#pushes.has(link)) this.#sync.receiveHashes(link, frame, nowMs);
  }

  receiveDigest(link: LinkId, frame: MemberDigestFrame, nowMs: number): void {
    if (this.#pushes.has(link)) this.#sync.receiveDigest(link, frame, nowMs);
  }

  receiveDelta(link: LinkId, frame: MemberDeltaFrame, nowMs: number): void {
    if (!this.#pushes.has(link)) return;
    for (const carried of frame.states) this.#take(carried, link, nowMs);
    this.#sync.receiveDelta(link, frame, nowMs);
  }

  /** Another process has our node id. */
  namesake(theirs: Contact, nowMs: number): void {
    if (this.#identity.contest(theirs, nowMs)) this.ownChanged(true, nowMs);
  }

  /**
   * What we say of ourselves has changed: it is published soon, with what else changes until then; at once
   * if it is urgent, unless we have just said something.
   */
  ownChanged(urgent: boolean, nowMs: number): void {
    if (!this.#own.changed) return;
    const { batchMs, bulkBatchMs } = this.#tuning;
    const atMs = nowMs + (urgent ? batchMs / 2 : bulkBatchMs);
    this.#publishAtMs = Math.min(this.#publishAtMs, Math.max(atMs, this.#nextWordMs()));
  }

  /** Each word goes to everybody: the more there are, the longer one waits until the next. */
  #nextWordMs(): number {
    const { wordGapMs, wordGapMsPerMember, wordGapMsMax } = this.#tuning;
    const gapMs = Math.max(wordGapMs, this.table.count * wordGapMsPerMember);
    return this.#publishedAtMs + Math.min(gapMs, wordGapMsMax);
  }

  setFacts(facts: Partial<ApplicationFacts>, nowMs: number): void {
    this.#own.setFacts(facts);
    this.ownChanged(false, nowMs);
  }

  drain(nowMs: number): void {
    this.#own.setStatus('leaving');
    this.ownChanged(true, nowMs);
  }

  /** Says that we left, and whatever else waits, to all links at once. */
  leave(nowMs: number): void {
    if (this.#own.status === 'left') return;
    this.#own.setStatus('left');
    this.#publish(nowMs);
    this.#pushes.flush(this.#own.contact.nodeId, nowMs);
  }

  /** A change of leader was applied here: the fleet is told of it when it has time. */
  noteApplied(election: ElectionName, version: Version, nowMs: number): void {
    this.#applied.note(election, version, this.table.count, nowMs);
  }

  wake(nowMs: number): void {
    if (this.#own.status === 'left') return;
    if (nowMs >= this.#joinAtMs) this.#joined(nowMs);
    if (this.#identity.wake(nowMs)) this.ownChanged(true, nowMs);
    if (nowMs >= Math.min(this.#publishAtMs, this.#applied.dueMs)) this.#publish(nowMs);
    this.#pushes.wake(nowMs);
    if (nowMs >= this.#tidyAtMs) this.#tidy(nowMs);
  }

  #joined(nowMs: number): void {
    this.#joinAtMs = Infinity;
    if (this.#own.status !== 'joining') return;
    this.#own.setStatus('up');
    this.#hurry = true; // before the neighbours have passed on that we join
    this.ownChanged(true, nowMs);
  }

  #take(carried: CarriedState, link: LinkId, nowMs: number): void {
    const { state } = carried;
    const { nodeId } = state.contact;
    if (nodeId === this.#own.contact.nodeId) {
      this.#takeOwn(state, link, nowMs);
      return;
    }
    const entry = this.table.get(nodeId);
    const order = entry === undefined ? 1 : compareStates(state, entry.state);
    if (order >= 0) this.#pushes.shown(link, nodeId);
    if (order < 0 && !this.#isRuleBroken(entry)) {
      this.#counts.duplicates++;
      this.#pushes.remind(link, nodeId, nowMs);
      return;
    }
    if (order === 0 || this.#isRevival(entry, state)) {
      this.#counts.duplicates++;
      return;
    }
    this.#apply(carried, entry, link, nowMs);
  }

  /** Never, but where a checker is to show that it notices. */
  #isRuleBroken(entry: Entry | undefined): boolean {
    const { brokenRule } = this.#tuning;
    if (brokenRule === undefined) return false;
    return (
      brokenRule === 'accept-older' || (brokenRule === 'revive-left' && entry?.standing === 'left')
    );
  }

  /** Somebody speaks in our name: an echo, our earlier life, or another process that is alive. */
  #takeOwn(state: EndpointState, link: LinkId, nowMs: number): void {
    const published = this.#own.published;
    if (compareStates(state, published) === 0) this.#pushes.shown(link, this.#own.contact.nodeId);
    if (this.#identity.heard(state, nowMs)) this.ownChanged(true, nowMs);
  }

  /** Who left, or was forgotten, comes back by a later life only. */
  #isRevival(entry: Entry | undefined, state: EndpointState): boolean {
    const { nodeId, generation } = state.contact;
    const blocked =
      entry === undefined
        ? this.#quarantine.blocks(nodeId, { generation, version: state.version })
        : entry.standing === 'left' && generation <= entry.state.contact.generation;
    if (!blocked || this.#tuning.brokenRule === 'revive-left') return false;
    this.#counts.revivalsRefused++;
    return true;
  }

  #apply(carried: CarriedState, known: Entry | undefined, from: LinkId, nowMs: number): void {
    const { state, unreachableForMs } = carried;
    const before = known?.state;
    const previous = known === undefined ? undefined : this.view(known);
    const wasDoubted = previous !== undefined && previous.suspectedBy > 0;
    const entry = known ?? this.table.add(state, nowMs);
    if (entry === undefined) {
      this.#counts.membersRefused++;
      return;
    }
    this.#counts.news++;
    this.#sync.noteNews(nowMs);
    this.#quarantine.release(state.contact.nodeId);
    if (before !== undefined) this.table.replace(entry, state);
    if (state.status === 'left') this.#bury(entry, before?.application.unreachable ?? [], nowMs);
    else if (entry.standing === 'left') this.table.setStanding(entry, 'live', nowMs);
    if (unreachableForMs > 0) this.verdicts.noteAge(entry, unreachableForMs, nowMs);
    this.#changed(entry, before, previous, nowMs);
    const urgent =
      isUrgentChange(before, state) || wasDoubted || previous?.reachability === 'unreachable';
    this.#pushes.spread(state.contact.nodeId, urgent, from, nowMs);
  }

  /** Tells who has to know here that a state was added or replaced. */
  #changed(
    entry: Entry,
    before: EndpointState | undefined,
    previous: MemberView | undefined,
    nowMs: number,
  ): void {
    const { state } = entry;
    const restarted = before?.contact.generation !== state.contact.generation;
    if (restarted || before.status !== state.status) {
      this.#emit({ kind: 'member-changed', view: this.view(entry), previous });
    }
    if (state.status !== 'left') this.verdicts.stateChanged(entry, before, nowMs);
    if (state.contact.nodeId === this.#own.contact.nodeId) return;
    if (restarted || before.contact.address !== state.contact.address) {
      this.#listener.memberKnown(state.contact, before !== undefined);
    }
    this.#listener.stateChanged(entry, nowMs);
    if (this.#identity.mustRefute(state)) this.ownChanged(true, nowMs);
  }

  #bury(entry: Entry, said: readonly Verdict[], nowMs: number): void {
    this.table.setStanding(entry, 'left', nowMs);
    this.verdicts.gone(entry, said, nowMs);
  }

  #standingChanged(entry: Entry, previous: Standing, nowMs: number): void {
    const view = this.view(entry);
    const reachability = previous === 'live' ? 'reachable' : 'unreachable';
    this.#emit({ kind: 'member-changed', view, previous: { ...view, reachability } });
    this.#listener.standingChanged(entry, nowMs);
  }

  #publish(nowMs: number): void {
    this.#publishAtMs = Infinity;
    if (this.#applied.dueMs !== Infinity) this.#own.setApplied(this.#applied.take());
    const before = this.#own.published;
    const entry = this.table.get(this.#own.contact.nodeId);
    if (entry === undefined || !this.#own.changed) return;
    const previous = this.view(entry);
    const state = this.#own.publish();
    this.#publishedAtMs = nowMs;
    this.table.replace(entry, state);
    this.#changed(entry, before, previous, nowMs);
    const urgent = this.#hurry || isUrgentChange(before, state);
    this.#pushes.spread(state.contact.nodeId, urgent, undefined, nowMs);
    this.#hurry = false;
  }

  #carried(entry: Entry, nowMs: number): CarriedState {
    const unreachable = entry.standing === 'unreachable';
    const forMs = unreachable ? Math.max(1, Math.floor(nowMs - entry.sinceMs)) : 0;
    return { state: entry.state, unreachableForMs: Math.min(forMs, limits.ageMsMax) };
  }

  /** Forgets who left long ago, and who was lost for longer than a partition may last. */
  #tidy(nowMs: number): void {
    this.#tidyAtMs = nowMs + tidyEveryMs;
    const { tombstoneMs, forgetUnreachableMs } = this.#tuning;
    for (const entry of [...this.table.of('left')]) {
      if (nowMs - entry.sinceMs >= tombstoneMs) this.#forget(entry, nowMs);
    }
    for (const entry of [...this.table.of('unreachable')]) {
      if (nowMs - entry.sinceMs >= forgetUnreachableMs) this.#forget(entry, nowMs);
    }
    this.#quarantine.expire(nowMs);
  }

  #forget(entry: Entry, nowMs: number): void {
    const previous = this.view(entry);
    this.table.remove(entry);
    this.verdicts.gone(entry, entry.state.application.unreachable, nowMs);
    const untilMs = nowMs + this.#tuning.quarantineMs;
    this.#listener.forgotten(entry.state.contact.nodeId, nowMs);
    this.#quarantine.add(entry.state.contact.nodeId, entryVersion(entry), untilMs);
    this.#emit({ kind: 'member-changed', view: undefined, previous });
  }
}
