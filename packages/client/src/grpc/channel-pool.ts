/**
 * Keeps channels open, so that a question costs one round trip. Decides which one goes when there
 * are too many: the one not used for longest, never one with a question under way. Also that a channel
 * of credentials that were replaced is lent no more, and closed when the last question on it ends.
 */
import type { ChannelCredentials, Client } from '@grpc/grpc-js';
import type { Address } from '@herald/core';
import { HeraldClientError } from '../errors.ts';
import { clientLimits } from '../tuning.ts';

interface Channel<Stub> {
  readonly stub: Stub;
  readonly credentials: ChannelCredentials;
  inUse: number;
  isRetired: boolean;
}

export class ChannelPool<Stub extends Client> {
  readonly #credentials: () => ChannelCredentials;
  readonly #open: (address: Address, credentials: ChannelCredentials) => Stub;
  /** Least recently used first. */
  readonly #channels = new Map<Address, Channel<Stub>>();
  #isClosed = false;

  /** @param credentials Those in force; another object when they were replaced. */
  constructor(
    credentials: () => ChannelCredentials,
    open: (address: Address, credentials: ChannelCredentials) => Stub,
  ) {
    this.#credentials = credentials;
    this.#open = open;
  }

  /** Lends the channel to `address`; `giveBack` must follow, once. */
  borrow(address: Address): { readonly stub: Stub; readonly giveBack: () => void } {
    if (this.#isClosed) throw new HeraldClientError('CLOSED', 'the transport was disposed');
    const channel = this.#present(address);
    this.#channels.delete(address);
    this.#channels.set(address, channel);
    channel.inUse++;
    this.#shrink();
    const giveBack = (): void => {
      channel.inUse--;
      if (channel.isRetired && channel.inUse === 0) channel.stub.close();
    };
    return { stub: channel.stub, giveBack };
  }

  close(): void {
    this.#isClosed = true;
    for (const { stub } of this.#channels.values()) stub.close();
    this.#channels.clear();
  }

  #present(address: Address): Channel<Stub> {
    const credentials = this.#credentials();
    const known = this.#channels.get(address);
    if (known?.credentials === credentials) return known;
    if (known !== undefined) this.#retire(known);
    const stub = this.#open(address, credentials);
    return { stub, credentials, inUse: 0, isRetired: false };
  }

  #retire(channel: Channel<Stub>): void {
    channel.isRetired = true;
    if (channel.inUse === 0) channel.stub.close();
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
