/**
 * Checks what members make of endpoint states that travel: each member goes only forward in what it
 * holds of another one (P2), even when it had forgotten that one meanwhile; nobody passes on what the
 * member in question never said of itself; and who reads that it is unreachable says otherwise.
 */
import { compareStateVersions, compareStates } from '@herald/core';
import type { Effect, EndpointState, Frame, Input, NodeId, StateVersion } from '@herald/core';
import type { SimulatedMember, SimulationObserver } from '../observer.ts';
import { BrokenPromise } from './broken-promise.ts';
import { nameOf } from './held-records-check.ts';

/** A refutation waits for a batch to travel with, no longer. */
const refutesWithinMs = 1000;

/** What a member has to refute, as of which version of it, and since when it has been told. */
interface Accusation extends StateVersion {
  readonly by: NodeId;
  readonly sinceMs: number;
}

export class EndpointStatesCheck implements SimulationObserver {
  /** All states that their own member ever told; states are shared, never copied. */
  readonly #said = new WeakSet<EndpointState>();
  /** By member, in its present life: what it was last seen to hold of others. */
  readonly #held: Map<NodeId, EndpointState>[] = [];
  readonly #accused = new Map<number, Accusation>();
  readonly #now: () => number;
  readonly #isGarbling: () => boolean;
  #everGarbled = false;

  /** @param isGarbling whether frames are garbled now: then some states are nobody's */
  constructor(now: () => number, isGarbling: () => boolean) {
    this.#now = now;
    this.#isGarbling = isGarbling;
  }

  started(member: SimulatedMember): void {
    this.#held[member.index] = new Map();
    this.#accused.delete(member.index);
  }

  sent(member: SimulatedMember, frame: Frame): void {
    if (frame.kind !== 'member-delta') return;
    this.#everGarbled ||= this.#isGarbling();
    for (const { state } of frame.states) {
      if (this.#said.has(state)) continue;
      if (state.contact.nodeId === member.contact.nodeId) this.#said.add(state);
      else if (!this.#everGarbled) {
        const about = `${state.contact.nodeId} at version ${state.version}, which never said so`;
        throw new BrokenPromise('INVENTED', this.#now(), `${nameOf(member)} tells of ${about}`);
      }
    }
  }

  stepped(member: SimulatedMember, input: Input, _effects: readonly Effect[]): void {
    if (input.kind === 'wake') this.#checkRefuted(member);
    if (input.kind !== 'frame' || input.frame.kind !== 'member-delta') return;
    const held = this.#held[member.index];
    for (const { state } of input.frame.states) {
      const { nodeId } = state.contact;
      const before = held?.get(nodeId);
      if (before === state) continue; // told again what it holds
      const now = member.engine.member(nodeId)?.state;
      if (now === undefined || now === before) continue;
      if (before !== undefined && compareStates(now, before) < 0) {
        const about = `from ${versionOf(before)} back to ${versionOf(now)} of ${nodeId}`;
        throw new BrokenPromise('P2', this.#now(), `${nameOf(member)} went ${about}`);
      }
      held?.set(nodeId, now);
      if (now.application.unreachable.length > 0) this.#noteAccusation(member, now);
    }
  }

  #noteAccusation(member: SimulatedMember, by: EndpointState): void {
    const { nodeId, generation } = member.engine.self;
    const verdict = by.application.unreachable.find((one) => one.nodeId === nodeId);
    if (verdict?.generation !== generation || this.#accused.has(member.index)) return;
    const { version } = verdict;
    const accusation = { by: by.contact.nodeId, generation, version, sinceMs: this.#now() };
    if (isStanding(member, accusation)) this.#accused.set(member.index, accusation);
  }

  /** Whoever was paused meanwhile has just been woken, and had its chance. */
  #checkRefuted(member: SimulatedMember): void {
    const accusation = this.#accused.get(member.index);
    if (accusation === undefined || this.#now() < accusation.sinceMs + refutesWithinMs) return;
    this.#accused.delete(member.index);
    if (!isStanding(member, accusation)) return;
    const about = `that ${accusation.by} calls it unreachable`;
    throw new BrokenPromise('DISAGREE', this.#now(), `${nameOf(member)} lets stand ${about}`);
  }
}

/** Whether the member has said nothing of itself since. */
function isStanding({ engine }: SimulatedMember, accusation: Accusation): boolean {
  const said = engine.member(engine.self.nodeId)?.state;
  return said !== undefined && compareStateVersions(stateVersionOf(said), accusation) <= 0;
}

function stateVersionOf({ contact, version }: EndpointState): StateVersion {
  return { generation: contact.generation, version };
}

function versionOf({ contact, version }: EndpointState): string {
  return `${contact.generation}.${version}`;
}
