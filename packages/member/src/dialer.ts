/**
 * Opens outbound streams: one channel per link, and a stream only once its connection stands, so
 * that the first frame measures the network and not the set-up.
 */
import { connect } from 'node:net';
import { connectivityState } from '@grpc/grpc-js';
import type { ChannelCredentials, ClientDuplexStream } from '@grpc/grpc-js';
import type { Address, CloseCause, Effect, Frame, LinkId } from '@herald/core';
import { GossipClient, channelOptions, gossipService } from '@herald/wire';
import type { IncomingFrame } from '@herald/wire';
import { dialedStream } from './grpc-streams.ts';
import type { FrameStream } from './link-stream.ts';
import type { StatsCollector } from './stats.ts';

export interface DialerListener {
  dialed(link: LinkId, stream: FrameStream): void;
  failed(link: LinkId, reason: string, cause: CloseCause): void;
}

/** A dial that is under way: the means by which it can be ended. */
interface Attempt {
  close(): void;
}

export class Dialer {
  readonly #credentials: ChannelCredentials;
  readonly #listener: DialerListener;
  readonly #stats: StatsCollector;
  readonly #pending = new Map<LinkId, Attempt>();

  constructor(credentials: ChannelCredentials, stats: StatsCollector, listener: DialerListener) {
    this.#stats = stats;
    this.#credentials = credentials;
    this.#listener = listener;
  }

  /**
   * Fails at the first refusal; how long a silent dial may take is the core's to say, by `cancel`. Where
   * it is doubtful whether anybody is there, a bare connection knocks first: a channel costs some twenty
   * times as much, and after a mass failure most dials end in nothing. A glance is no more than that knock.
   */
  dial({ link, address, doubtful, glance }: Extract<Effect, { kind: 'dial' }>): void {
    if (glance) {
      this.#knock(link, address, () => {
        this.#pending.delete(link);
        this.#listener.failed(link, 'somebody is there', 'ended');
      });
    } else if (doubtful) {
      this.#knock(link, address, () => {
        this.#connect(link, address);
      });
    } else {
      this.#connect(link, address);
    }
  }

  /** Gives up a dial that is under way, if it is. */
  cancel(link: LinkId): void {
    const attempt = this.#pending.get(link);
    this.#pending.delete(link);
    attempt?.close();
  }

  close(): void {
    for (const link of [...this.#pending.keys()]) this.cancel(link);
  }

  #knock(link: LinkId, address: Address, accepted: () => void): void {
    const socket = connect(hostAndPort(address));
    this.#pending.set(link, { close: () => socket.destroy() });
    socket.once('connect', () => {
      socket.destroy();
      if (this.#pending.has(link)) accepted();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (!this.#pending.delete(link)) return; // cancelled
      const cause = error.code === 'ECONNREFUSED' ? 'refused' : 'lost';
      this.#listener.failed(link, error.message, cause);
    });
  }

  #connect(link: LinkId, address: Address): void {
    const client = new GossipClient(address, this.#credentials, channelOptions.link);
    this.#pending.set(link, client);
    this.#follow(link, client);
  }

  #open(client: GossipClient): ClientDuplexStream<Frame, IncomingFrame> {
    const { encode, decode } = this.#stats;
    return client.makeBidiStreamRequest(gossipService.link.path, encode, decode);
  }

  #follow(link: LinkId, client: GossipClient): void {
    if (!this.#pending.has(link)) return; // cancelled
    const channel = client.getChannel();
    const state = channel.getConnectivityState(true);
    switch (state) {
      case connectivityState.READY: {
        this.#pending.delete(link);
        const release = (): void => {
          client.close();
        };
        this.#listener.dialed(link, dialedStream(this.#open(client), release));
        return;
      }
      case connectivityState.TRANSIENT_FAILURE:
        this.#findCause(link, client);
        return;
      case connectivityState.SHUTDOWN:
        this.cancel(link);
        this.#listener.failed(link, 'cannot connect', 'lost');
        return;
      case connectivityState.IDLE:
      case connectivityState.CONNECTING:
        channel.watchConnectivityState(state, Infinity, () => {
          this.#follow(link, client);
        });
    }
  }

  /**
   * A channel does not tell why it cannot connect, but a call on it ends at once and does. That nobody
   * listens at a port says much more of the process there than that no answer came.
   */
  #findCause(link: LinkId, client: GossipClient): void {
    const call = this.#open(client);
    call.on('error', (error: Error) => {
      if (!this.#pending.has(link)) return; // cancelled
      this.cancel(link);
      const refused = error.message.includes('ECONNREFUSED');
      this.#listener.failed(link, error.message, refused ? 'refused' : 'lost');
    });
  }
}

function hostAndPort(address: Address): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  return { host, port: Number(address.slice(colon + 1)) };
}
