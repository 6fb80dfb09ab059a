/**
 * Decides whom to dial and when: what is missing to the fan-out, electors among each other on top
 * of it, now and then a replacement so that the graph stays random, and never more dials than a
 * budget allows, however many contacts are dead.
 */
import type { AddressBook, BookEntry } from './address-book.ts';
import type { Role } from './frames.ts';
import { limits } from './limits.ts';
import type { Link, LinkTable } from './links.ts';
import { jittered, pickOne, pickSome } from './random.ts';
import type { Random } from './random.ts';
import type { EngineTuning } from './tuning.ts';

/** While no link is up, only this many are dialled: the first welcome names better ones than seeds. */
const firstDialsMax = 2;

/**
 * Dials come in bursts of at most this many and one per interval in the long run. Enough to join at
 * once; little enough that a member cut off from a thousand contacts does not spend itself on them.
 */
const dialBurstMax = 16;
const dialEveryMs = 50;

export class Dialling {
  readonly #role: Role;
  readonly #links: LinkTable;
  readonly #book: AddressBook;
  readonly #tuning: EngineTuning;
  readonly #random: Random;
  readonly #dial: (entry: BookEntry, replacement: boolean, nowMs: number) => void;
  #nextFillMs = 0;
  #nextRotationMs: number;
  #dialsLeft = dialBurstMax;
  #nextDialMs = 0;

  constructor(
    role: Role,
    links: LinkTable,
    book: AddressBook,
    tuning: EngineTuning,
    random: Random,
    dial: (entry: BookEntry, replacement: boolean, nowMs: number) => void,
    nowMs: number,
  ) {
    this.#role = role;
    this.#links = links;
    this.#book = book;
    this.#tuning = tuning;
    this.#random = random;
    this.#dial = dial;
    this.#nextRotationMs = this.#rotationAfter(nowMs);
  }

