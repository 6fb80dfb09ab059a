/**
 * One TCP connection to one etcd endpoint, and nothing shared with any other: what etcd3 and grpc-js
 * would decide on their own (retries, circuit breakers, which connections to share, when to dial
 * again) is switched off here, so that the session above decides it.
 */
import { Etcd3 } from 'etcd3';
import type { IOptions, KVClient, LeaseClient, WatchClient } from 'etcd3';
import { defaults } from '../config.ts';
import { EtcdToken } from './access.ts';
import type { EtcdAccess, EtcdTls, EtcdUser } from './access.ts';

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

/** etcd3 takes the system's authorities when it is given none, for `https://` endpoints. */
function credentialsOf(tls: EtcdTls | undefined): Pick<IOptions, 'credentials'> {
  const { ca, cert, key } = tls ?? {};
  if (ca === undefined && cert === undefined) return {};
  // Without authorities of our own grpc-js takes the system's, whatever etcd3's type says.
  const rootCertificate = (ca === undefined ? undefined : Buffer.from(ca)) as Buffer;
  if (cert === undefined || key === undefined) return { credentials: { rootCertificate } };
  const [privateKey, certChain] = [Buffer.from(key), Buffer.from(cert)];
  return { credentials: { rootCertificate, privateKey, certChain } };
}

let connectionCount = 0;

export class EtcdConnection {
  readonly endpoint: string;
  readonly #etcd: Etcd3;
  readonly #token: EtcdToken | undefined;
  readonly #streams = new Set<Cancellable>();
  #isClosed = false;

  constructor(endpoint: string, { tls, user }: EtcdAccess = {}) {
    this.endpoint = endpoint;
    const given = user?.();
    this.#token = given && new EtcdToken(() => this.#authenticate(given));
    this.#etcd = new Etcd3({
      hosts: endpoint,
      faultHandling: { global: noPolicy, host: () => noPolicy },
      ...credentialsOf(tls?.()),
      grpcOptions: {
        ...channelOptions,
        // An option of clients, which etcd3 hands on as it hands on those of channels.
        ...(this.#token && { interceptors: [this.#token.interceptor] }),
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

  /** etcd does not know our token any more. @returns whether there was one, so that another may do. */
  forgetToken(): boolean {
    this.#token?.forget();
    return this.#token !== undefined;
  }

  async #authenticate({ username, password }: EtcdUser): Promise<string> {
    // gRPC takes a point in time, and makes a timer of it.
    // eslint-disable-next-line no-restricted-properties
    const deadline = Date.now() + defaults.etcdCallTimeoutMs;
    const { token } = await this.#etcd.auth.authenticate(
      { name: username, password },
      { deadline },
    );
    return token;
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
