/**
 * Decides who is unreachable, from what the members say of each other. A verdict counts while its
 * observer is live and the member it is about has said nothing since. It comes in the observer's state, or ahead
 * of it by hearsay, which counts until the observer has said something newer. A quorum of them declares the
 * member unreachable, and that stands until it says something new or we reach it ourselves: the
 * observers of a dead member may die too, and their verdicts with them.
 */
import { compareStateVersions } from './endpoint-state.ts';
import type { EndpointState, StateVersion, Verdict } from './endpoint-state.ts';
import type { NodeId } from './ids.ts';
import { entryVersion } from './member-table.ts';
import type { Entry, MemberTable, Standing } from './member-table.ts';
import type { OwnState } from './own-state.ts';
import type { EngineTuning } from './tuning.ts';

/** What one observer says of a member: as of which state of it. */
interface Observation extends StateVersion {
  readonly by: Entry;
  /** For hearsay: what we had heard of the observer itself by then. Any newer state of it tells better. */
  readonly after: StateVersion | undefined;
}

/** What is said of one member. */
interface Doubt {
  readonly observers: Map<NodeId, Observation>;
  /** How many of them counted, of what state and among which standings: asked for all the time, and seldom another. */
  counted: { readonly of: EndpointState; readonly at: number; readonly count: number } | undefined;
  /** The state of it that was declared unreachable. */
  declared: StateVersion | undefined;
  /** Since when somebody who told us of it has found it unreachable. */
  sinceMs: number;
}

export interface VerdictsListener {
  /** A member became unreachable, or is reachable again. */
  standingChanged(entry: Entry, previous: Standing, nowMs: number): void;
}

export class Verdicts {
  readonly #own: OwnState;
  readonly #table: MemberTable;
  readonly #tuning: EngineTuning;
  readonly #listener: VerdictsListener;
  readonly #doubts = new Map<NodeId, Doubt>();
  readonly #undecided = new Map<NodeId, number>();
  /** Whom each observer accuses by hearsay. */
  readonly #hearsay = new Map<NodeId, Set<NodeId>>();
  /** Whose standing is to be looked at again; a queue, since one change may lead to others. */
  readonly #pending = new Set<NodeId>();

  constructor(own: OwnState, table: MemberTable, tuning: EngineTuning, listener: VerdictsListener) {
    this.#own = own;
    this.#table = table;
    this.#tuning = tuning;
    this.#listener = listener;
  }

  /** Members that somebody doubts, but fewer than a quorum, and since when. */
  get undecided(): ReadonlyMap<NodeId, number> {
    return this.#undecided;
  }

  /** Live members that find this one unreachable, as of its present state. */
  suspectedBy(entry: Entry): number {
    const doubt = this.#doubts.get(entry.state.contact.nodeId);
    return doubt === undefined ? 0 : this.#count(entry, doubt);
  }

