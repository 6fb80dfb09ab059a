/**
 * Decides what this member believes: one record per election, and the only place where a held
 * version changes. It changes forward only (P2), unless its signer lost the fleet's trust. Here too: when a record ceases to be believable,
 * and the hash that two members compare.
 */
import type { EffectSink } from './effects.ts';
import type { PushMode, StateHash } from './frames.ts';
import type { ElectionName, LinkId } from './ids.ts';
import { limits } from './limits.ts';
import type { HeldRecord } from './record.ts';
import { XorHash, electionHash } from './state-hash.ts';
import { changeOf, isNewer, isSameChange } from './version.ts';
import type { Version } from './version.ts';

/** How one change of leader (not its renewals) came and went on. */
export interface ChangeTrace {
  readonly version: Version;
  readonly appliedAtMs: number;
  readonly hops: number;
  /** Pushes of this very version that this member sent, by mode. */
  readonly pushesSent: Readonly<Record<PushMode, number>>;
}

/** One election as this member knows it. */
export interface Slot {
  held: HeldRecord;
  /** The link that brought it; undefined where it was published. */
  parent: LinkId | undefined;
  expiryTold: boolean;
  readonly trace: Omit<ChangeTrace, 'pushesSent'> & {
    readonly pushesSent: Record<PushMode, number>;
  };
}

/** Whether renewals of something that is held are missed, and since when. */
export type Overdue = 'no' | 'lately' | 'long';

/** Renewals that were missed for as many validities are not expected from one round to the next any more. */
const validitiesOfHope = 10;

export class HeldRecords {
  readonly #slots = new Map<ElectionName, Slot>();
  readonly #hash = new XorHash();
  readonly #emit: EffectSink;
  #nextExpiryMs = Infinity;

  constructor(emit: EffectSink) {
    this.#emit = emit;
  }

  /** Of the changes held. Renewals come so often that two members seldom hold the same one: they are not in it. */
  get hash(): StateHash {
    return this.#hash.value;
  }

  /** When the next record may cease to be believable. */
  get nextExpiryMs(): number {
    return this.#nextExpiryMs;
  }

  /** Whether an election that is not held yet would not be kept. */
  get isFull(): boolean {
    return this.#slots.size >= limits.electionsMax;
  }

  get(election: ElectionName): Slot | undefined {
    return this.#slots.get(election);
  }

  elections(): ElectionName[] {
    return [...this.#slots.keys()];
  }

  entries(): IterableIterator<[ElectionName, Slot]> {
    return this.#slots.entries();
  }

  /** Takes the record if it is newer than what is held and there is room for its election. */
  apply(held: HeldRecord, parent: LinkId | undefined): boolean {
    const { election, version } = held.sealed.record;
    const slot = this.#slots.get(election);
    const previous = slot?.held;
    if (!isNewer(version, previous?.sealed.record.version)) return false;
    if (previous === undefined && this.isFull) return false;
    const isChange =
      previous === undefined || !isSameChange(version, previous.sealed.record.version);
    const trace =
      isChange || slot === undefined
        ? {
            version,
            appliedAtMs: held.appliedAtMs,
            hops: held.hops,
            pushesSent: { eager: 0, lazy: 0, repair: 0 },
          }
        : slot.trace;
    if (isChange) {
      if (previous !== undefined) this.#toggle(election, previous.sealed.record.version);
      this.#toggle(election, version);
    }
    this.#slots.set(election, { held, parent, expiryTold: false, trace });
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, expiryMs(held));
    const revives = !isChange && expiryMs(previous) <= held.appliedAtMs;
    this.#emit({ kind: 'applied', held, previous, isChange, revives });
    return true;
  }

  /** Holds nothing of this election any longer. */
  disown(election: ElectionName): void {
    const slot = this.#slots.get(election);
    if (slot === undefined) return;
    const { version } = slot.held.sealed.record;
    this.#toggle(election, version);
    this.#slots.delete(election);
    this.#emit({ kind: 'disowned', election, version });
  }

  /**
   * Whether a leader's renewals seem to pass us by: they come every third of the validity. How old they are when they come
   * says nothing of that: on a busy fleet all of them are late, and none is missing. Where the link that brought the last
   * one is gone, the next one is not waited for. `long`: for so long that there may be none any more, anywhere.
   */
  overdue(isUp: (link: LinkId) => boolean, nowMs: number): Overdue {
    let overdue: Overdue = 'no';
    for (const { held, parent } of this.#slots.values()) {
      const { record } = held.sealed;
      if (record.kind !== 'leader') continue;
      const silentMs = nowMs - held.appliedAtMs;
      const isOrphaned = parent !== undefined && !isUp(parent);
      if (!isOrphaned && silentMs <= record.validityMs / 2) continue;
      if (silentMs <= validitiesOfHope * record.validityMs) return 'lately';
      overdue = 'long';
    }
    return overdue;
  }

  /** Adds to the hash what was absent, or removes what was there. */
  #toggle(election: ElectionName, version: Version): void {
    this.#hash.toggle(electionHash(election, changeOf(version)));
  }

  /** Tells, once per record, that it can no longer be believed. */
  tellExpired(nowMs: number): void {
    if (nowMs < this.#nextExpiryMs) return;
    this.#nextExpiryMs = Infinity;
    for (const [election, slot] of this.#slots) {
      if (slot.expiryTold) continue;
      const atMs = expiryMs(slot.held);
      if (atMs > nowMs) {
        this.#nextExpiryMs = Math.min(this.#nextExpiryMs, atMs);
      } else {
        slot.expiryTold = true;
        this.#emit({ kind: 'expired', election, version: slot.held.sealed.record.version });
      }
    }
  }
}

/** When the held claim can no longer be true, on this member's clock. */
function expiryMs(held: HeldRecord): number {
  const { record } = held.sealed;
  if (record.kind === 'vacancy') return Infinity;
  return held.appliedAtMs + record.validityMs - held.ageAtApplyMs;
}
