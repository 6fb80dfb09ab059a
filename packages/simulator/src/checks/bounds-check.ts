/**
 * Checks that nothing a member keeps outgrows its bound: links whenever one comes up, tables now and
 * then, since they are costly to count.
 */
import { defaultTuning, limits } from '@herald/core';
import type { Effect, EngineTuning, Input } from '@herald/core';
import type { SimulatedMember, SimulationObserver } from '../observer.ts';
import { BrokenPromise } from './broken-promise.ts';
import { nameOf } from './held-records-check.ts';

/** One step in so many looks at the tables too. */
const stepsPerLook = 1000;

export class BoundsCheck implements SimulationObserver {
  readonly #tuning: EngineTuning;
  readonly #now: () => number;
  #steps = 0;

  constructor(tuning: Partial<EngineTuning> | undefined, now: () => number) {
    this.#tuning = { ...defaultTuning, ...tuning };
    this.#now = now;
  }

  stepped(member: SimulatedMember, _input: Input, effects: readonly Effect[]): void {
    if (effects.some(({ kind }) => kind === 'link-up')) this.#checkLinks(member);
    if (++this.#steps % stepsPerLook === 0) this.#checkTables(member);
  }

  #checkLinks(member: SimulatedMember): void {
    const { fanout, inboundLinks } = this.#tuning;
    const links = member.engine.links();
    const outbound = links.filter(({ direction }) => direction === 'outbound').length;
    const forElectors = member.contact.role === 'elector' ? limits.electorLinksMax : 0;
    const peers = new Set(links.map(({ peer }) => peer.nodeId));
    // A fan-out of dials under way, and one replacement, may come up beside those that stand.
    this.#check(member, 'outbound links', outbound, 2 * fanout + 2 + forElectors);
    this.#check(member, 'inbound links', links.length - outbound, inboundLinks + forElectors);
    this.#check(member, 'links to one member beyond the first', links.length - peers.size, 0);
  }

  #checkTables(member: SimulatedMember): void {
    const { engine } = member;
    this.#check(member, 'elections', engine.elections().length, limits.electionsMax);
    const { live, unreachable, left } = engine.memberCounts;
    const members = live + unreachable + left;
    this.#check(member, 'members', members, limits.membersMax);
    // Contacts are the members but itself, and whom it has merely heard of.
    const heardOf = engine.contacts().length - (live + unreachable - 1);
    this.#check(member, 'contacts that are no members', heardOf, limits.contactsMax);
    const said = engine.member(engine.self.nodeId)?.state.application;
    this.#check(member, 'verdicts', said?.unreachable.length ?? 0, limits.unreachableMax);
    this.#check(member, 'applied changes', said?.applied.length ?? 0, limits.appliedElectionsMax);
  }

  #check(member: SimulatedMember, what: string, count: number, max: number): void {
    if (count <= max) return;
    const message = `${nameOf(member)} has ${count} ${what}, at most ${max} are allowed`;
    throw new BrokenPromise('BOUND', this.#now(), message);
  }
}
