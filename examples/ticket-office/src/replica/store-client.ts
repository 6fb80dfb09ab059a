/**
 * The store as a leader sees it. Decides what its answers mean: done, refused for good, or unknown.
 */
import { status } from '@grpc/grpc-js';
import type { Client } from '@grpc/grpc-js';
import type { FencingToken } from '@herald/elector';
import { storeService, toToken, toTokenMessage } from '../protocol/services.ts';
import type { DrawRequest } from '../protocol/services.ts';
import { dial, unary } from '../protocol/unary.ts';

/** Many times what a write takes; a write that took longer may still be done, and nobody knows. */
const storeTimeoutMs = 2_000;

export interface Ticket extends FencingToken {
  readonly number: number;
}

/** A later leadership has been at the store: this write was not done, and never will be. */
export class OvertakenError extends Error {}

export interface TicketStore {
  /** @throws OvertakenError; any other error leaves open whether it was done */
  open(token: FencingToken): Promise<number>;
  /** @throws OvertakenError; any other error leaves open whether it was done */
  append(token: FencingToken, number: number, request: DrawRequest): Promise<Ticket>;
}

export class StoreClient implements TicketStore, Disposable {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = dial(address);
  }

  async open(token: FencingToken): Promise<number> {
    const request = { token: toTokenMessage(token) };
    const { lastNumber } = await overtaken(
      unary(this.#client, storeService.Open, request, { timeoutMs: storeTimeoutMs }),
    );
    return lastNumber;
  }

  async append(
    token: FencingToken,
    number: number,
    { requestId, customer }: DrawRequest,
  ): Promise<Ticket> {
    const request = { token: toTokenMessage(token), number, requestId, customer };
    const { ticket } = await overtaken(
      unary(this.#client, storeService.Append, request, { timeoutMs: storeTimeoutMs }),
    );
    return { ...toToken(ticket), number: ticket?.number ?? number };
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

async function overtaken<Response>(answer: Promise<Response>): Promise<Response> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === status.FAILED_PRECONDITION) {
      throw new OvertakenError(error.message, { cause: error });
    }
    throw error;
  }
}
