/**
 * Keys of etcd as a campaign needs them: read linearizably, create if absent, change only under a
 * fence. Revisions are bigints, texts are strings; nothing of etcd3 shows outside.
 */
import type { ICompare, IKeyValue, IRequestOp } from 'etcd3';
import { ElectorError } from '../errors.ts';
import type { CallLimits, EtcdSession } from './session.ts';

export interface EtcdKey {
  readonly key: string;
  readonly value: string;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  /** 0 when the key hangs on no lease. */
  readonly leaseId: bigint;
}

/** All keys under a prefix, as they were at one revision. */
export interface PrefixRead {
  readonly clusterId: string;
  readonly revision: bigint;
  /** By create revision, lowest first. */
  readonly keys: readonly EtcdKey[];
  /** There are more keys than were asked for. */
  readonly isTruncated: boolean;
}

/** What a read shows of etcd's history. */
export interface HistoryRead {
  readonly clusterId: string;
  readonly revision: bigint;
  /** The key of the mark (`history/mark.ts`) as it stands. */
  readonly markKey: EtcdKey | undefined;
}

/** The candidates of an election and the mark of etcd's history, as they were at one revision. */
export type ElectionRead = PrefixRead & HistoryRead;

export class EtcdKeyspace {
  readonly #session: EtcdSession;

  constructor(session: EtcdSession) {
    this.#session = session;
  }