  /** All that somebody doubts. */
  doubted(): Entry[] {
    const found: Entry[] = [];
    for (const [nodeId, doubt] of this.#doubts) {
      const entry = this.#table.get(nodeId);
      if (entry !== undefined && this.#count(entry, doubt) > 0) found.push(entry);
    }
    return found;
  }

  /** Members that have a verdict on this one that counts, `max` of them at the most. */
  observersOf(entry: Entry, max: number): Entry[] {
    const found: Entry[] = [];
    const doubt = this.#doubts.get(entry.state.contact.nodeId);
    for (const verdict of doubt?.observers.values() ?? []) {
      if (found.length === max) break;
      if (this.#counts(entry, verdict.by, verdict)) found.push(verdict.by);
    }
    return found;
  }

  /**
   * Observers that it takes: `quorum`, but no more than there are live members left to say so, not
   * counting those that we ourselves find unreachable. So the only survivor of three is believed, by itself.
   */
  quorumFor(nodeId: NodeId): number {
    const { quorum } = this.#tuning;
    const able = this.#table.of('live').length - this.#own.verdictCount;
    if (able > quorum) return quorum;
    const isCounted = this.#own.verdictOn(nodeId) !== undefined;
    return Math.max(1, Math.min(quorum, isCounted ? able : able - 1));
  }

  /** A state was added or replaced: what it says of others counts, what others said of it may be void. */
  stateChanged(entry: Entry, before: EndpointState | undefined, nowMs: number): void {
    const { nodeId } = entry.state.contact;
    const earlier = before?.application.unreachable ?? [];
    const now = entry.state.application.unreachable;
    this.#dropHearsay(entry);
    if (earlier.length > 0 || now.length > 0) this.#relist(entry, earlier, now);
    if (this.#doubts.has(nodeId)) this.#pending.add(nodeId);
    if (this.#pending.size > 0) this.#settle(nowMs);
  }

  /**
   * Somebody tells that an observer finds this member unreachable, as it is now. Returns whether that was news,
   * and counts.
   */
  hear(entry: Entry, observer: Entry, nowMs: number): boolean {
    const as = entryVersion(entry);
    const { nodeId } = entry.state.contact;
    const speaker = observer.state.contact.nodeId;
    const known = this.#doubts.get(nodeId)?.observers.get(speaker);
    if (known !== undefined && compareStateVersions(known, as) >= 0) return false;
    if (!this.#counts(entry, observer, as)) return false;
    const { generation, version } = as;
    const after = entryVersion(observer);
    this.#observe(nodeId, { by: observer, generation, version, after });
    const subjects = this.#hearsay.get(speaker) ?? new Set();
    this.#hearsay.set(speaker, subjects.add(nodeId));
    this.#settle(nowMs);
    return true;
  }

  /** Somebody told us since when it has been unreachable for them. */
  noteAge(entry: Entry, unreachableForMs: number, nowMs: number): void {
    const doubt = this.#doubtOf(entry.state.contact.nodeId);
    doubt.sinceMs = Math.min(doubt.sinceMs, nowMs - unreachableForMs);
  }

  /** We reached it ourselves, in the life that we know of. */
  reached(entry: Entry, nowMs: number): void {
    const { nodeId } = entry.state.contact;
    const doubt = this.#doubts.get(nodeId);
    if (doubt === undefined) return;
    doubt.declared = undefined;
    doubt.sinceMs = Infinity;
    this.#pending.add(nodeId);
    this.#settle(nowMs);
  }

  /** It left, or was forgotten: neither is doubted, and what it said does not count any more. */
  gone(entry: Entry, said: readonly Verdict[], nowMs: number): void {
    const { nodeId } = entry.state.contact;
    this.#dropHearsay(undefined, nodeId);
    this.#relist(entry, said, []);
    this.#undecided.delete(nodeId);
    const doubt = this.#doubts.get(nodeId);
    if (doubt !== undefined) doubt.declared = undefined;
    this.#tidy(nodeId);
    this.#settle(nowMs);
  }

  /** An observer has said more than was known when others spoke for it, or is gone: what it says itself counts. */
  #dropHearsay(observer: Entry | undefined, nodeId = observer?.state.contact.nodeId): void {
    if (nodeId === undefined) return;
    const subjects = this.#hearsay.get(nodeId);
    if (subjects === undefined) return;
    for (const subject of subjects) {
      const observers = this.#doubts.get(subject)?.observers;
      const after = observers?.get(nodeId)?.after;
      const stands =
        after !== undefined &&
        observer !== undefined &&
        compareStateVersions(entryVersion(observer), after) <= 0;
      if (stands) continue;
      subjects.delete(subject);
      if (after === undefined) continue;
      this.#withdraw(subject, nodeId);
    }
    if (subjects.size === 0) this.#hearsay.delete(nodeId);
  }

  /** Only where an observer has changed its mind there is something to decide. */
  #relist(by: Entry, before: readonly Verdict[], now: readonly Verdict[]): void {
    const observer = by.state.contact.nodeId;
    const named = new Set(now.map(({ nodeId }) => nodeId));
    for (const { nodeId } of before) if (!named.has(nodeId)) this.#withdraw(nodeId, observer);
    for (const verdict of now) {
      const known = this.#doubts.get(verdict.nodeId)?.observers.get(observer);
      if (known !== undefined && compareStateVersions(known, verdict) === 0) continue;
      const { nodeId, generation, version } = verdict;
      this.#observe(nodeId, { by, generation, version, after: undefined });
    }
  }

  #observe(subject: NodeId, observation: Observation): void {
    const doubt = this.#doubtOf(subject);
    doubt.observers.set(observation.by.state.contact.nodeId, observation);
    doubt.counted = undefined;
    this.#pending.add(subject);
  }

  #withdraw(subject: NodeId, observer: NodeId): void {
    const doubt = this.#doubts.get(subject);
    doubt?.observers.delete(observer);
    if (doubt !== undefined) doubt.counted = undefined;
    this.#pending.add(subject);
  }

  #settle(nowMs: number): void {
    for (const nodeId of this.#pending) {
      this.#pending.delete(nodeId); // a set may grow while it is walked, and is walked to its end
      this.#decide(nodeId, nowMs);
    }
  }

