/**
 * Decides by which links a changed state goes on, and when. An urgent one goes to all links within
 * `batchMs`, any other one along the eager links within `bulkBatchMs`; both wait at random, so that of
 * the two ends of a link one is the first, and by showing the state spares the other one.
 */
import type { Alarm } from './alarm.ts';
import type { EffectSink } from './effects.ts';
import type { CarriedState, Urgency } from './endpoint-state.ts';
import type { LinkId, NodeId } from './ids.ts';
import type { Entry, MemberTable } from './member-table.ts';
import { PushQueue } from './push-queue.ts';
import { pickOne } from './random.ts';
import type { Random } from './random.ts';
import { RecentCount } from './recent-count.ts';
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

/** What is patient waits for the end of a mass failure, but no longer than this: there may be one after the other. */
const heldMsMax = 20_000;

/** Part of the longest wait that every push waits. */
const waitShareMin = 0.25;

export interface StatePushesParts {
  readonly table: MemberTable;
  readonly alarm: Alarm;
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
  /** What waits until the fleet is less busy, and since when. */
  readonly #patient = new PushQueue();
  #heldSinceMs = 0;
  readonly #queues = [this.#urgent, this.#bulk, this.#patient];
  readonly #lately = new RecentCount(burstWindowMs);
  /** The lazy link that this batch goes to. */
  #burstLazy: LinkId | undefined;

  constructor(parts: StatePushesParts) {
    this.#parts = parts;
  }

  get nextWakeMs(): number {
    return Math.min(this.#urgent.dueMs, this.#bulk.dueMs, this.#patient.dueMs);
  }

  linkUp(link: LinkId): void {
    for (const queue of this.#queues) queue.linkUp(link);
  }

  linkDown(link: LinkId): void {
    for (const queue of this.#queues) queue.linkDown(link);
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
    for (const queue of this.#queues) queue.drop(link, nodeId);
  }

  /** Passes a changed state on, but not to the link that it came by. */
  spread(nodeId: NodeId, urgency: Urgency, from: LinkId | undefined, nowMs: number): void {
    const { alarm } = this.#parts;
    if (urgency === 'patient' && alarm.calmAtMs > nowMs) this.#hold(nodeId, from, nowMs);
    else this.#spreadNow(nodeId, urgency === 'urgent', from, nowMs);
  }

  #hold(nodeId: NodeId, from: LinkId | undefined, nowMs: number): void {
    const { alarm, isEager } = this.#parts;
    if (this.#patient.dueMs === Infinity) this.#heldSinceMs = nowMs;
    const dueMs = alarm.calmAtMs + this.#waitMs(false);
    for (const link of this.#patient.links()) {
      if (link !== from && isEager(link)) this.#patient.join(link, nodeId, dueMs);
    }
  }

  #spreadNow(nodeId: NodeId, urgent: boolean, from: LinkId | undefined, nowMs: number): void {
    if (this.#lately.exceeds(burstStates, nowMs)) {
      this.#spreadInBurst(nodeId, urgent, from, nowMs);
      return;
    }
    const dueMs = nowMs + this.#waitMs(urgent);
    for (const link of this.#urgent.links()) {
      if (link === from) continue;
      if (urgent) {
        this.#bulk.drop(link, nodeId);
        this.#patient.drop(link, nodeId);
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
    this.#patient.postpone(Math.min(this.#parts.alarm.calmAtMs, this.#heldSinceMs + heldMsMax));
    for (const queue of this.#queues) {
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
    for (const queue of this.#queues) {
      queue.flush(Infinity, Infinity, (link, members) => {
        while (members.size > 0) this.#sendPage(link, members, nowMs);
      });
    }
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
