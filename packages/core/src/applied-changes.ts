/**
 * Decides when the fleet is told which changes of leader this member has applied: each change makes
 * every member say something new, so they take their time, the more the more there are.
 */
import type { AppliedChange } from './endpoint-state.ts';
import type { ElectionName } from './ids.ts';
import { limits } from './limits.ts';
import { jittered } from './random.ts';
import type { Random } from './random.ts';
import type { EngineTuning } from './tuning.ts';
import { changeOf } from './version.ts';
import type { Version } from './version.ts';

export class AppliedChanges {
  readonly #tuning: EngineTuning;
  readonly #random: Random;
  /** The change of each election that was applied last, the latest one last. */
  readonly #latest = new Map<ElectionName, Version>();
  #dueMs = Infinity;

  constructor(tuning: EngineTuning, random: Random) {
    this.#tuning = tuning;
    this.#random = random;
  }

  /** When they are to be told; Infinity while there is nothing new to tell. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** @param version `undefined` when what was applied of the election is not believed any longer */
  note(election: ElectionName, version: Version | undefined, members: number, nowMs: number): void {
    this.#latest.delete(election);
    if (version !== undefined) this.#latest.set(election, changeOf(version));
    if (this.#dueMs !== Infinity) return;
    this.#dueMs = nowMs + jittered(tellingMs(members, this.#tuning), 0.5, this.#random);
  }

  /** There is more urgent news until then. */
  postpone(untilMs: number, members: number): void {
    this.#dueMs = untilMs + tellingMs(members, this.#tuning) * this.#random();
  }

  /** What to tell: of each election the newest, those that changed last first. */
  take(): AppliedChange[] {
    this.#dueMs = Infinity;
    return [...this.#latest]
      .slice(-limits.appliedElectionsMax)
      .reverse()
      .map(([election, version]) => ({ election, version }));
  }
}

/** How long a fleet of so many takes until each of them has told the others so many words. */
export function tellingMs(members: number, tuning: EngineTuning, words = 1): number {
  const { appliedDelayMsMin, appliedDelayMsPerMember, appliedDelayMsMax } = tuning;
  const oneWordMs = Math.max(appliedDelayMsMin, members * appliedDelayMsPerMember);
  return Math.min(appliedDelayMsMax, words * oneWordMs);
}
