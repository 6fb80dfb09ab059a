/**
 * Decides how it travels that members are found unreachable. What an observer finds is part of its state, which
 * everybody holds in the end; but a hundred deaths have a thousand observers, and states are large. So who is found
 * unreachable, and by whom, goes ahead: in a few bytes, to some neighbours at a time, and no more than a quorum of observers for each, since
 * one more would tell nobody anything.
 */
import type { Alarm } from './alarm.ts';
import type { EffectSink } from './effects.ts';
import type { Accused } from './frames.ts';
import type { LinkId, NodeId } from './ids.ts';
import { limits } from './limits.ts';
import type { Entry, MemberTable } from './member-table.ts';
import type { OwnLag } from './own-lag.ts';
import type { OwnState } from './own-state.ts';
import { PushQueue } from './push-queue.ts';
import { pickOne, pickSome } from './random.ts';
import type { Random } from './random.ts';
import { sameHash } from './state-hash.ts';
import type { EngineTuning } from './tuning.ts';
import type { Verdicts } from './verdicts.ts';

export interface AccusationsParts {
  /** What this member says of itself. */
  readonly own: OwnState;
  readonly table: MemberTable;
  readonly verdicts: Verdicts;
  readonly alarm: Alarm;
  readonly lag: OwnLag;
  readonly tuning: EngineTuning;
  readonly random: Random;
  readonly emit: EffectSink;
  /** Whether the leader plane's tree goes along this link. */
  readonly isEager: (link: LinkId) => boolean;
  /** The other end speaks of another state: one of us two has an older one, and is to be told. */
  readonly differs: (link: LinkId, entry: Entry, nowMs: number) => void;
  /** Of ourselves we know better, and say so. */
  readonly accusesUs: (as: Entry, nowMs: number) => void;
}

/**
 * A member that is behind with what it hears speaks more seldom, and says more at a time: what it would say in small pieces
 * would wait in others' queues, and they are likely to be as busy.
 */
const gapPerLateness = 4;
const gapMsMax = 2000;

export class Accusations {
  readonly #parts: AccusationsParts;
  readonly #queue = new PushQueue();
  #sentAtMs = -Infinity;
  /** When to ask for what was said of states that were on their way to us, and whom. */
  #missedAskAtMs = Infinity;
  #missedFrom: LinkId | undefined;
  /** The links that this batch goes to. */
  #chosen: readonly LinkId[] = [];

  constructor(parts: AccusationsParts) {
    this.#parts = parts;
  }

