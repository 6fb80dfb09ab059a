/**
 * What the client believes: the newest record it ever saw, how old that is by its own clock, and
 * when a node last said that there is none newer. P2 lives here: there is one function that changes
 * the belief, and it goes forward only.
 *
 *   nothing ──record──► leader ──newer vacancy──► vacant
 *                        │  ▲ ▲                     │
 *               validity │  │ └──── newer leader ───┘
 *              runs out  ▼  │ newer leader, or a renewal
 *                      expired ──newer vacancy──► vacant
 *
 * Leader and expired are one state; which of them it is depends on the moment of the question.
 */
import { isNewer, isSameChange } from '@herald/core';
import type { HeldRecord, LeaderRecord, NodeId } from '@herald/core';
import type { CarriedRecord } from '@herald/wire';

/** Who told the client, and how. */
export interface Source {
  /** `host:port` of who told it. */
  readonly endpoint: string;
  readonly nodeId: NodeId;
  /** `refusal`: a service said NOT_LEADER; `nodeId` is then the elector that issued the record. */
  readonly via: 'lookup' | 'watch' | 'confirm' | 'refusal';
}

export interface KnownRecord extends HeldRecord {
  /** When an endpoint last said this, by the client's clock. */
  readonly checkedAtMs: number;
  readonly source: Source;
}

/** A record that arrived. */
export interface Observation {
  readonly carried: CarriedRecord;
  readonly receivedAtMs: number;
  /** How long it was on its way here, as far as can be known; added to its age. */
  readonly transitMs: number;
  readonly source: Source;
}

/**
 * - `newer`: adopted.
 * - `same`: no newer change than the known one; at most its renewal is older.
 * - `older`: whoever sent it is behind.
 */
export type Verdict = 'newer' | 'same' | 'older';

/** Whether a record may be believed at all. */
export type Admits = (record: LeaderRecord) => boolean;

/** The belief after `observation`: `max(version)`, and nothing else decides. */
export function observe(
  known: KnownRecord | undefined,
  observation: Observation,
): { readonly known: KnownRecord; readonly verdict: Verdict } {
  const { carried, receivedAtMs, source, transitMs } = observation;
  const offered = carried.sealed.record.version;
  if (known === undefined || isNewer(offered, known.sealed.record.version)) {
    const adopted: KnownRecord = {
      sealed: carried.sealed,
      appliedAtMs: receivedAtMs,
      ageAtApplyMs: carried.ageMs + transitMs,
      hops: carried.hops,
      checkedAtMs: receivedAtMs,
      source,
    };
    return { known: adopted, verdict: 'newer' };
  }
  if (!isSameChange(offered, known.sealed.record.version)) return { known, verdict: 'older' };
  // The same claim: it was checked, but its age stays as first reckoned, so that no later and
  // luckier estimate makes an old record young again.
  return { known: { ...known, checkedAtMs: receivedAtMs }, verdict: 'same' };
}

/**
 * How long an answer was on its way: half the round trip, as long as that is as usual. What it took
 * beyond the usual is counted in full, because it may all have passed after the answer was given: in
 * the network, or in this process while it was paused.
 *
 * @param usualMs The smoothed round trip to that endpoint; 0 when there is none yet.
 */
export function transitMs(roundTripMs: number, usualMs: number): number {
  const ordinaryMs = usualMs === 0 ? roundTripMs : Math.min(roundTripMs, usualMs);
  return roundTripMs - ordinaryMs / 2;
}

/** Whether whoever answered with `carried` is behind `known` by a change, not just by a renewal. */
export function knowsLess(
  carried: CarriedRecord | undefined,
  known: KnownRecord | undefined,
): boolean {
  if (known === undefined) return false;
  if (carried === undefined) return true;
  const theirs = carried.sealed.record.version;
  const ours = known.sealed.record.version;
  return isNewer(ours, theirs) && !isSameChange(ours, theirs);
}

/** Holds the belief and tells who waits for it. */
export class RecordKeeper {
  readonly #admits: Admits;
  #known: KnownRecord | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(admits: Admits) {
    this.#admits = admits;
  }

  get known(): KnownRecord | undefined {
    return this.#known;
  }

  /**
   * Calls `listener` after each adoption.
   *
   * @returns Stops that.
   */
  onAdopted(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** The one place where the belief changes. What may not be believed leaves it as it was. */
  observe(observation: Observation): Verdict | 'refused' {
    if (!this.#admits(observation.carried.sealed.record)) return 'refused';
    const { known, verdict } = observe(this.#known, observation);
    this.#known = known;
    if (verdict === 'newer') for (const listener of this.#listeners) listener();
    return verdict;
  }
}
