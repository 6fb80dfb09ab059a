/**
 * One TCP connection to one etcd endpoint, and nothing shared with any other: what etcd3 and grpc-js
 * would decide on their own (retries, circuit breakers, which connections to share, when to dial
 * again) is switched off here, so that the session above decides it.
 */
import { Etcd3 } from 'etcd3';
import type { IOptions, KVClient, LeaseClient, WatchClient } from 'etcd3';

/** What is needed of a stream to end it. */
export interface Cancellable {
  cancel(): void;
}

type FaultPolicy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>;

const neverHappens = () => ({ dispose: () => undefined });

/** Runs once, as asked: etcd3's default would repeat writes and, after three errors, refuse for 5 s. */
const noPolicy = {
  onSuccess: neverHappens,
  onFailure: neverHappens,
  execute: async (run, signal) => run({ signal: signal ?? new AbortController().signal }),
} as Omit<FaultPolicy, '_altReturn'> as FaultPolicy;

const channelOptions = {
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_channelz': 0,
  // An election must not depend on a web proxy that happens to stand in the environment.
  'grpc.enable_http_proxy': 0,
  // Ends a watch whose peer is gone without a word. etcd refuses pings more often than every 5 s.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
} as const;

let connectionCount = 0;

export class EtcdConnection {
  readonly endpoint: string;
  readonly #etcd: Etcd3;
  readonly #streams = new Set<Cancellable>();
  #isClosed = false;

  constructor(endpoint: string) {
    this.endpoint = endpoint;
    this.#etcd = new Etcd3({
      hosts: endpoint,
      faultHandling: { global: noPolicy, host: () => noPolicy },
      grpcOptions: {
        ...channelOptions,
        // grpc-js shares a TCP connection between channels of equal options. An option of our own,
        // different in each connection, lets KV and Watch share theirs, and nobody else.
        'herald.connection': ++connectionCount,
      },
    });
  }

  get kv(): KVClient {
    return this.#etcd.kv;
  }

  get leases(): LeaseClient {
    return this.#etcd.leaseClient;
  }

  get watches(): WatchClient {
    return this.#etcd.watchClient;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Ties a stream to this connection: closing it cancels the stream. */
  hold<Stream extends Cancellable>(stream: Stream): Stream {
    if (this.#isClosed) stream.cancel();
    else this.#streams.add(stream);
    return stream;
  }

  release(stream: Cancellable): void {
    this.#streams.delete(stream);
  }

  /** Calls under way end by their own deadlines. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const stream of this.#streams) stream.cancel();
    this.#streams.clear();
    // A cancelled stream lets go of its connection in the next turn; only then is it closed at once.
    setImmediate(() => {
      this.#etcd.close();
    });
  }
}
