/**
 * Checks after every step of a member what it holds of leaders: versions only go forward (P2), and no
 * record is held that no elector sealed, byte for byte.
 */
import { isNewer } from '@herald/core';
import type { Effect, HeldRecord, Input, Version } from '@herald/core';
import type { SimulatedMember, SimulationObserver } from '../observer.ts';
import { simulatedElection } from '../records.ts';
import type { Simulation } from '../simulation.ts';
import type { SimulatedEtcd } from '../simulated-etcd.ts';
import { BrokenPromise } from './broken-promise.ts';

export class HeldRecordsCheck implements SimulationObserver {
  /** Of each member, in its present life. */
  readonly #newest: (Version | undefined)[] = [];
  #simulation: Simulation | undefined;
  #etcd: SimulatedEtcd | undefined;

  /** The simulation is made with its observers, and so comes after them. */
  watch(simulation: Simulation, etcd: SimulatedEtcd): void {
    this.#simulation = simulation;
    this.#etcd = etcd;
  }

  started(member: SimulatedMember): void {
    this.#newest[member.index] = undefined;
  }

  stepped(member: SimulatedMember, input: Input, effects: readonly Effect[]): void {
    const { index, engine } = member;
    const held = engine.held(simulatedElection);
    const version = held?.sealed.record.version;
    const before = this.#newest[index];
    if (version !== before) {
      if (version === undefined || !isNewer(version, before)) {
        throw this.#broken('P2', `${nameOf(member)} went back on ${input.kind}`);
      }
      this.#newest[index] = version;
    }
    for (const effect of effects) {
      if (effect.kind === 'applied') this.#checkOrigin(member, effect.held);
    }
  }

  #checkOrigin(member: SimulatedMember, held: HeldRecord): void {
    const { sealed } = held;
    const original = this.#etcd?.sealedAs(sealed.record);
    if (original === sealed) return;
    if (original !== undefined && sameBytes(original.bytes, sealed.bytes)) return;
    const { election, issuer } = sealed.record;
    const about = `a record of "${election}" that ${issuer} never sealed`;
    throw this.#broken('INVENTED', `${nameOf(member)} holds ${about}`);
  }

  #broken(code: 'P2' | 'INVENTED', message: string): BrokenPromise {
    return new BrokenPromise(code, this.#simulation?.nowMs ?? 0, message);
  }
}

export function nameOf({ contact }: SimulatedMember): string {
  return `${contact.nodeId} (generation ${contact.generation})`;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, index) => byte === b[index]);
}
