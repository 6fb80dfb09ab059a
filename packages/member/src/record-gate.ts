/**
 * Decides what becomes of a record that a link brought and that nobody trusted has signed. It is never
 * taken and so never passed on; what differs is the link.
 *
 * An honest member passes on only what it has verified. So whoever sends what is unsigned, or what the
 * key that it names has not signed, lies or runs without signatures: the link ends. A key that we do not
 * know proves nothing of the kind: while keys are rotated, trust sets are replaced one member after the
 * other, and to cut all links between those that are done and those that are not would tear the tier apart.
 */
import type { HeldRecord, LinkId, SealedRecord } from '@herald/core';
import type { RecordCheck, RecordObjection } from '@herald/wire';
import type { MemberLogger } from './options.ts';

/** One line in a minute for each reason is enough to act on; all are counted. */
const logIntervalMs = 60_000;

export type RecordsRefused = Readonly<Record<RecordObjection, number>>;

/** What to do with a frame that carries a record. */
export type GateVerdict =
  { readonly kind: 'pass' | 'drop' } | { readonly kind: 'close'; readonly reason: string };

export class RecordGate {
  readonly #trust: RecordCheck | undefined;
  readonly #logger: MemberLogger;
  readonly #refused: Record<RecordObjection, number> = {
    unsigned: 0,
    'unknown-key': 0,
    'bad-signature': 0,
  };
  readonly #loggedAtMs = new Map<RecordObjection, number>();

  /** @param trust Without one, all records pass. */
  constructor(trust: RecordCheck | undefined, logger: MemberLogger) {
    this.#trust = trust;
    this.#logger = logger;
  }

  /** Records refused since the start, by reason. */
  get refused(): RecordsRefused {
    return { ...this.#refused };
  }

  /** Whether what is held would not be taken now. */
  isDistrusted(held: HeldRecord | undefined): boolean {
    return held !== undefined && this.#trust?.objectionTo(held.sealed) !== undefined;
  }

  judge(sealed: SealedRecord, link: LinkId, nowMs: number): GateVerdict {
    const objection = this.#trust?.objectionTo(sealed);
    if (objection === undefined) return { kind: 'pass' };
    this.#refused[objection]++;
    this.#log(objection, sealed, link, nowMs);
    if (objection === 'unknown-key') return { kind: 'drop' };
    return { kind: 'close', reason: `record refused: ${objection}` };
  }

  #log(objection: RecordObjection, { record, keyId }: SealedRecord, link: LinkId, nowMs: number) {
    const lastMs = this.#loggedAtMs.get(objection) ?? -Infinity;
    if (nowMs - lastMs < logIntervalMs) return;
    this.#loggedAtMs.set(objection, nowMs);
    const { election, issuer } = record;
    this.#logger.warn({ link, objection, keyId, election, issuer }, 'record refused');
  }
}
