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

  note(election: ElectionName, version: Version, members: number, nowMs: number): void {
    this.#latest.delete(election);
    this.#latest.set(election, changeOf(version));
    if (this.#dueMs !== Infinity) return;
    this.#dueMs = nowMs + jittered(this.#delayMs(members), 0.5, this.#random);
  }

  /** There is more urgent news until then. */
  postpone(untilMs: number, members: number): void {
    this.#dueMs = untilMs + this.#delayMs(members) * this.#random();
  }

  /** What to tell: of each election the newest, those that changed last first. */
  take(): AppliedChange[] {
    this.#dueMs = Infinity;
    return [...this.#latest]
      .slice(-limits.appliedElectionsMax)
      .reverse()
      .map(([election, version]) => ({ election, version }));
  }

  #delayMs(members: number): number {
    const { appliedDelayMsMin, appliedDelayMsPerMember, appliedDelayMsMax } = this.#tuning;
    return Math.min(
      appliedDelayMsMax,
      Math.max(appliedDelayMsMin, members * appliedDelayMsPerMember),
    );
  }
}
