/**
 * Decides whom to dial and when: what is missing to the fan-out, electors among each other on top
 * of it, now and then a replacement so that the graph stays random, one of those that are lost every
 * few seconds so that partitions heal, and never more dials than a budget allows, however many
 * are dead. The choice is uniform over the live members; the address book helps until they are known.
 */
import type { AddressBook } from './address-book.ts';
import type { Alarm } from './alarm.ts';
import type { Contact, Role } from './contact.ts';
import type { DialPace } from './dial-pace.ts';
import type { Address } from './ids.ts';
import { limits } from './limits.ts';
import type { Dialled, Link, LinkTable } from './links.ts';
import type { Entry, MemberTable } from './member-table.ts';
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

/**
 * Live members that are looked at for one choice. Enough to find some that are neither linked nor in
 * back-off; so few that a choice costs the same in every fleet.
 */
const sampleSize = 24;

/**
 * With so many links a member has enough to go on with while many others are lost. All that survive are short of links
 * then, and a link costs both ends as much as dozens of frames: so it dials others when that is over, or has lasted for
 * `holdBackMsMax`, and then at a moment within `replaceWithinMs`, as all others do it too.
 */
const enoughLinks = 3;
const holdBackMsMax = 20_000;
const replaceWithinMs = 8000;

/** Somebody who could be dialled. */
interface Candidate {
  readonly address: Address;
  readonly contact: Contact | undefined;
  readonly role: Role | undefined;
  readonly seed: boolean;
}

export class Dialling {
  readonly #self: Contact;
  readonly #links: LinkTable;
  readonly #book: AddressBook;
  readonly #members: MemberTable;
  readonly #alarm: Alarm;
  readonly #pace: DialPace;
  readonly #tuning: EngineTuning;
  readonly #random: Random;
  readonly #dial: (dialled: Dialled, nowMs: number) => void;
  #nextFillMs = 0;
  /** Since when replacing waits for the end of a mass failure, and when this member's turn is after it. */
  #heldSinceMs: number | undefined;
  #replaceAtMs: number | undefined;
  #nextRotationMs: number;
  #nextRetryMs: number;
  #dialsLeft = dialBurstMax;
  #nextDialMs = 0;

  constructor(
    self: Contact,
    links: LinkTable,
    book: AddressBook,
    members: MemberTable,
    alarm: Alarm,
    pace: DialPace,
    tuning: EngineTuning,
    random: Random,
    dial: (dialled: Dialled, nowMs: number) => void,
    nowMs: number,
  ) {
    this.#self = self;
    this.#links = links;
    this.#book = book;
    this.#members = members;
    this.#alarm = alarm;
    this.#pace = pace;
    this.#tuning = tuning;
    this.#random = random;
    this.#dial = dial;
    this.#nextRotationMs = this.#rotationAfter(nowMs);
    this.#nextRetryMs = this.#retryAfter(nowMs);
  }

