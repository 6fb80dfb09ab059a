/**
 * A customer who draws one ticket after the other through `withLeader`. Decides nothing about leaders: that
 * is the client's business. What it is told, or not told, it notes down.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client as GrpcClient } from '@grpc/grpc-js';
import { createClient, HeraldClientError } from '@herald/client';
import type { Client, ClientOptions } from '@herald/client';
import type { Random } from '@herald/core';
import { monotonicNowMs } from '@herald/process';
import type { Draw, FailedDraw, Purchase } from '../protocol/messages.ts';
import { ticketsService } from '../protocol/services.ts';
import type { TicketMessage } from '../protocol/services.ts';
import { dial, unary } from '../protocol/unary.ts';

/** What a customer does between two draws, on average: 50 of them then draw some 120 tickets a second. */
const thinkMeanMs = 200;

export interface CustomerOptions {
  readonly name: string;
  readonly seeds: readonly string[];
  readonly election: string;
  /** How it reaches nodes, and whose records it believes: that of its program, as is usual. */
  readonly herald: Pick<ClientOptions, 'transport' | 'trustedKeys'>;
  /** How long it waits for a ticket. */
  readonly timeoutMs: number;
  readonly random: Random;
  readonly counters: Counters;
  readonly onPurchase: (purchase: Purchase) => void;
  readonly onFailure: (failure: FailedDraw) => void;
}

export class Customer implements AsyncDisposable {
  readonly #options: CustomerOptions;
  readonly #herald: Client;
  #requests = 0;

  constructor(options: CustomerOptions) {
    this.#options = options;
    const { seeds, election, random, herald } = options;
    this.#herald = createClient({ ...herald, seeds, election, random });
  }

  /** Draws until `signal` aborts; the draw that is under way is brought to its end. */
  async drawUntil(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#drawOne();
      const thinkMs = 2 * thinkMeanMs * this.#options.random();
      await delay(thinkMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#herald.close();
  }

  async #drawOne(): Promise<void> {
    const { name, timeoutMs, counters, onPurchase, onFailure } = this.#options;
    // The same for each repetition, so that a repeated request is not sold a second ticket.
    const requestId = `${name}/${String(++this.#requests)}`;
    const startMs = monotonicNowMs();
    const facts = (): Draw => ({
      ...{ customer: name, requestId, timeoutMs, startMs },
      endMs: monotonicNowMs(),
    });
    try {
      const { ticket, address } = await this.#herald.withLeader(
        async (leader, { signal, headers }) => ({
          ticket: await counters.draw(
            leader.address,
            { requestId, customer: name },
            signal,
            headers,
          ),
          address: leader.address,
        }),
        { idempotent: true, timeoutMs },
      );
      onPurchase({ ...facts(), ...ticket, address });
    } catch (error) {
      const code = error instanceof HeraldClientError ? error.code : undefined;
      const message = error instanceof Error ? error.message : String(error);
      onFailure({ ...facts(), code, message });
    }
  }
}

/** The connections to the replicas' counters, shared by all customers of a process. */
export class Counters implements Disposable {
  readonly #clients = new Map<string, GrpcClient>();

  draw(
    address: string,
    request: { readonly requestId: string; readonly customer: string },
    signal: AbortSignal,
    headers: Readonly<Record<string, string>>,
  ): Promise<TicketMessage> {
    let client = this.#clients.get(address);
    if (client === undefined) this.#clients.set(address, (client = dial(address)));
    return unary(client, ticketsService.Draw, request, { signal, headers });
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients.values()) client.close();
  }
}
