/**
 * All that the customers told. Decides which leadership was the newest to sell, and for how long nobody was
 * served when one replica gave way to another.
 */
import type { CustomersMessage, FailedDraw, Purchase } from '../protocol/messages.ts';

export class Sales {
  readonly purchases: Purchase[] = [];
  readonly failures: FailedDraw[] = [];
  #newestEpoch = 0n;

  take({ purchases, failures }: CustomersMessage): void {
    this.failures.push(...failures);
    for (const purchase of purchases) {
      this.purchases.push(purchase);
      const epoch = BigInt(purchase.epoch);
      if (epoch > this.#newestEpoch) this.#newestEpoch = epoch;
    }
  }

  /** Of the newest leadership that has sold; 0 before the first ticket. */
  get newestEpoch(): bigint {
    return this.#newestEpoch;
  }

  /**
   * From the last ticket that somebody was handed at `address` to the first elsewhere after `sinceMs`.
   *
   * By where a ticket was handed over, not by the epoch on it: a successor also hands over what its predecessor
   * sold, to those who did not get to hear of it.
   */
  unservedMs(address: string, sinceMs: number): number {
    let firstMs = Infinity;
    for (const purchase of this.purchases) {
      const { endMs } = purchase;
      if (purchase.address !== address && endMs > sinceMs) firstMs = Math.min(firstMs, endMs);
    }
    let lastMs = 0;
    for (const purchase of this.purchases) {
      const { endMs } = purchase;
      if (purchase.address === address && endMs < firstMs) lastMs = Math.max(lastMs, endMs);
    }
    return firstMs - (lastMs === 0 ? sinceMs : lastMs);
  }
}
