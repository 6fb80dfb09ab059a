/**
 * Decides which endpoint of etcd is used, and when that changes. A session holds one connection at a
 * time: the load on etcd is one connection per session, whatever the number of endpoints. A call that
 * finds no answer gives the connection up, and the next call dials the next endpoint. Nothing is
 * retried here: only the caller knows what may be repeated.
 *
 * But a connection that has been dialled a moment ago is given more time for its first answer each time that one
 * was given up without any: calls that wait less than a dial takes would end each dial, and nothing would be had.
 *
 * Also the one place that sees every answer's header, and so notices when it comes from another
 * cluster than before.
 */
import type { CallOptions } from '@grpc/grpc-js';
import { assert } from '@herald/core';
import type { Random } from '@herald/core';
import { monotonicNowMs } from '@herald/process';
import { pace } from '../config.ts';
import { ElectorError } from '../errors.ts';
import { isTokenSpent } from './access.ts';
import type { EtcdAccess } from './access.ts';
import { EtcdConnection } from './connection.ts';
import { fromEtcd, isConnectionTrouble } from './etcd-errors.ts';

/** The part of etcd's response header that matters here. */
export interface RawHeader {
  readonly cluster_id: string;
  readonly revision: string;
}

/**
 * The cluster that the first answer came from; later answers must come from the same, until the history
 * of another is accepted (`history/`). Shared by the sessions of an elector. etcd makes its cluster id from
 * the initial members and the token: one that was replaced or restored has another, but one that was wiped
 * or restored and started with the same flags has the same again, and is told by its mark and revision.
 */
export class ClusterIdentity {
  #clusterId: string | undefined;

  get clusterId(): string | undefined {
    return this.#clusterId;
  }

  /** From now on, answers must come from this cluster. */
  adopt(clusterId: string): void {
    this.#clusterId = clusterId;
  }

  /** @throws ElectorError `HISTORY_LOST` when the answer came from another cluster. */
  check(header: RawHeader, endpoint: string): void {
    this.#clusterId ??= header.cluster_id;
    if (header.cluster_id === this.#clusterId) return;
    throw new ElectorError(
      'HISTORY_LOST',
      `etcd at ${endpoint} belongs to cluster ${header.cluster_id}, but this elector goes by ` +
        `cluster ${this.#clusterId}: etcd was wiped or replaced, or an endpoint is wrong`,
    );
  }
}

export interface EtcdSessionOptions {
  /** At least one, as `http://host:port` or `https://host:port`. */
  readonly endpoints: readonly string[];
  readonly access?: EtcdAccess | undefined;
  readonly identity: ClusterIdentity;
  /** No answer after this many milliseconds is an error; each call can say otherwise. */
  readonly callTimeoutMs: number;
  readonly random: Random;
  /** Told of every call, for metrics. */
  readonly onCall?: (outcome: 'ok' | 'failed') => void;
}

export interface CallLimits {
  /** In milliseconds; the session's default unless given. */
  readonly timeoutMs?: number;
  /** Takes the answer of any cluster, which whoever asks judges: for what tells of etcd's history. */
  readonly anyCluster?: boolean;
}

export class EtcdSession implements Disposable {
  readonly #options: EtcdSessionOptions;
  #endpointIndex: number;
  #connection: EtcdConnection | undefined;
  /** When the present connection was made; undefined once it has answered. */
  #openingSinceMs: number | undefined;
  /** Connections in a row that were given up because no answer came in time, not even a first one. */
  #unansweredCount = 0;
  #isClosed = false;

  constructor(options: EtcdSessionOptions) {
    assert(options.endpoints.length > 0, 'a session needs an endpoint');
    this.#options = options;
    // Electors that all start at the first endpoint would lean on one etcd member.
    this.#endpointIndex = Math.floor(options.random() * options.endpoints.length);
  }

  get callTimeoutMs(): number {
    return this.#options.callTimeoutMs;
  }

