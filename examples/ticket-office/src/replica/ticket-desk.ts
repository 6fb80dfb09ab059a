/**
 * The desk at which a leader sells. Decides which number a request is given: the next one after the highest
 * that was ever written down, each number once in a leadership.
 *
 *   new leadership ──► pass the fence, and read the last number ──► count on from there, in memory
 *
 * The order matters: a leader that read first and passed the fence later could miss what a predecessor
 * wrote in between, and sell it again. A number whose write came to an unknown end is never used again.
 */
import { compareTokens } from '@herald/elector';
import type { FencingToken } from '@herald/elector';
import type { DrawRequest } from '../protocol/services.ts';
import type { Ticket, TicketStore } from './store-client.ts';

export class TicketDesk {
  readonly #store: TicketStore;
  readonly #print: () => Promise<void>;
  #series: Series | undefined;

  /** @param print What a real service does between choosing a number and writing it down. */
  constructor(store: TicketStore, print: () => Promise<void>) {
    this.#store = store;
    this.#print = print;
  }

  /**
   * Sells one ticket under that leadership; resolves when it is written down.
   *
   * @throws OvertakenError when a later leadership has been at the store: nothing was sold. After any
   *   other error the request may have been sold a ticket, which it gets when it is repeated.
   */
  async sell({ lineage, epoch }: FencingToken, request: DrawRequest): Promise<Ticket> {
    const series = this.#seriesOf({ lineage, epoch });
    const number = await series.next();
    // Here a leader may be stopped for longer than its lease, and go on as if nothing had happened.
    await this.#print();
    return this.#store.append(series.token, number, request);
  }

  #seriesOf(token: FencingToken): Series {
    const held = this.#series;
    if (held !== undefined && !held.hasFailed && compareTokens(held.token, token) === 0)
      return held;
    return (this.#series = new Series(token, this.#store.open(token)));
  }
}

/** The numbers of one leadership. */
class Series {
  readonly token: FencingToken;
  /** The store could not be opened, so that no number was given: another series may try. */
  hasFailed = false;
  readonly #opened: Promise<number>;
  #given = 0;

  constructor(token: FencingToken, opened: Promise<number>) {
    this.token = token;
    this.#opened = opened;
    opened.catch(() => {
      this.hasFailed = true;
    });
  }

  async next(): Promise<number> {
    const last = await this.#opened;
    return last + ++this.#given;
  }
}
