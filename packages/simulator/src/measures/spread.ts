/** Measures how a change of leader spreads: who applied it when, over how many hops. */
import { isNewer, isSameChange } from '@herald/core';
import type { Effect, Input, Version } from '@herald/core';
import type { SimulatedMember, SimulationObserver } from '../observer.ts';
import { simulatedElection } from '../records.ts';

export class Spread implements SimulationObserver {
  /** When each live member applied the newest change or a renewal of it, milliseconds after the start. */
  #appliedAtMs = new Map<number, number>();
  #hops: number[] = [];
  #version: Version | undefined;
  readonly #now: () => number;
  readonly #alive = new Set<number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  started(member: SimulatedMember): void {
    this.#alive.add(member.index);
  }

  ended(member: SimulatedMember): void {
    this.#alive.delete(member.index);
    this.#appliedAtMs.delete(member.index);
  }

  stepped(member: SimulatedMember, _input: Input, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind !== 'applied' || !effect.isChange) continue;
      const { record } = effect.held.sealed;
      if (record.election !== simulatedElection) continue;
      this.#begin(record.version);
      if (this.#version === undefined || !isSameChange(record.version, this.#version)) continue;
      this.#appliedAtMs.set(member.index, this.#now());
      this.#hops.push(effect.held.hops);
    }
  }

  /** When each live member applied the newest change, in virtual time. */
  get appliedAtMs(): ReadonlyMap<number, number> {
    return this.#appliedAtMs;
  }

  /** Hops of all copies of it that were news, ascending. */
  get hops(): readonly number[] {
    return this.#hops.toSorted((a, b) => a - b);
  }

  /** Live members that do not hold the newest change. */
  get missing(): number {
    return this.#alive.size - this.#appliedAtMs.size;
  }

  #begin(version: Version): void {
    const known = this.#version;
    if (known !== undefined && (!isNewer(version, known) || isSameChange(version, known))) return;
    this.#version = version;
    this.#appliedAtMs = new Map();
    this.#hops = [];
  }
}

/** The value that this share of the sorted values do not exceed. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
