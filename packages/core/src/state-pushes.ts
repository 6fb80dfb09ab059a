/**
 * Decides by which links a changed state goes on, and when. An urgent one goes to all links within
 * `batchMs`, any other one along the eager links within `bulkBatchMs`; both wait at random, so that of
 * the two ends of a link one is the first, and by showing the state spares the other one.
 */
import type { EffectSink } from './effects.ts';
import type { CarriedState } from './endpoint-state.ts';
import type { LinkId, NodeId } from './ids.ts';
import type { Entry, MemberTable } from './member-table.ts';
import { PushQueue } from './push-queue.ts';
import { pickOne } from './random.ts';
import type { Random } from './random.ts';
import { firstPage } from './state-pages.ts';
import type { EngineTuning } from './tuning.ts';

/** Pages sent to one link at once; the rest follows after `batchMs`. */
const pagesPerFlush = 2;

/**
 * States that went on within the last `burstWindowMs`, at about which much is going on. Urgent ones wait as long as
 * others then, and all go to the eager links and one lazy one: so a mass failure becomes some large frames rather than
 * a storm of small ones. The tree carries a state to everybody once; what it leaves out where it is broken
 * comes by the lazy link, another one each time, and rounds bring what is missing then.
 */
const burstStates = 12;
const burstWindowMs = 3000;

/** Part of the longest wait that every push waits. */
const waitShareMin = 0.25;

export interface StatePushesParts {
  readonly table: MemberTable;
  readonly tuning: EngineTuning;
  readonly random: Random;
  readonly emit: EffectSink;
  readonly carry: (entry: Entry, nowMs: number) => CarriedState;
  /** Whether the leader plane's tree goes along this link. */
  readonly isEager: (link: LinkId) => boolean;
}

export class StatePushes {
  /** States sent so far. */
  sent = 0;
  readonly #parts: StatePushesParts;
  readonly #urgent = new PushQueue();
  readonly #bulk = new PushQueue();
  /** States that went on lately, as of a moment; they drain within the window. */
  #lately = 0;
  #latelyAtMs = 0;
  /** The lazy link that this batch goes to. */
  #burstLazy: LinkId | undefined;

  constructor(parts: StatePushesParts) {
    this.#parts = parts;
  }

  get nextWakeMs(): number {
    return Math.min(this.#urgent.dueMs, this.#bulk.dueMs);
  }

  linkUp(link: LinkId): void {
    this.#urgent.linkUp(link);
    this.#bulk.linkUp(link);
  }

  linkDown(link: LinkId): void {
    this.#urgent.linkDown(link);
    this.#bulk.linkDown(link);
  }

  /** Whether the link carries states. */
  has(link: LinkId): boolean {
    return this.#urgent.has(link);
  }

  /** Sends a member's state by this link at the next wake. */
  send(link: LinkId, nodeId: NodeId, nowMs: number): void {
    this.#urgent.add(link, nodeId, nowMs);
  }

  /** The other end of this link holds an older state. */
  remind(link: LinkId, nodeId: NodeId, nowMs: number): void {
    this.#bulk.join(link, nodeId, nowMs + this.#waitMs(false));
  }

  /** The other end of this link has shown what we were about to send. */
  shown(link: LinkId, nodeId: NodeId): void {
    this.#urgent.drop(link, nodeId);
    this.#bulk.drop(link, nodeId);
  }

  /** Passes a changed state on, but not to the link that it came by. */
  spread(nodeId: NodeId, urgent: boolean, from: LinkId | undefined, nowMs: number): void {
    if (this.#noteSpread(nowMs)) {
      this.#spreadInBurst(nodeId, urgent, from, nowMs);
      return;
    }
    const dueMs = nowMs + this.#waitMs(urgent);
    for (const link of this.#urgent.links()) {
      if (link === from) continue;
      if (urgent) {
        this.#bulk.drop(link, nodeId);
        this.#urgent.add(link, nodeId, dueMs);
      } else if (this.#parts.isEager(link)) {
        this.#bulk.join(link, nodeId, dueMs);
      }
    }
  }

  #spreadInBurst(nodeId: NodeId, urgent: boolean, from: LinkId | undefined, nowMs: number): void {
    const { random, isEager, tuning } = this.#parts;
    const dueMs = nowMs + tuning.burstBatchMs * (0.5 + 0.5 * random());
    if (this.#bulk.dueMs === Infinity) {
      const lazy = [...this.#bulk.links()].filter((link) => !isEager(link));
      this.#burstLazy = pickOne(lazy, random);
    }
    for (const link of this.#bulk.links()) {
      const goes = isEager(link) || (urgent && link === this.#burstLazy);
      if (goes && link !== from) this.#bulk.join(link, nodeId, dueMs);
    }
  }

  /** Sends what is due. */
  wake(nowMs: number): void {
    if (nowMs < this.nextWakeMs) return;
    for (const queue of [this.#urgent, this.#bulk]) {
      queue.flush(nowMs, nowMs + this.#parts.tuning.batchMs, (link, members) => {
        for (let pages = 0; pages < pagesPerFlush && members.size > 0; pages++) {
          this.#sendPage(link, members, nowMs);
        }
      });
    }
  }

  /** Sends all that waits, and this member's state to every link. */
  flush(nodeId: NodeId, nowMs: number): void {
    for (const link of this.#urgent.links()) this.#urgent.add(link, nodeId, nowMs);
    for (const queue of [this.#urgent, this.#bulk]) {
      queue.flush(Infinity, Infinity, (link, members) => {
        while (members.size > 0) this.#sendPage(link, members, nowMs);
      });
    }
  }

  /** Returns whether much is going on. */
  #noteSpread(nowMs: number): boolean {
    const drained = ((nowMs - this.#latelyAtMs) * burstStates) / burstWindowMs;
    this.#lately = Math.min(2 * burstStates, Math.max(0, this.#lately - drained) + 1);
    this.#latelyAtMs = nowMs;
    return this.#lately > burstStates;
  }

  #waitMs(urgent: boolean): number {
    const { batchMs, bulkBatchMs } = this.#parts.tuning;
    const share = waitShareMin + (1 - waitShareMin) * this.#parts.random();
    return (urgent ? batchMs : bulkBatchMs) * share;
  }

  /** Sends one page and takes it off. */
  #sendPage(link: LinkId, members: Set<NodeId>, nowMs: number): void {
    const page = firstPage(this.#entriesOf(members));
    if (page.length === 0) return;
    for (const { state } of page) members.delete(state.contact.nodeId);
    this.sent += page.length;
    const states = page.map((entry) => this.#parts.carry(entry, nowMs));
    const frame = { kind: 'member-delta', states, wants: [], done: false } as const;
    this.#parts.emit({ kind: 'send', link, frame });
  }

  *#entriesOf(members: Set<NodeId>): Iterable<Entry> {
    for (const nodeId of members) {
      const entry = this.#parts.table.get(nodeId);
      if (entry === undefined) members.delete(nodeId);
      else yield entry;
    }
  }
}