  get nextWakeMs(): number {
    return Math.min(this.#nextFillMs, this.#nextRotationMs);
  }

  /** Something changed: look again at the next wake. */
  lookAgain(): void {
    this.#nextFillMs = 0;
  }

  wake(nowMs: number): void {
    if (nowMs >= this.#nextFillMs) this.#fill(nowMs);
    if (nowMs >= this.#nextRotationMs) {
      this.#nextRotationMs = this.#rotationAfter(nowMs);
      this.#rotate(nowMs);
    }
  }

  /**
   * A replacement came up: which outbound link goes for it, if any. The oldest, and one that
   * carries no branch of the tree if there is one.
   */
  retiredFor(replacement: Link, isEager: (link: Link) => boolean): Link | undefined {
    if (this.#isElectorPair(replacement)) return undefined;
    const others = this.#links
      .outbound()
      .filter((link) => link.phase === 'up' && link !== replacement && !this.#isElectorPair(link));
    if (others.length < this.#tuning.fanout) return undefined;
    const lazy = others.filter((link) => !isEager(link));
    return (lazy.length > 0 ? lazy : others).reduce((a, b) => (a.sinceMs <= b.sinceMs ? a : b));
  }

  /** Dials what is missing; sets when to look again. */
  #fill(nowMs: number): void {
    this.#refillBudget(nowMs);
    const { ready, nextMs } = this.#candidates(nowMs);
    const electors = this.#missingElectors(ready);
    const others = this.#missingOthers(ready.filter((entry) => !electors.includes(entry)));
    const wanted = [...electors, ...others];
    const dialled = wanted.slice(0, this.#dialsLeft);
    for (const entry of dialled) this.#dialOne(entry, false, nowMs);
    if (dialled.length < wanted.length) this.#nextFillMs = this.#nextDialMs;
    else if (this.#missingCount() > 0 || this.#role === 'elector') this.#nextFillMs = nextMs;
    else this.#nextFillMs = Infinity;
  }

  /** Every elector links to every other one that it knows, under a bound. */
  #missingElectors(ready: readonly BookEntry[]): BookEntry[] {
    if (this.#role !== 'elector') return [];
    const electors = ready.filter((entry) => entry.role === 'elector');
    return pickSome(electors, limits.electorLinksMax - this.#electorPairs(), this.#random);
  }

  /** Random ones up to the fan-out. With no link up a seed comes first: the others may all be gone. */
  #missingOthers(ready: readonly BookEntry[]): BookEntry[] {
    const missing = this.#missingCount();
    const chosen = pickSome(ready, missing, this.#random);
    if (missing === 0 || this.#links.up().length > 0 || chosen.some((entry) => entry.seed)) {
      return chosen;
    }
    const seed = pickOne(
      ready.filter((entry) => entry.seed),
      this.#random,
    );
    return seed === undefined ? chosen : [seed, ...chosen.slice(1)];
  }

  #missingCount(): number {
    const { fanout } = this.#tuning;
    const dialled = this.#links.outbound().length - this.#electorPairs();
    const wanted = this.#links.up().length === 0 ? Math.min(firstDialsMax, fanout) : fanout;
    return Math.max(0, wanted - dialled);
  }

  /** Entries to dial now, and when the next of those in back-off becomes one. */
  #candidates(nowMs: number): { ready: BookEntry[]; nextMs: number } {
    const linked = new Set<string>();
    for (const link of this.#links.all()) {
      if (link.phase === 'closing') continue;
      if (link.peer !== undefined) linked.add(link.peer.nodeId);
      if (link.address !== undefined) linked.add(link.address);
    }
    const ready: BookEntry[] = [];
    let nextMs = Infinity;
    for (const entry of this.#book.entries()) {
      if (linked.has(entry.address)) continue;
      if (entry.contact !== undefined && linked.has(entry.contact.nodeId)) continue;
      if (entry.notBeforeMs <= nowMs) ready.push(entry);
      else nextMs = Math.min(nextMs, entry.notBeforeMs);
    }
    return { ready, nextMs };
  }

  #rotate(nowMs: number): void {
    this.#refillBudget(nowMs);
    if (this.#missingCount() > 0 || this.#dialsLeft === 0) return;
    const { ready } = this.#candidates(nowMs);
    const others = ready.filter((entry) => this.#role !== 'elector' || entry.role !== 'elector');
    const entry = pickOne(others, this.#random);
    if (entry !== undefined) this.#dialOne(entry, true, nowMs);
  }

  #dialOne(entry: BookEntry, replacement: boolean, nowMs: number): void {
    if (this.#dialsLeft === dialBurstMax) this.#nextDialMs = nowMs + dialEveryMs;
    this.#dialsLeft--;
    this.#dial(entry, replacement, nowMs);
  }

  #refillBudget(nowMs: number): void {
    if (this.#dialsLeft === dialBurstMax || nowMs < this.#nextDialMs) return;
    const gained = 1 + Math.floor((nowMs - this.#nextDialMs) / dialEveryMs);
    this.#dialsLeft = Math.min(dialBurstMax, this.#dialsLeft + gained);
    this.#nextDialMs += gained * dialEveryMs;
  }

  /** Dialled links between electors, as far as they come on top of the fan-out. */
  #electorPairs(): number {
    const pairs = this.#links.outbound().filter((link) => this.#isElectorPair(link)).length;
    return Math.min(pairs, limits.electorLinksMax);
  }

  #isElectorPair(link: Link): boolean {
    if (this.#role !== 'elector') return false;
    const dialled = link.address === undefined ? undefined : this.#book.get(link.address)?.role;
    return (link.peer?.role ?? dialled) === 'elector';
  }

  #rotationAfter(nowMs: number): number {
    const { rotationMs } = this.#tuning;
    return rotationMs === 0 ? Infinity : nowMs + jittered(rotationMs, 0.5, this.#random);
  }
}