  /** Linearizable: shows everything that was committed before the call. */
  async readPrefix(prefix: string, countMax: number, limits?: CallLimits): Promise<PrefixRead> {
    const request = {
      ...prefixRange(prefix),
      limit: countMax,
      sort_order: 'Ascend',
      sort_target: 'Create',
      serializable: false,
    } as const;
    const response = await this.#session.call(
      `reading ${prefix}`,
      ({ kv }, options) => kv.range(request, options),
      limits,
    );
    return {
      clusterId: response.header.cluster_id,
      revision: BigInt(response.header.revision),
      keys: response.kvs.map(toKey),
      isTruncated: response.more,
    };
  }

  /** Linearizable, and in one piece. Answers whatever cluster it asks: who reads it judges. */
  async readElection(
    prefix: string,
    countMax: number,
    markKey: string,
    limits?: CallLimits,
  ): Promise<ElectionRead> {
    const candidates = {
      ...prefixRange(prefix),
      limit: countMax,
      sort_order: 'Ascend',
      sort_target: 'Create',
    } as const;
    const success = [
      { request_range: candidates },
      { request_range: { key: Buffer.from(markKey) } },
    ];
    const response = await this.#session.call(
      `reading ${prefix}`,
      ({ kv }, options) => kv.txn({ compare: [], success, failure: [] }, options),
      { ...limits, anyCluster: true },
    );
    const [found, mark] = response.responses.map((each) => each.response_range);
    return {
      clusterId: response.header.cluster_id,
      revision: BigInt(response.header.revision),
      keys: (found?.kvs ?? []).map(toKey),
      isTruncated: found?.more ?? false,
      markKey: mark?.kvs.map(toKey)[0],
    };
  }

  /** The mark of etcd's history. Linearizable; answers whatever cluster it asks: who reads it judges. */
  async readHistory(markKey: string, limits?: CallLimits): Promise<HistoryRead> {
    const request = { key: Buffer.from(markKey), serializable: false };
    const response = await this.#session.call(
      `reading ${markKey}`,
      ({ kv }, options) => kv.range(request, options),
      { ...limits, anyCluster: true },
    );
    return {
      clusterId: response.header.cluster_id,
      revision: BigInt(response.header.revision),
      markKey: response.kvs.map(toKey)[0],
    };
  }

  /** Linearizable. */
  async read(key: string, limits?: CallLimits): Promise<EtcdKey | undefined> {
    const request = { key: Buffer.from(key), serializable: false };
    const response = await this.#session.call(
      `reading ${key}`,
      ({ kv }, options) => kv.range(request, options),
      limits,
    );
    return response.kvs.map(toKey)[0];
  }

  /**
   * Puts the key unless it is there, and returns it as it stands: so a call whose answer was lost can
   * be repeated. The key lives as long as the lease.
   *
   * @throws ElectorError `FENCED` when `unchanged`, where it is given, is not as it was at that revision
   */
  async createOrRead(request: {
    readonly key: string;
    readonly value: string;
    readonly leaseId: bigint;
    readonly unchanged?: { readonly key: string; readonly modRevision: bigint };
  }): Promise<EtcdKey> {
    const { value, leaseId, unchanged } = request;
    const key = Buffer.from(request.key);
    const isAbsent: ICompare = { result: 'Equal', target: 'Create', key, create_revision: '0' };
    const response = await this.#transact(
      `creating ${request.key}`,
      unchanged === undefined ? [isAbsent] : [isAbsent, isAt(unchanged.key, unchanged.modRevision)],
      { request_put: { key, value: Buffer.from(value), lease: leaseId.toString() } },
      { request_range: { key } },
    );
    if (!response.succeeded) {
      const found = response.responses[0]?.response_range.kvs[0];
      if (found !== undefined) return toKey(found);
      if (unchanged === undefined) {
        throw new ElectorError('ETCD_REFUSED', `etcd neither created nor found ${request.key}`);
      }
      const since = `${unchanged.key} was changed since revision ${unchanged.modRevision}`;
      throw new ElectorError('FENCED', `${request.key} was not created: ${since}`);
    }
    const revision = BigInt(response.header.revision);
    return { key: request.key, value, leaseId, createRevision: revision, modRevision: revision };
  }

  /**
   * Changes the value of a key that is still the one with `createRevision`; it stays on its lease.
   *
   * @returns the revision of the change
   * @throws ElectorError `FENCED` when the key is gone or another one
   */
  async putFenced(key: string, createRevision: bigint, value: string): Promise<bigint> {
    const request = { key: Buffer.from(key), value: Buffer.from(value), ignore_lease: true };
    return this.#fenced(`changing ${key}`, key, createRevision, { request_put: request });
  }

  /**
   * Deletes a key that is still the one with `createRevision`.
   *
   * @returns the revision of the deletion
   * @throws ElectorError `FENCED` when the key is gone or another one
   */
  async deleteFenced(key: string, createRevision: bigint, limits?: CallLimits): Promise<bigint> {
    const write = { request_delete_range: { key: Buffer.from(key) } };
    return this.#fenced(`deleting ${key}`, key, createRevision, write, limits);
  }

  /**
   * Puts a key that is still as it was at `modRevision`; 0: that is not there. It hangs on no lease.
   *
   * @returns false, and nothing was done, when it is another one
   */
  async putUnlessChanged(
    key: string,
    modRevision: bigint,
    value: string,
    limits?: CallLimits,
  ): Promise<boolean> {
    const write = { request_put: { key: Buffer.from(key), value: Buffer.from(value) } };
    const conditions = [isAt(key, modRevision)];
    const response = await this.#transact(`putting ${key}`, conditions, write, undefined, limits);
    return response.succeeded;
  }

  async #fenced(
    what: string,
    key: string,
    createRevision: bigint,
    write: IRequestOp,
    limits?: CallLimits,
  ): Promise<bigint> {
    const fence: ICompare = {
      result: 'Equal',
      target: 'Create',
      key: Buffer.from(key),
      create_revision: createRevision.toString(),
    };
    const response = await this.#transact(what, [fence], write, undefined, limits);
    if (response.succeeded) return BigInt(response.header.revision);
    throw new ElectorError('FENCED', `${key} is not the key created at revision ${createRevision}`);
  }

  #transact(
    what: string,
    conditions: ICompare[],
    then: IRequestOp,
    otherwise?: IRequestOp,
    limits?: CallLimits,
  ) {
    const request = {
      compare: conditions,
      success: [then],
      failure: otherwise === undefined ? [] : [otherwise],
    };
    return this.#session.call(what, ({ kv }, options) => kv.txn(request, options), limits);
  }
}

/** The key was last changed at that revision; 0: it is not there. */
function isAt(key: string, modRevision: bigint): ICompare {
  const mod_revision = modRevision.toString();
  return { result: 'Equal', target: 'Mod', key: Buffer.from(key), mod_revision };
}

/** The range of all keys that start with `prefix`. */
export function prefixRange(prefix: string): {
  readonly key: Buffer;
  readonly range_end: Buffer;
} {
  const key = Buffer.from(prefix);
  const end = Buffer.from(key);
  // UTF-8 never ends in 0xff, so the last byte can always be raised.
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1;
  return { key, range_end: end };
}

function toKey(raw: IKeyValue): EtcdKey {
  return {
    key: raw.key.toString(),
    value: raw.value.toString(),
    createRevision: BigInt(raw.create_revision),
    modRevision: BigInt(raw.mod_revision),
    leaseId: BigInt(raw.lease),
  };
}