  get nextWakeMs(): number {
    return Math.min(this.#queue.dueMs, this.#missedAskAtMs);
  }

  linkUp(link: LinkId): void {
    this.#queue.linkUp(link);
  }

  linkDown(link: LinkId): void {
    this.#queue.linkDown(link);
  }

  /** Somebody has one more observer: some neighbours hear of it, others the next time. */
  spread(nodeId: NodeId, from: LinkId | undefined, nowMs: number): void {
    if (this.#queue.dueMs === Infinity) {
      this.#chosen = this.#chooseLinks(nowMs);
    }
    for (const link of this.#chosen) if (link !== from) this.send(link, nodeId, nowMs);
  }

  /** Those of the tree, and others by chance. In a mass failure the tree alone: all have
   * lost links then, and ask for what it leaves out. After a single death it is broken where that member was. */
  #chooseLinks(nowMs: number): LinkId[] {
    const { tuning, random, isEager, alarm } = this.#parts;
    const links = [...this.#queue.links()];
    const eager = links.filter(isEager);
    const lazy = links.filter((link) => !isEager(link));
    const atLeast = alarm.calmAtMs > nowMs ? tuning.accusedLinksInMass : tuning.accusedLinks;
    return [...eager, ...pickSome(lazy, atLeast - eager.length, random)];
  }

  /** This member finds that one unreachable. */
  accuse(entry: Entry, nowMs: number): void {
    const { verdicts, table, own } = this.#parts;
    const self = table.get(own.contact.nodeId);
    if (self === undefined || !verdicts.hear(entry, self, nowMs)) return;
    this.spread(entry.state.contact.nodeId, undefined, nowMs);
  }

  /** Who finds whom unreachable. What is said of another state than the one we hold is void, or comes too soon. */
  receive(link: LinkId, accused: readonly Accused[], nowMs: number): void {
    const { own, table, accusesUs, differs } = this.#parts;
    for (const one of accused) {
      const entry = table.byIdHash(one.idHash);
      if (entry === undefined) continue;
      if (!sameHash(entry.measures.hash, one.state)) {
        differs(link, entry, nowMs);
        this.#noteMissed(link, nowMs);
      } else if (entry.state === own.published) accusesUs(entry, nowMs);
      else this.#hear(link, entry, one.observers, nowMs);
    }
  }

  /** Nobody says it twice: we ask when the state that was meant should be here. In an alarm all ask anyhow. */
  #noteMissed(link: LinkId, nowMs: number): void {
    const { alarm, tuning } = this.#parts;
    if (this.#missedAskAtMs !== Infinity || alarm.isOn(nowMs)) return;
    this.#missedAskAtMs = nowMs + 2 * tuning.bulkBatchMs;
    this.#missedFrom = link;
  }

  /** Who names fewer than we know of, hears of them. */
  #hear(link: LinkId, entry: Entry, named: readonly number[], nowMs: number): void {
    const { verdicts, alarm, table, tuning } = this.#parts;
    const { nodeId } = entry.state.contact;
    const isKnown = entry.standing === 'unreachable';
    const before = isKnown ? tuning.quorum : verdicts.suspectedBy(entry);
    let news = 0;
    for (const idHash of named) {
      if (before + news >= tuning.quorum) break; // one more would tell nobody anything
      const observer = table.byIdHash(idHash);
      if (observer === undefined || !verdicts.hear(entry, observer, nowMs)) continue;
      alarm.noteNews(observer.state.contact.nodeId, nowMs);
      news++;
    }
    if (news > 0) this.spread(nodeId, link, nowMs);
    if (named.length >= tuning.quorum) this.#queue.drop(link, nodeId);
    else if (before + news > named.length) this.send(link, nodeId, nowMs);
  }

  /** Asks a neighbour, any one unless it is said which, for those that we know nothing of, or not enough. */
  ask(link = pickOne([...this.#queue.links()], this.#parts.random)): void {
    if (link === undefined) return;
    const { random, table, emit } = this.#parts;
    const lost = pickSome(table.of('unreachable'), limits.lostNamedMax, random);
    const known = lost.map(({ idHash }) => idHash);
    emit({ kind: 'send', link, frame: { kind: 'who-else', known } });
  }

  /** The other end of this link knows of these: it hears of all others. */
  answer(link: LinkId, known: readonly number[], nowMs: number): void {
    const named = new Set(known);
    for (const { idHash, state } of this.#parts.verdicts.doubted()) {
      if (!named.has(idHash)) this.send(link, state.contact.nodeId, nowMs);
    }
  }

  /** Tells by this link who finds that member unreachable. */
  send(link: LinkId, nodeId: NodeId, nowMs: number): void {
    const { tuning, random, lag } = this.#parts;
    const share = 0.5 + 0.5 * random();
    const latenessMs = Math.min(gapPerLateness * lag.lateMs(nowMs), gapMsMax);
    const gapMs = Math.max(tuning.accusedBatchMs, latenessMs);
    const dueMs = Math.max(nowMs + tuning.batchMs * share, this.#sentAtMs + gapMs * share);
    this.#queue.join(link, nodeId, dueMs);
  }

  wake(nowMs: number): void {
    if (nowMs >= this.#missedAskAtMs) {
      this.#missedAskAtMs = Infinity;
      const from = this.#missedFrom;
      this.ask(from !== undefined && this.#queue.has(from) ? from : undefined);
    }
    if (nowMs < this.#queue.dueMs) return;
    this.#sentAtMs = nowMs;
    this.#queue.flush(nowMs, nowMs + this.#parts.tuning.batchMs, (link, names) => {
      const accused = this.#take(names);
      if (accused.length === 0) return;
      this.#parts.emit({ kind: 'send', link, frame: { kind: 'accusations', accused } });
    });
  }

  /** Takes a frame's worth of those that still have observers. */
  #take(names: Set<NodeId>): Accused[] {
    const { table, verdicts } = this.#parts;
    const accused: Accused[] = [];
    for (const nodeId of names) {
      if (accused.length === limits.accusedPerFrameMax) break;
      names.delete(nodeId);
      const entry = table.get(nodeId);
      if (entry === undefined) continue;
      const observers = verdicts.observersOf(entry, limits.observersNamedMax);
      if (observers.length === 0) continue;
      const idHashes = observers.map(({ idHash }) => idHash);
      accused.push({ idHash: entry.idHash, state: entry.measures.hash, observers: idHashes });
    }
    return accused;
  }
}
