/**
 * Compares what each member believes of each other one with what is true, and keeps count as either
 * changes: a step costs what it changes. Decides when a membership has converged, and who was
 * declared unreachable though nothing was wrong with it.
 *
 * What is true: a member that runs must be listed as reachable, in its present life; whoever died or
 * left must not be. Everybody is right about itself.
 */
import { assert, compareStates } from '@herald/core';
import type { Effect, Input, MemberView, NodeId } from '@herald/core';
import type { SimulatedMember, SimulationObserver } from '../observer.ts';
import { BrokenPromise } from './broken-promise.ts';
import type { PromiseCode } from './broken-promise.ts';
import { nameOf } from './held-records-check.ts';

/** For so long after it was dead, cut off or long paused, others may still be wrong about a member. */
const excusedMs = 30_000;

/** What one member believes of another one: in two bits, above them the generation; 0 is nothing yet. */
const beliefs = { reachable: 1, unreachable: 2, left: 3 } as const;
const beliefBits = 4;

/** What excuses a wrong belief. */
interface Surroundings {
  readonly nowMs: number;
  readonly network: { readonly isWhole: boolean };
}

/** One member, as it is and as others see it. */
interface Subject {
  readonly member: SimulatedMember;
  /** The life that it claims now: it outbids whoever speaks in its name, be it a garbled frame. */
  generation: number;
  /** What it believes of others, by their index. */
  readonly row: number[];
  /** Others that run and list it as reachable: in any life of it, and in its latest. */
  listed: number;
  listedRight: number;
  /** When the last of them ceased to. */
  unlistedAtMs: number;
  declaredAtMs: number;
}

export class Agreement implements SimulationObserver {
  readonly #subjects: Subject[] = [];
  readonly #indexOf = new Map<NodeId, number>();
  #surroundings: Surroundings | undefined;
  #alive = 0;
  /** True beliefs about members that run, and false ones about members that do not. */
  #right = 0;
  #outdated = 0;
  #falseSuspicions = 0;

  /** The simulation is made with its observers, and so comes after them. */
  watch(surroundings: Surroundings): void {
    this.#surroundings = surroundings;
  }

  /** How many beliefs of members that run are not true. */
  get wrong(): number {
    return this.#alive * (this.#alive - 1) - this.#right + this.#outdated;
  }

  /** How often a member was declared unreachable while nothing was wrong with it. */
  get falseSuspicions(): number {
    return this.#falseSuspicions;
  }

  /** Others that run and list this member as reachable. */
  listing(member: number): number {
    return this.#subject(member).listed;
  }

  /** When the last of those that run ceased to list this member as reachable. */
  unlistedAtMs(member: number): number {
    return this.#subject(member).unlistedAtMs;
  }

  started(member: SimulatedMember): void {
    const { index, contact } = member;
    const { generation } = contact;
    this.#indexOf.set(contact.nodeId, index);
    const known = this.#subjects[index];
    if (known === undefined) {
      const none = { listed: 0, listedRight: 0, unlistedAtMs: 0, declaredAtMs: -Infinity };
      this.#subjects[index] = { member, generation, row: [], ...none };
    } else {
      this.#outdated -= known.listed;
      known.generation = generation;
      known.listedRight = this.#countRight(known);
      this.#right += known.listedRight;
    }
    this.#alive++;
  }

  ended(member: SimulatedMember): void {
    const subject = this.#subject(member.index);
    this.#alive--;
    this.#right -= subject.listedRight;
    this.#outdated += subject.listed;
    for (const index of subject.row.keys()) this.#believe(subject, index, 0);
  }

  stepped(member: SimulatedMember, _input: Input, effects: readonly Effect[]): void {
    const subject = this.#subject(member.index);
    if (member.engine.self.generation !== subject.generation) this.#outbid(subject);
    for (const effect of effects) {
      if (effect.kind === 'member-changed') this.#changed(member, effect.view, effect.previous);
    }
  }

