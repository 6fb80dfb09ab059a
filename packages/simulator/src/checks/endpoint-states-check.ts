/**
 * Checks what members make of endpoint states that travel: each member goes only forward in what it
 * holds of another one (P2), and nobody passes on what the member in question never said of itself.
 */
import { compareStates } from '@herald/core';
import type { Effect, EndpointState, Frame, Input, NodeId } from '@herald/core';
import type { SimulatedMember, SimulationObserver } from '../observer.ts';
import { BrokenPromise } from './broken-promise.ts';
import { nameOf } from './held-records-check.ts';

export class EndpointStatesCheck implements SimulationObserver {
  /** All states that their own member ever told; states are shared, never copied. */
  readonly #said = new WeakSet<EndpointState>();
  /** By member, in its present life: what it was last seen to hold of others. */
  readonly #held: Map<NodeId, EndpointState>[] = [];
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
    if (input.kind !== 'frame' || input.frame.kind !== 'member-delta') return;
    const held = this.#held[member.index];
    for (const { state } of input.frame.states) {
      const { nodeId } = state.contact;
      const before = held?.get(nodeId);
      const now = member.engine.member(nodeId)?.state;
      if (now === undefined || now === before) continue;
      if (before !== undefined && compareStates(now, before) < 0) {
        const about = `from ${versionOf(before)} back to ${versionOf(now)} of ${nodeId}`;
        throw new BrokenPromise('P2', this.#now(), `${nameOf(member)} went ${about}`);
      }
      held?.set(nodeId, now);
    }
  }
}

function versionOf({ contact, version }: EndpointState): string {
  return `${contact.generation}.${version}`;
}