  get nextWakeMs(): number {
    return Math.min(this.#nextFillMs, this.#nextRotationMs, this.#nextRetryMs);
  }

  /** Something changed: look again at the next wake, or when there is a dial to spare. */
  lookAgain(): void {
    this.#nextFillMs = this.#dialsLeft === 0 ? this.#nextDialMs : 0;
  }

  /** A dial failed: however many do, others are looked for in their place at a moderate pace. */
  lookSoon(nowMs: number): void {
    const atMs = nowMs + 2 * dialEveryMs;
    this.#nextFillMs = Math.min(this.#nextFillMs, this.#dialsLeft === 0 ? this.#nextDialMs : atMs);
  }

  wake(nowMs: number): void {
    if (nowMs >= this.#nextFillMs) this.#fill(nowMs);
    if (nowMs >= this.#nextRotationMs) {
      this.#nextRotationMs = this.#rotationAfter(nowMs);
      this.#rotate(nowMs);
    }
    if (nowMs >= this.#nextRetryMs) {
      this.#nextRetryMs = this.#retryAfter(nowMs);
      this.#retry(nowMs);
    }
  }

  /** Dials a member that is not linked on top of all others. Returns whether there was a dial to spare. */
  dialBeside(target: Contact, purpose: Dialled['purpose'], nowMs: number): boolean {
    this.#refillBudget(nowMs);
    if (this.#dialsLeft === 0) return false;
    if (!this.#taken().has(target.nodeId)) {
      this.#dialOne({ address: target.address, target, purpose }, nowMs);
    }
    return true;
  }

  /** Dials up to `count` live members, by chance, that there is no link to. */
  dialStrangers(count: number, nowMs: number): void {
    const strangers = this.liveContacts(count + this.#links.up().length, undefined).filter(
      ({ nodeId }) => this.#links.upTo(nodeId) === undefined,
    );
    for (const contact of strangers.slice(0, count)) this.dialBeside(contact, 'replacement', nowMs);
  }

  /** Up to `count` random live members that answer, as far as we know; never this one nor `except`. */
  liveContacts(count: number, except: string | undefined): Contact[] {
    return this.#sample(2 * count)
      .map(({ state }) => state.contact)
      .filter(
        ({ nodeId, address }) =>
          nodeId !== except && (this.#book.get(address)?.failures ?? 0) === 0,
      )
      .slice(0, count);
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
    if (others.length < Math.max(1, this.#tuning.fanout)) return undefined;
    const lazy = others.filter((link) => !isEager(link));
    return (lazy.length > 0 ? lazy : others).reduce((a, b) => (a.sinceMs <= b.sinceMs ? a : b));
  }

  /** Dials what is missing; sets when to look again. */
  #fill(nowMs: number): void {
    if (this.#isHeldBack(nowMs)) return;
    this.#refillBudget(nowMs);
    if (this.#missingCount(nowMs) === 0 && this.#self.role !== 'elector') {
      this.#nextFillMs = Infinity;
      return;
    }
    const { ready, seeds, nextMs } = this.#candidates(nowMs);
    const electors = this.#missingElectors(ready);
    const others = this.#missingOthers(
      ready.filter((candidate) => !electors.includes(candidate)),
      seeds,
      nowMs,
    );
    const wanted = [...electors, ...others];
    const dialled = wanted.slice(0, this.#dialsLeft);
    for (const candidate of dialled) this.#dialOne(asDialled(candidate, 'fanout'), nowMs);
    if (dialled.length < wanted.length) this.#nextFillMs = this.#nextDialMs;
    else this.#nextFillMs = Math.min(nextMs, this.#nextImpatienceMs(nowMs));
  }

  /** During a mass failure and until our turn after it, with links enough to go on with; sets when to look again. */
  #isHeldBack(nowMs: number): boolean {
    const { calmAtMs } = this.#alarm;
    if (calmAtMs > nowMs) this.#heldSinceMs ??= nowMs;
    if (this.#heldSinceMs === undefined) return false;
    const endMs = Math.min(calmAtMs, this.#heldSinceMs + holdBackMsMax);
    if (nowMs >= endMs) this.#replaceAtMs ??= nowMs + replaceWithinMs * this.#random();
    const untilMs = this.#replaceAtMs ?? endMs;
    if (nowMs < untilMs && this.#links.up().length >= enoughLinks) {
      this.#nextFillMs = untilMs;
      return true;
    }
    if (calmAtMs <= nowMs) {
      this.#heldSinceMs = undefined;
      this.#replaceAtMs = undefined;
    }
    return false;
  }

  /** While no link is up: when the present dials are not waited for any more. */
  #nextImpatienceMs(nowMs: number): number {
    return this.#links.up().length > 0 ? Infinity : nowMs + this.#pace.hangingMs;
  }

  /** Every elector links to every other one that it knows, under a bound. */
  #missingElectors(ready: readonly Candidate[]): Candidate[] {
    if (this.#self.role !== 'elector') return [];
    const electors = ready.filter(({ role }) => role === 'elector');
    return pickSome(electors, limits.electorLinksMax - this.#electorPairs(), this.#random);
  }

  /** Random ones up to the fan-out. With no link up a seed comes first: the others may all be gone. */
  #missingOthers(
    ready: readonly Candidate[],
    seeds: readonly Candidate[],
    nowMs: number,
  ): Candidate[] {
    const missing = this.#missingCount(nowMs);
    const chosen = pickSome(this.#likelyAlive(ready, nowMs), missing, this.#random);
    if (missing === 0 || this.#links.up().length > 0 || chosen.some(({ seed }) => seed)) {
      return chosen;
    }
    const seed = pickOne(seeds, this.#random);
    return seed === undefined ? chosen : [seed, ...chosen.slice(1)];
  }

  /** While many are lost, those that have said something since, if there are any. */
  #likelyAlive(ready: readonly Candidate[], nowMs: number): readonly Candidate[] {
    if (!this.#alarm.isOn(nowMs)) return ready;
    const survivors = ready.filter(
      ({ contact }) => contact !== undefined && this.#alarm.hasSurvived(contact.nodeId),
    );
    return survivors.length > 0 ? survivors : ready;
  }

  #missingCount(nowMs: number): number {
    const { fanout } = this.#tuning;
    const outbound = this.#links.outbound();
    if (this.#links.up().length > 0) {
      const missing = fanout - (outbound.length - this.#electorPairs());
      const opening = outbound.filter(({ phase }) => phase !== 'up').length;
      return Math.max(0, Math.min(missing, this.#pace.width - opening));
    }
    const dials = outbound.filter((link) => !this.#isSlow(link, nowMs));
    return Math.max(0, Math.min(firstDialsMax, fanout, this.#pace.width) - dials.length);
  }

  /** A dial that hangs: while no link is up, nobody waits for it. */
  #isSlow(link: Link, nowMs: number): boolean {
    return nowMs - link.sinceMs >= this.#pace.hangingMs;
  }

  /**
   * Whom to dial now: a sample of the live members, and those that only the book knows. Seeds are
   * also told apart, as members or not. And when there may be more to choose from.
   */
  #candidates(nowMs: number): { ready: Candidate[]; seeds: Candidate[]; nextMs: number } {
    const taken = this.#taken();
    const ready: Candidate[] = [];
    const seeds: Candidate[] = [];
    let nextMs = Infinity;
    for (const entry of this.#book.entries()) {
      const { address, contact, seed, notBeforeMs } = entry;
      if (contact === undefined && !seed) continue; // a record of a member's back-off
      if (taken.has(address) || (contact !== undefined && taken.has(contact.nodeId))) continue;
      const known = contact === undefined ? undefined : this.#members.get(contact.nodeId);
      if (known?.standing === 'left' && !seed) continue;
      if (notBeforeMs > nowMs) nextMs = Math.min(nextMs, notBeforeMs);
      else {
        if (seed) seeds.push(entry);
        if (known === undefined) ready.push(entry);
      }
    }
    for (const { state } of this.#sampleWithElectors()) {
      const { contact } = state;
      if (taken.has(contact.nodeId) || taken.has(contact.address)) continue;
      if (state.status === 'leaving') continue;
      const { address, role } = contact;
      const notBeforeMs = this.#book.get(address)?.notBeforeMs ?? 0;
      if (notBeforeMs > nowMs) nextMs = Math.min(nextMs, notBeforeMs);
      else ready.push({ address, contact, role, seed: false });
    }
    return { ready, seeds, nextMs: Math.min(nextMs, this.#nextSampleMs(nowMs)) };
  }

  /** Node ids and addresses that there is a link or a dial to. */
  #taken(): Set<string> {
    const taken = new Set<string>([this.#self.nodeId, this.#self.address]);
    for (const link of this.#links.all()) {
      if (link.phase === 'closing') continue;
      if (link.peer !== undefined) taken.add(link.peer.nodeId);
      if (link.target !== undefined) taken.add(link.target.nodeId);
      if (link.address !== undefined) taken.add(link.address);
    }
    return taken;
  }

  #sampleWithElectors(): Iterable<Entry> {
    const sample = this.#sample(sampleSize);
    if (this.#self.role !== 'elector') return sample;
    return new Set([...this.#members.electors(), ...sample]);
  }

  /** Different live members, each as likely as any other; all of them when there are few. */
  #sample(size: number): Entry[] {
    const live = this.#members.of('live');
    const self = this.#self.nodeId;
    if (live.length <= size + 1) {
      const others = live.filter(({ state }) => state.contact.nodeId !== self);
      return pickSome(others, others.length, this.#random);
    }
    const sample = new Set<Entry>();
    for (let tries = 0; sample.size < size && tries < 2 * size; tries++) {
      const entry = this.#members.pick('live', this.#random);
      if (entry !== undefined && entry.state.contact.nodeId !== self) sample.add(entry);
    }
    return [...sample];
  }

  /** Where there are more members than a sample holds, another one may find whom this one did not. */
  #nextSampleMs(nowMs: number): number {
    if (this.#missingCount(nowMs) === 0) return Infinity;
    const all = this.#members.of('live').length <= sampleSize + 1;
    return all ? Infinity : nowMs + this.#tuning.redialMs;
  }

  #rotate(nowMs: number): void {
    this.#refillBudget(nowMs);
    if (this.#missingCount(nowMs) > 0 || this.#dialsLeft === 0) return;
    const { ready } = this.#candidates(nowMs);
    const others = ready.filter(({ role }) => this.#self.role !== 'elector' || role !== 'elector');
    const candidate = pickOne(others, this.#random);
    if (candidate !== undefined) this.#dialOne(asDialled(candidate, 'replacement'), nowMs);
  }

  /** Tries one of the unreachable members, and of the seeds behind which nobody live is known. */
  #retry(nowMs: number): void {
    this.#refillBudget(nowMs);
    if (this.#dialsLeft === 0) return;
    const taken = this.#taken();
    const silentSeeds = this.#silentSeeds(taken, nowMs);
    const lost = this.#members.of('unreachable').length;
    const count = lost + silentSeeds.length;
    const { retriesPerSecond, retryMs } = this.#tuning;
    const due = (count * retriesPerSecond * retryMs) / 1000;
    if (this.#random() * this.#members.of('live').length >= due) return;
    const turn = Math.floor(this.#random() * count);
    const entry = turn < lost ? this.#members.pick('unreachable', this.#random) : undefined;
    const contact = entry?.state.contact;
    const candidate: Candidate | undefined =
      contact === undefined
        ? pickOne(silentSeeds, this.#random)
        : { address: contact.address, contact, role: contact.role, seed: false };
    if (candidate === undefined || taken.has(candidate.address)) return;
    if (candidate.contact !== undefined && taken.has(candidate.contact.nodeId)) return;
    this.#dialOne(asDialled(candidate, 'replacement'), nowMs);
  }

  #silentSeeds(taken: ReadonlySet<string>, nowMs: number): Candidate[] {
    if (this.#members.size === 1) return []; // without a membership the fan-out alone is dialled
    const silent: Candidate[] = [];
    for (const entry of this.#book.entries()) {
      const { address, contact, seed, notBeforeMs } = entry;
      if (!seed || notBeforeMs > nowMs || taken.has(address)) continue;
      const known = contact === undefined ? undefined : this.#members.get(contact.nodeId);
      if (known === undefined || known.standing === 'left') silent.push(entry);
    }
    return silent;
  }

  #dialOne(dialled: Dialled, nowMs: number): void {
    if (this.#dialsLeft === dialBurstMax) this.#nextDialMs = nowMs + dialEveryMs;
    this.#dialsLeft--;
    this.#dial(dialled, nowMs);
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
    if (this.#self.role !== 'elector') return false;
    const dialled = link.address === undefined ? undefined : this.#book.get(link.address)?.role;
    return (link.peer?.role ?? dialled) === 'elector';
  }

  #rotationAfter(nowMs: number): number {
    const { rotationMs } = this.#tuning;
    return rotationMs === 0 ? Infinity : nowMs + jittered(rotationMs, 0.5, this.#random);
  }

  #retryAfter(nowMs: number): number {
    return nowMs + jittered(this.#tuning.retryMs, 0.5, this.#random);
  }
}

function asDialled(candidate: Candidate, purpose: Dialled['purpose']): Dialled {
  return { address: candidate.address, target: candidate.contact, purpose };
}
