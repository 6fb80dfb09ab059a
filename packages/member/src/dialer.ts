/**
 * Opens outbound streams: one channel per link, and a stream only once its connection stands, so
 * that the first frame measures the network and not the set-up.
 */
import { connect } from 'node:net';
import { connectivityState, credentials } from '@grpc/grpc-js';
import type { ChannelCredentials, ClientDuplexStream } from '@grpc/grpc-js';
import type { Address, CloseCause, Effect, Frame, LinkId, Vouched } from '@herald/core';
import { GossipClient, channelOptions, gossipService, tlsTroubleIn, vouchedBy } from '@herald/wire';
import type { IncomingFrame } from '@herald/wire';
import { dialedStream } from './grpc-streams.ts';
import { unbracketed } from './host.ts';
import type { FrameStream } from './link-stream.ts';
import type { StatsCollector } from './stats.ts';
import type { Gatekeeper } from './tls/gatekeeper.ts';

export interface DialerListener {
  /** @param vouched What the certificate of whoever answered says of it, with TLS. */
  dialed(link: LinkId, stream: FrameStream, vouched: Vouched | undefined): void;
  failed(link: LinkId, reason: string, cause: CloseCause): void;
}

/** A dial that opens a stream. */
interface Opening {
  readonly link: LinkId;
  readonly address: Address;
  /** What the certificate of whoever answered says, once it has. */
  vouched?: Vouched | undefined;
}

/** A dial that is under way: the means by which it can be ended. */
interface Attempt {
  close(): void;
}

export class Dialer {
  readonly #gate: Gatekeeper | undefined;
  readonly #listener: DialerListener;
  readonly #stats: StatsCollector;
  readonly #pending = new Map<LinkId, Attempt>();

  constructor(gate: Gatekeeper | undefined, stats: StatsCollector, listener: DialerListener) {
    this.#stats = stats;
    this.#gate = gate;
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
    const opening: Opening = { link, address };
    const client = new GossipClient(address, this.#credentials(opening), channelOptions.link);
    this.#pending.set(link, client);
    this.#follow(opening, client);
  }

  /** With TLS each channel has its own, so that what is noted is of whoever is on this very link. */
  #credentials(opening: Opening): ChannelCredentials {
    if (this.#gate === undefined) return credentials.createInsecure();
    return this.#gate.tls.memberChannel((peer) => {
      opening.vouched = vouchedBy(peer);
    });
  }

  #open(client: GossipClient): ClientDuplexStream<Frame, IncomingFrame> {
    const { encode, decode } = this.#stats;
    return client.makeBidiStreamRequest(gossipService.link.path, encode, decode);
  }

  #follow(opening: Opening, client: GossipClient): void {
    const { link } = opening;
    if (!this.#pending.has(link)) return; // cancelled
    const channel = client.getChannel();
    const state = channel.getConnectivityState(true);
    switch (state) {
      case connectivityState.READY: {
        this.#pending.delete(link);
        const release = (): void => {
          client.close();
        };
        const stream = dialedStream(this.#open(client), release);
        this.#listener.dialed(link, stream, opening.vouched);
        return;
      }
      case connectivityState.TRANSIENT_FAILURE:
        this.#findCause(opening, client);
        return;
      case connectivityState.SHUTDOWN:
        this.cancel(link);
        this.#listener.failed(link, 'cannot connect', 'lost');
        return;
      case connectivityState.IDLE:
      case connectivityState.CONNECTING:
        channel.watchConnectivityState(state, Infinity, () => {
          this.#follow(opening, client);
        });
    }
  }

  /**
   * A channel does not tell why it cannot connect, but a call on it ends at once and does. That nobody
   * listens at a port says much more of the process there than that no answer came; that TLS did not
   * come about, though somebody answered, says nothing against its life.
   */
  #findCause(opening: Opening, client: GossipClient): void {
    const { link } = opening;
    const call = this.#open(client);
    call.on('error', (error: Error) => {
      if (!this.#pending.has(link)) return; // cancelled
      this.cancel(link);
      const { message } = error;
      const trouble = this.#gate === undefined ? undefined : tlsTroubleIn(message);
      if (message.includes('ECONNREFUSED')) {
        this.#listener.failed(link, message, 'refused');
      } else if (trouble === undefined) {
        this.#listener.failed(link, message, 'lost');
      } else {
        this.#gate?.noteFailedDial(opening.address, trouble);
        const cause = trouble.isAnswered ? 'ended' : 'lost';
        this.#listener.failed(link, trouble.explanation, cause);
      }
    });
  }
}

function hostAndPort(address: Address): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: unbracketed(address.slice(0, colon)), port: Number(address.slice(colon + 1)) };
}
