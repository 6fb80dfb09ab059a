/**
 * Keeps channels open, so that a question costs one round trip. Decides which one goes when there
 * are too many: the one not used for longest, never one with a question under way.
 */
import type { Client } from '@grpc/grpc-js';
import type { Address } from '@herald/core';
import { HeraldClientError } from '../errors.ts';
import { clientLimits } from '../tuning.ts';

interface Channel<Stub> {
  readonly stub: Stub;
  inUse: number;
}

export class ChannelPool<Stub extends Client> {
  readonly #open: (address: Address) => Stub;
  /** Least recently used first. */
  readonly #channels = new Map<Address, Channel<Stub>>();
  #isClosed = false;

  constructor(open: (address: Address) => Stub) {
    this.#open = open;
  }

  /** Lends the channel to `address`; `giveBack` must follow, once. */
  borrow(address: Address): { readonly stub: Stub; readonly giveBack: () => void } {
    if (this.#isClosed) throw new HeraldClientError('CLOSED', 'the transport was disposed');
    const channel = this.#channels.get(address) ?? { stub: this.#open(address), inUse: 0 };
    this.#channels.delete(address);
    this.#channels.set(address, channel);
    channel.inUse++;
    this.#shrink();
    const giveBack = (): void => {
      channel.inUse--;
    };
    return { stub: channel.stub, giveBack };
  }

  close(): void {
    this.#isClosed = true;
    for (const { stub } of this.#channels.values()) stub.close();
    this.#channels.clear();
  }

  #shrink(): void {
    for (const [address, { inUse, stub }] of this.#channels) {
      if (this.#channels.size <= clientLimits.channelsMax) return;
      if (inUse > 0) continue;
      this.#channels.delete(address);
      stub.close();
    }
  }
}