  /** What members hold is what they told: goes through all of them, so it is for the end of a run. */
  checkAgainstTables(): void {
    for (const { member, row } of this.#subjects) {
      if (!member.alive) continue;
      const views = new Map(member.engine.members().map((view) => [idOf(view), view]));
      for (const [nodeId, index] of this.#indexOf) {
        if (index === member.index) continue;
        const belief = beliefOf(views.get(nodeId));
        if (belief === (row[index] ?? 0)) continue;
        const about = `${nodeId}: told ${row[index] ?? 0}, holds ${belief}`;
        throw this.#broken(
          'DISAGREE',
          `${nameOf(member)} told otherwise than it holds of ${about}`,
        );
      }
    }
  }

  /** A few of those who are wrong, for whoever has to find out why. */
  examples(count: number): string[] {
    const found: string[] = [];
    for (const { member, row } of this.#subjects) {
      if (!member.alive) continue;
      for (const subject of this.#subjects) {
        if (found.length >= count) return found;
        if (subject.member === member) continue;
        const belief = row[subject.member.index] ?? 0;
        if (isRight(belief, subject)) continue;
        found.push(`${nameOf(member)} takes ${nameOf(subject.member)} for ${wordFor(belief)}`);
      }
    }
    return found;
  }

  /** It claims a later life than before, without having died. */
  #outbid(subject: Subject): void {
    this.#right -= subject.listedRight;
    subject.generation = subject.member.engine.self.generation;
    subject.listedRight = this.#countRight(subject);
    this.#right += subject.listedRight;
  }

  #countRight({ member, generation }: Subject): number {
    let count = 0;
    for (const { member: observer, row } of this.#subjects) {
      if (observer !== member && isListed(row[member.index] ?? 0, generation)) count++;
    }
    return count;
  }

  #changed(
    member: SimulatedMember,
    view: MemberView | undefined,
    previous: MemberView | undefined,
  ): void {
    const nodeId = idOf(view ?? previous);
    if (nodeId === undefined || nodeId === member.contact.nodeId) return;
    const index = this.#indexOf.get(nodeId);
    if (index === undefined) return; // a garbled frame made it up
    this.#checkForward(member, view, previous);
    this.#believe(this.#subject(member.index), index, beliefOf(view));
    if (view?.reachability === 'unreachable' && view.state.status !== 'left')
      this.#noteDeclared(this.#subject(index), view);
  }

  #believe({ member, row }: Subject, index: number, belief: number): void {
    const before = row[index] ?? 0;
    row[index] = belief;
    const subject = this.#subject(index);
    if (subject.member === member) return;
    const listed = Number(isListed(belief)) - Number(isListed(before));
    const { generation } = subject;
    const right = Number(isListed(belief, generation)) - Number(isListed(before, generation));
    subject.listed += listed;
    if (listed < 0 && subject.listed === 0) subject.unlistedAtMs = this.#around.nowMs;
    subject.listedRight += right;
    if (subject.member.alive) this.#right += right;
    else this.#outdated += listed;
  }

  #checkForward(
    member: SimulatedMember,
    view: MemberView | undefined,
    previous: MemberView | undefined,
  ): void {
    if (view === undefined || previous === undefined) return;
    if (compareStates(view.state, previous.state) >= 0) return;
    const about = `went back to an older state of ${view.state.contact.nodeId}`;
    throw this.#broken('P2', `${nameOf(member)} ${about}`);
  }

  #noteDeclared(subject: Subject, { state }: MemberView): void {
    const { member } = subject;
    const { nowMs, network } = this.#around;
    const excused =
      !member.alive ||
      state.contact.generation !== subject.generation ||
      nowMs - member.disturbedAtMs < excusedMs ||
      !network.isWhole;
    if (excused) return;
    if (nowMs - subject.declaredAtMs >= excusedMs) this.#falseSuspicions++;
    subject.declaredAtMs = nowMs;
  }

  get #around(): Surroundings {
    assert(this.#surroundings !== undefined, 'watch was called');
    return this.#surroundings;
  }

  #subject(index: number): Subject {
    const subject = this.#subjects[index];
    if (subject === undefined) throw new RangeError(`no member ${index}`);
    return subject;
  }

  #broken(code: PromiseCode, message: string): BrokenPromise {
    return new BrokenPromise(code, this.#around.nowMs, message);
  }
}

function idOf(view: MemberView | undefined): NodeId | undefined {
  return view?.state.contact.nodeId;
}

function beliefOf(view: MemberView | undefined): number {
  if (view === undefined) return 0;
  const { contact, status } = view.state;
  const kind = status === 'left' ? 'left' : view.reachability;
  return contact.generation * beliefBits + beliefs[kind];
}

/** Whether it says that the member is reachable; in this life of it, if one is named. */
function isListed(belief: number, generation?: number): boolean {
  if (belief % beliefBits !== beliefs.reachable) return false;
  return generation === undefined || Math.floor(belief / beliefBits) === generation;
}

function isRight(belief: number, { member, generation }: Subject): boolean {
  return member.alive ? isListed(belief, generation) : !isListed(belief);
}

function wordFor(belief: number): string {
  const kind = Object.entries(beliefs).find(([, bits]) => bits === belief % beliefBits);
  return kind === undefined ? 'unknown' : `${kind[0]} in life ${Math.floor(belief / beliefBits)}`;
}
