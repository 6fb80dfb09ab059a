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

/** The leader as etcd was read to have it, in one of its histories. */
export interface ReadLeader {
  readonly lineage: number;
  readonly key: CandidateKey;
}

export interface VoucherOptions {
  readonly leases: Pick<EtcdLeases, 'life'>;
  readonly random: Random;
  readonly trouble: TroubleLog;
  /** What the tier holds now, and its clock. */
  readonly held: () => HeldRecord | undefined;
  readonly nowMs: () => number;
  /** Validity that a key without a lease is vouched for with. */
  readonly ttlMs: number;
  readonly vouch: (leader: ReadLeader, validityMs: number) => void;
}

export class Voucher implements Disposable {
  readonly #options: VoucherOptions;
  readonly #backoff: Backoff;
  #leader: ReadLeader | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;

  constructor(options: VoucherOptions) {
    this.#options = options;
    this.#backoff = new Backoff(pace.vouchBackoff, options.random);
  }

  /** Watches over the tier's record of the leader that was read last; undefined: of nobody. */
  watchOver(leader: ReadLeader | undefined): void {
    const isAnother = !isSameLeader(this.#leader, leader);
    this.#leader = leader;
    if (isAnother || leader === undefined) this.#disarm();
    if (leader === undefined) this.#options.trouble.clear('vouching');
    if (leader !== undefined && this.#timer === undefined) this.#armForRecord(leader);
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
      const leader = this.#leader;
      if (leader === undefined || this.#isAsking) return;
      if (this.#untilAgedMs(leader, pace.vouchAfterShare) > 0) {
        // The leader is heard again, so that nobody needs what etcd did not say.
        this.#options.trouble.clear('vouching');
        this.#armForRecord(leader);
      } else {
        void this.#ask(leader);
      }
    }, delayMs);
  }

  #armForRecord(leader: ReadLeader): void {
    const spread = pace.vouchSpreadShare * this.#options.random();
    this.#arm(this.#untilAgedMs(leader, pace.vouchAfterShare + spread));
  }

  /** Until the tier's record of the leader reaches that share of its validity; 0 when there is none. */
  #untilAgedMs({ lineage, key }: ReadLeader, share: number): number {
    const held = this.#options.held();
    const record = held?.sealed.record;
    if (held === undefined || record?.kind !== 'leader') return 0;
    const change = { lineage, epoch: key.createRevision, sequence: key.modRevision, renewal: 0 };
    if (!isSameChange(record.version, change)) return 0;
    return Math.max(0, record.validityMs * share - ageMs(held, this.#options.nowMs()));
  }

  async #ask(leader: ReadLeader): Promise<void> {
    const { trouble, vouch } = this.#options;
    this.#isAsking = true;
    let isDone = false;
    try {
      const life = await this.#lifeOf(leader.key);
      trouble.clear('vouching');
      // A lease that is gone takes its key along, and the watch will tell.
      if (life.kind === 'alive' && isSameLeader(this.#leader, leader)) {
        vouch(leader, life.remainingMsMax);
        isDone = true;
      }
    } catch (error) {
      trouble.note('vouching', error);
    }
    this.#isAsking = false;
    if (isDone) this.#backoff.reset();
    if (this.#leader === undefined) return;
    if (isDone) this.#armForRecord(this.#leader);
    else this.#arm(pace.vouchRetryMs + this.#backoff.nextDelayMs());
  }

  /** A key without a lease was put by hand, and stays until it is deleted by hand. */
  async #lifeOf({ leaseId }: CandidateKey): Promise<LeaseLife> {
    const { leases, ttlMs } = this.#options;
    if (leaseId !== 0n) return leases.life(leaseId);
    return { kind: 'alive', remainingMsMax: ttlMs };
  }
}

function isSameLeader(a: ReadLeader | undefined, b: ReadLeader | undefined): boolean {
  return a?.lineage === b?.lineage && a?.key.modRevision === b?.key.modRevision;
}
