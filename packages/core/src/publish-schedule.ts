/**
 * Decides when a member says what has changed about it. Each word goes to everybody, so that the more there are, the
 * longer one waits until the next; and whom a member accuses it says in its state when the fleet has time,
 * since that goes ahead by itself.
 */
import { tellingMs } from './applied-changes.ts';
import type { MemberTable } from './member-table.ts';
import { jittered } from './random.ts';
import type { Random } from './random.ts';
import type { EngineTuning } from './tuning.ts';

/** What is outdated waits for as long as all members take to say so many words each: mostly one comes first. */
const outdatedWords = 5;

export class PublishSchedule {
  readonly #table: MemberTable;
  readonly #tuning: EngineTuning;
  readonly #random: Random;
  #dueMs = Infinity;
  #saidAtMs = -Infinity;

  constructor(table: MemberTable, tuning: EngineTuning, random: Random) {
    this.#table = table;
    this.#tuning = tuning;
    this.#random = random;
  }

  /** When the next word is due; Infinity while there is none. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** Something changed: it is said soon, with what else changes until then; at once if it is urgent. */
  changed(urgent: boolean, nowMs: number): void {
    const { batchMs, bulkBatchMs } = this.#tuning;
    this.#by(nowMs + (urgent ? batchMs / 2 : bulkBatchMs));
  }

  /** This member has found somebody unreachable. */
  accused(nowMs: number): void {
    const { accusedDelayMsPerMember, accusedDelayMsMax } = this.#tuning;
    const delayMs = Math.min(accusedDelayMsMax, this.#table.count * accusedDelayMsPerMember);
    this.#by(nowMs + delayMs * (0.5 + 0.5 * this.#random()));
  }

  /** What was said of others is void by what they said since, and only takes room: it goes with what is said next. */
  outdated(nowMs: number): void {
    const delayMs = tellingMs(this.#table.count, this.#tuning, outdatedWords);
    this.#by(nowMs + jittered(delayMs, 0.5, this.#random));
  }

  /** All that had changed is being said. */
  said(nowMs: number): void {
    this.#dueMs = Infinity;
    this.#saidAtMs = nowMs;
  }

  /** There was nothing to say after all. */
  clear(): void {
    this.#dueMs = Infinity;
  }

  #by(atMs: number): void {
    const { wordGapMs, wordGapMsPerMember, wordGapMsMax } = this.#tuning;
    const gapMs = Math.max(wordGapMs, this.#table.count * wordGapMsPerMember);
    const soonestMs = this.#saidAtMs + Math.min(gapMs, wordGapMsMax);
    this.#dueMs = Math.min(this.#dueMs, Math.max(atMs, soonestMs));
  }
}
