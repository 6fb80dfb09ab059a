/**
 * Decides who is unreachable, from what the members say of each other. A verdict counts while its
 * observer is live and the member it is about has said nothing since. A quorum of them declares the
 * member unreachable, and that stands until it says something new or we reach it ourselves: the
 * observers of a dead member may die too, and their verdicts with them.
 */
import { compareStateVersions } from './endpoint-state.ts';
import type { EndpointState, StateVersion, Verdict } from './endpoint-state.ts';
import type { NodeId } from './ids.ts';
import { entryVersion } from './member-table.ts';
import type { Entry, MemberTable, Standing } from './member-table.ts';
import type { EngineTuning } from './tuning.ts';

/** What is said of one member. */
interface Doubt {
  readonly observers: Map<NodeId, Verdict>;
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
  readonly #self: NodeId;
  readonly #table: MemberTable;
  readonly #tuning: EngineTuning;
  readonly #listener: VerdictsListener;
  readonly #doubts = new Map<NodeId, Doubt>();
  readonly #undecided = new Set<NodeId>();
  /** Whose standing is to be looked at again; a queue, since one change may lead to others. */
  readonly #pending = new Set<NodeId>();

  constructor(self: NodeId, table: MemberTable, tuning: EngineTuning, listener: VerdictsListener) {
    this.#self = self;
    this.#table = table;
    this.#tuning = tuning;
    this.#listener = listener;
  }

  /** Members that somebody doubts, but fewer than a quorum. */
  get undecided(): ReadonlySet<NodeId> {
    return this.#undecided;
  }

  /** Live members that find this one unreachable, as of its present state. */
  suspectedBy(entry: Entry): number {
    const doubt = this.#doubts.get(entry.state.contact.nodeId);
    return doubt === undefined ? 0 : this.#count(entry, doubt);
  }

  /** Members that have a verdict on this one that counts. */
  observersOf(entry: Entry): Entry[] {
    const doubt = this.#doubts.get(entry.state.contact.nodeId);
    if (doubt === undefined) return [];
    return [...doubt.observers].flatMap(([observer, verdict]) =>
      this.#counts(entry, observer, verdict) ? (this.#table.get(observer) ?? []) : [],
    );
  }

  /**
   * Observers that it takes: `quorum`, but no more than there are live members left to say so, not
   * counting those that we ourselves find unreachable. So the only survivor of three is believed, by itself.
   */
  quorumFor(nodeId: NodeId): number {
    const own = this.#table.get(this.#self)?.state.application.unreachable ?? [];
    const lost = own.length + (own.some((verdict) => verdict.nodeId === nodeId) ? 0 : 1);
    const able = this.#table.of('live').length - lost;
    return Math.max(1, Math.min(this.#tuning.quorum, able));
  }

  /** A state was added or replaced: what it says of others counts, what others said of it may be void. */
  stateChanged(entry: Entry, before: EndpointState | undefined, nowMs: number): void {
    const { nodeId } = entry.state.contact;
    const earlier = before?.application.unreachable ?? [];
    const now = entry.state.application.unreachable;
    if (earlier.length > 0 || now.length > 0) this.#relist(nodeId, earlier, now);
    if (this.#doubts.has(nodeId)) this.#pending.add(nodeId);
    if (this.#pending.size > 0) this.#settle(nowMs);
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
    this.#relist(nodeId, said, []);
    this.#undecided.delete(nodeId);
    const doubt = this.#doubts.get(nodeId);
    if (doubt !== undefined) doubt.declared = undefined;
    this.#tidy(nodeId);
    this.#settle(nowMs);
  }

  /** Only where an observer has changed its mind there is something to decide. */
  #relist(observer: NodeId, before: readonly Verdict[], now: readonly Verdict[]): void {
    const named = new Set(now.map(({ nodeId }) => nodeId));
    for (const { nodeId } of before) {
      if (named.has(nodeId)) continue;
      this.#doubts.get(nodeId)?.observers.delete(observer);
      this.#pending.add(nodeId);
    }
    for (const verdict of now) {
      const { observers } = this.#doubtOf(verdict.nodeId);
      const known = observers.get(observer);
      if (known !== undefined && compareStateVersions(known, verdict) === 0) continue;
      observers.set(observer, verdict);
      this.#pending.add(verdict.nodeId);
    }
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
    if (entry === undefined || entry.standing === 'left' || nodeId === this.#self) {
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
    if ((unreachable || count > 0) && count < quorum) this.#undecided.add(nodeId);
    else this.#undecided.delete(nodeId);
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
      for (const nodeId of this.#undecided) this.#pending.add(nodeId);
    this.#listener.standingChanged(entry, previous, nowMs);
  }

  #count(entry: Entry, { observers }: Doubt): number {
    let count = 0;
    for (const [observer, verdict] of observers) {
      if (this.#counts(entry, observer, verdict)) count++;
    }
    return count;
  }

  /** A verdict on a later state than the one we hold counts too: that state is on its way. */
  #counts(entry: Entry, observer: NodeId, verdict: Verdict): boolean {
    return (
      compareStateVersions(verdict, entryVersion(entry)) >= 0 &&
      observer !== entry.state.contact.nodeId &&
      this.#table.get(observer)?.standing === 'live'
    );
  }

  #doubtOf(nodeId: NodeId): Doubt {
    let doubt = this.#doubts.get(nodeId);
    if (doubt === undefined) {
      doubt = { observers: new Map(), declared: undefined, sinceMs: Infinity };
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
