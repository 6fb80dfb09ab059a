/**
 * Decides when an elector vouches for a leader that the tier does not hear: the leader is cut off
 * from the tier, or is not of Herald's make and never renews records. Its record would grow old and
 * expire although its lease lives; so an elector asks etcd about the lease, and says so.
 *
 * It does when half of the record's validity is over, plus a random share of it, and looks once more
 * before: mostly one elector asks and publishes, and the others see that it was done.
 */
import { ageMs, isSameChange } from '@herald/core';
import type { HeldRecord, Random } from '@herald/core';
import { pace } from '../config.ts';
import type { EtcdLeases, LeaseLife } from '../etcd/leases.ts';
import type { TroubleLog } from '../trouble.ts';
import { Backoff } from '../wait.ts';
import type { CandidateKey } from './view.ts';

export interface VoucherOptions {
  readonly lineage: number;
  readonly leases: Pick<EtcdLeases, 'life'>;
  readonly random: Random;
  readonly trouble: TroubleLog;
  /** What the tier holds now, and its clock. */
  readonly held: () => HeldRecord | undefined;
  readonly nowMs: () => number;
  /** Validity that a key without a lease is vouched for with. */
  readonly ttlMs: number;
  readonly vouch: (key: CandidateKey, validityMs: number) => void;
}

export class Voucher implements Disposable {
  readonly #options: VoucherOptions;
  readonly #backoff: Backoff;
  #key: CandidateKey | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;

  constructor(options: VoucherOptions) {
    this.#options = options;
    this.#backoff = new Backoff(pace.vouchBackoff, options.random);
  }

  /** Watches over the tier's record of the leader that was read last; undefined: of nobody. */
  watchOver(key: CandidateKey | undefined): void {
    const isAnother = this.#key?.modRevision !== key?.modRevision;
    this.#key = key;
    if (isAnother || key === undefined) this.#disarm();
    if (key !== undefined && this.#timer === undefined) this.#armForRecord(key);
  }

  [Symbol.dispose](): void {
    this.watchOver(undefined);
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(delayMs: number): void {
    this.#disarm();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const key = this.#key;
      if (key === undefined || this.#isAsking) return;
      if (this.#untilAgedMs(key, pace.vouchAfterShare) > 0) this.#armForRecord(key);
      else void this.#ask(key);
    }, delayMs);
  }

  #armForRecord(key: CandidateKey): void {
    const spread = pace.vouchSpreadShare * this.#options.random();
    this.#arm(this.#untilAgedMs(key, pace.vouchAfterShare + spread));
  }

  /** Until the tier's record of the leader reaches that share of its validity; 0 when there is none. */
  #untilAgedMs(key: CandidateKey, share: number): number {
    const held = this.#options.held();
    const record = held?.sealed.record;
    if (held === undefined || record?.kind !== 'leader') return 0;
    const { lineage } = this.#options;
    const change = { lineage, epoch: key.createRevision, sequence: key.modRevision, renewal: 0 };
    if (!isSameChange(record.version, change)) return 0;
    return Math.max(0, record.validityMs * share - ageMs(held, this.#options.nowMs()));
  }

  async #ask(key: CandidateKey): Promise<void> {
    const { trouble, vouch } = this.#options;
    this.#isAsking = true;
    let isDone = false;
    try {
      const life = await this.#lifeOf(key);
      trouble.clear('vouching');
      // A lease that is gone takes its key along, and the watch will tell.
      if (life.kind === 'alive' && this.#key?.modRevision === key.modRevision) {
        vouch(key, life.remainingMsMax);
        isDone = true;
      }
    } catch (error) {
      trouble.note('vouching', error);
    }
    this.#isAsking = false;
    if (isDone) this.#backoff.reset();
    if (this.#key === undefined) return;
    if (isDone) this.#armForRecord(this.#key);
    else this.#arm(pace.vouchRetryMs + this.#backoff.nextDelayMs());
  }

  /** A key without a lease was put by hand, and stays until it is deleted by hand. */
  async #lifeOf({ leaseId }: CandidateKey): Promise<LeaseLife> {
    const { leases, ttlMs } = this.#options;
    if (leaseId !== 0n) return leases.life(leaseId);
    return { kind: 'alive', remainingMsMax: ttlMs };
  }
}
