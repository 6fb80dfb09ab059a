/**
 * Troubles one leader after the other. Decides when the next one's turn is: a moment after it has sold its
 * first ticket, and while another stands in line. So there is always somebody to take over, and a leader in
 * office for about a second; what happens to whom follows from a seed.
 */
import { pickSome, seededRandom } from '@herald/core';
import type { Random } from '@herald/core';
import { sleep } from '@herald/lab';
import { monotonicNowMs } from '@herald/process';
import type { Office } from '../office/office.ts';
import type { ReplicaProcess } from '../office/replica-process.ts';
import { befall } from './troubles.ts';
import type { Cause, Trouble } from './troubles.ts';

/** How long a leader is left in peace: 0.5 to 1.5 s, "every second or so". */
const peaceMsMin = 500;
const peaceMsSpread = 1_000;
/** A leader that is troubled is followed by another within a lease and a little; this is when to give up. */
const recoveryTimeoutMs = 60_000;

export interface Strike {
  readonly cause: Cause;
  readonly replicaId: string;
  /** Where customers reached it. */
  readonly address: string;
  readonly epoch: bigint;
  readonly struckMs: number;
}

export interface Recovery extends Strike {
  readonly nextEpoch: bigint;
  /** For how long no customer was handed a ticket. */
  readonly unservedMs: number;
}

export interface ChaosOptions {
  readonly office: Office;
  readonly ttlMs: number;
  /** What may happen; at least one. */
  readonly causes: readonly Cause[];
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly onRecovery: (recovery: Recovery) => void;
}

export class Chaos {
  readonly #options: ChaosOptions;
  readonly #random: Random;
  readonly #recoveries: Recovery[] = [];
  readonly #healing = new Set<Promise<void>>();
  #bag: Cause[] = [];
  /** The first trouble that could not be made good. */
  #failure: Error | undefined;

  constructor(options: ChaosOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  /**
   * Strikes until `untilMs`, then makes all good; resolves when the last trouble is over.
   * @throws LabError `timeout` when nobody takes over, or a replica does not come back
   */
  async run(untilMs: number): Promise<readonly Recovery[]> {
    const { signal, onRecovery } = this.#options;
    while (monotonicNowMs() < untilMs) {
      await sleep(peaceMsMin + this.#random() * peaceMsSpread, signal);
      const leader = await this.#untilReady();
      if (monotonicNowMs() >= untilMs) break;
      const recovery = await this.#untilRecovered(await this.#strike(leader));
      this.#recoveries.push(recovery);
      onRecovery(recovery);
    }
    await Promise.all(this.#healing);
    this.#throwIfFailed();
    return this.#recoveries;
  }

  async #strike(leader: ReplicaProcess): Promise<Strike> {
    const { ttlMs, office } = this.#options;
    const cause = this.#nextCause();
    const epoch = office.sales.newestEpoch;
    const { id: replicaId, address } = leader;
    const strike = { cause, replicaId, address, epoch, struckMs: monotonicNowMs() };
    const trouble = await befall(cause, leader, {
      ...{ ttlMs, random: this.#random },
      operator: office.security.operator,
    });
    this.#healLater(trouble);
    return strike;
  }

  /** The others may be troubled meanwhile. */
  #healLater({ lastsMs, heal }: Trouble): void {
    const { signal } = this.#options;
    const healing = sleep(lastsMs, signal)
      .then(() => heal(signal))
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => this.#healing.delete(healing));
    this.#healing.add(healing);
  }

  /** Each cause once, in random order, before any comes again. */
  #nextCause(): Cause {
    const { causes } = this.#options;
    if (this.#bag.length === 0) this.#bag = pickSome(causes, causes.length, this.#random);
    return this.#bag.pop() ?? 'step-down';
  }

  /** The one who leads and sells, once another stands in line. */
  #untilReady(): Promise<ReplicaProcess> {
    const { office, signal } = this.#options;
    return office.untilCustomers(
      'one replica to sell and another to stand in line',
      () => {
        this.#throwIfFailed();
        const { newestEpoch } = office.sales;
        if (!office.replicas.some(({ standsInLine }) => standsInLine)) return undefined;
        return office.replicas.find(({ leadsBy }) => leadsBy === newestEpoch);
      },
      recoveryTimeoutMs,
      signal,
    );
  }

  async #untilRecovered(strike: Strike): Promise<Recovery> {
    const { office, signal } = this.#options;
    const { epoch, replicaId, cause, address, struckMs } = strike;
    await office.untilCustomers(
      `a ticket from the one who follows ${replicaId} (${cause})`,
      () => {
        this.#throwIfFailed();
        return office.sales.newestEpoch > epoch;
      },
      recoveryTimeoutMs,
      signal,
    );
    const unservedMs = office.sales.unservedMs(address, struckMs);
    return { ...strike, nextEpoch: office.sales.newestEpoch, unservedMs };
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