  /**
   * Performs one call on the present connection.
   *
   * @param what What is being done, for the error message: `reading the election`.
   * @throws ElectorError `ETCD_UNREACHABLE`, `ETCD_TIMEOUT`, `ETCD_REFUSED`, `LEASE_LOST`, `HISTORY_LOST`, `CLOSED`
   */
  async call<Response extends { readonly header: RawHeader }>(
    what: string,
    perform: (connection: EtcdConnection, options: CallOptions) => Promise<Response>,
    { timeoutMs = this.#options.callTimeoutMs, anyCluster = false }: CallLimits = {},
  ): Promise<Response> {
    const connection = this.connect();
    try {
      // eslint-disable-next-line no-restricted-properties -- gRPC takes it so, and makes a timer of it
      const options = { deadline: Date.now() + timeoutMs };
      const response = await perform(connection, options).catch((error: unknown) => {
        // Nothing was done yet: with another token it is the same call.
        if (!isTokenSpentIn(error) || !connection.forgetToken()) throw error;
        return perform(connection, options);
      });
      this.#noteAnswer(connection);
      if (!anyCluster) this.#options.identity.check(response.header, connection.endpoint);
      this.#options.onCall?.('ok');
      return response;
    } catch (thrown) {
      this.#options.onCall?.('failed');
      throw this.failed(connection, thrown, what);
    }
  }

  /** The present connection, or a new one; it dials when it is first used. */
  connect(): EtcdConnection {
    if (this.#isClosed) throw new ElectorError('CLOSED', 'the etcd session is closed');
    const endpoint = this.#options.endpoints[this.#endpointIndex];
    assert(endpoint !== undefined, 'the endpoint index is within the list');
    if (this.#connection === undefined) {
      this.#connection = new EtcdConnection(endpoint, this.#options.access);
      this.#openingSinceMs = monotonicNowMs();
    }
    return this.#connection;
  }

  /** Notes a failure on `connection`, gives it up if it may be to blame, and returns the error to throw. */
  failed(connection: EtcdConnection, thrown: unknown, what: string): ElectorError {
    const error = fromEtcd(thrown, what, connection.endpoint);
    if (isTokenSpentIn(error)) connection.forgetToken();
    // Another endpoint may belong to the right cluster: one wrong entry in the list must not decide.
    const isToBlame = isConnectionTrouble(error) || error.code === 'HISTORY_LOST';
    if (!isToBlame || this.#connection !== connection) return error;
    if (error.code === 'ETCD_TIMEOUT' && this.#openingSinceMs !== undefined) {
      if (this.#isToBeAwaited(this.#openingSinceMs)) return error;
      this.#unansweredCount++;
    }
    this.#giveUp(connection);
    return error;
  }

  /** Gives up the connection: its end is not the etcd that was meant, and another endpoint may be. */
  distrust(): void {
    if (this.#connection !== undefined) this.#giveUp(this.#connection);
  }

  /** Checks the header of an answer that came on a stream. */
  checkHeader(connection: EtcdConnection, header: RawHeader): void {
    this.#noteAnswer(connection);
    this.#options.identity.check(header, connection.endpoint);
  }

  #noteAnswer(connection: EtcdConnection): void {
    if (this.#connection !== connection) return;
    this.#openingSinceMs = undefined;
    this.#unansweredCount = 0;
  }

  /** Whether a connection that was made then, and has not answered yet, is to have more time for it. */
  #isToBeAwaited(sinceMs: number): boolean {
    return monotonicNowMs() - sinceMs < pace.openingPatienceMs(this.#unansweredCount);
  }

  #giveUp(connection: EtcdConnection): void {
    connection.close();
    this.#connection = undefined;
    this.#endpointIndex = (this.#endpointIndex + 1) % this.#options.endpoints.length;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#connection?.close();
    this.#connection = undefined;
  }
}

function isTokenSpentIn(error: unknown): boolean {
  return error instanceof Error && isTokenSpent(error.message);
}