  #decide(nodeId: NodeId, nowMs: number): void {
    const entry = this.#table.get(nodeId);
    const doubt = this.#doubts.get(nodeId);
    if (entry === undefined || entry.standing === 'left' || nodeId === this.#own.contact.nodeId) {
      this.#tidy(nodeId);
      return;
    }
    const count = doubt === undefined ? 0 : this.#count(entry, doubt);
    const quorum = count === 0 ? Infinity : this.quorumFor(nodeId);
    const stands =
      doubt?.declared !== undefined &&
      compareStateVersions(doubt.declared, entryVersion(entry)) === 0;
    const unreachable = stands || count >= quorum;
    if (doubt !== undefined) {
      doubt.declared = unreachable ? entryVersion(entry) : undefined;
      if (!unreachable && entry.standing === 'unreachable') doubt.sinceMs = Infinity;
    }
    const isUndecided = (unreachable || count > 0) && count < quorum;
    if (!isUndecided) this.#undecided.delete(nodeId);
    else if (!this.#undecided.has(nodeId)) this.#undecided.set(nodeId, nowMs);
    const sinceMs = unreachable ? Math.min(nowMs, doubt?.sinceMs ?? nowMs) : nowMs;
    this.#stand(entry, unreachable ? 'unreachable' : 'live', sinceMs, nowMs);
    this.#tidy(nodeId);
  }

  #stand(entry: Entry, standing: Standing, sinceMs: number, nowMs: number): void {
    const previous = entry.standing;
    if (previous === standing) return;
    this.#table.setStanding(entry, standing, sinceMs);
    for (const { nodeId } of entry.state.application.unreachable) this.#pending.add(nodeId);
    const able = this.#table.of('live').length - 2 * this.#tuning.quorum;
    if (able <= this.#tuning.quorum)
      for (const nodeId of this.#undecided.keys()) this.#pending.add(nodeId);
    this.#listener.standingChanged(entry, previous, nowMs);
  }

  #count(entry: Entry, doubt: Doubt): number {
    const { state: of } = entry;
    const { standings: at } = this.#table;
    if (doubt.counted?.of === of && doubt.counted.at === at) return doubt.counted.count;
    let count = 0;
    for (const verdict of doubt.observers.values())
      if (this.#counts(entry, verdict.by, verdict)) count++;
    doubt.counted = { of, at, count };
    return count;
  }

  /** A verdict on a later state than the one we hold counts too: that state is on its way. */
  #counts(entry: Entry, observer: Entry, verdict: StateVersion): boolean {
    return (
      observer.standing === 'live' &&
      observer !== entry &&
      compareStateVersions(verdict, entryVersion(entry)) >= 0
    );
  }

  #doubtOf(nodeId: NodeId): Doubt {
    let doubt = this.#doubts.get(nodeId);
    if (doubt === undefined) {
      doubt = { observers: new Map(), counted: undefined, declared: undefined, sinceMs: Infinity };
      this.#doubts.set(nodeId, doubt);
    }
    return doubt;
  }

  /** Drops what says nothing any more. */
  #tidy(nodeId: NodeId): void {
    const doubt = this.#doubts.get(nodeId);
    if (doubt === undefined) return;
    if (doubt.observers.size === 0 && doubt.declared === undefined && doubt.sinceMs === Infinity) {
      this.#doubts.delete(nodeId);
    }
    if (!this.#table.get(nodeId)) this.#undecided.delete(nodeId);
  }
}
