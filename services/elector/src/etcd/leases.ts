/**
 * Leases of etcd, one call at a time. etcd3's own `Lease` is not used: it renews by itself from the
 * grant on and notices a loss only after twice the TTL, on the wall clock.
 */
import { ElectorError } from '../errors.ts';
import type { EtcdConnection } from './connection.ts';
import type { CallLimits, EtcdSession, RawHeader } from './session.ts';

export interface GrantedLease {
  readonly leaseId: bigint;
  /** What etcd granted, which can be more than was asked for. */
  readonly ttlMs: number;
}

/** A lease as etcd reckons it now. */
export type LeaseLife =
  | {
      readonly kind: 'alive';
      /** At most this much is left; etcd says whole seconds, rounded down, so up to 1 s is added. */
      readonly remainingMsMax: number;
    }
  /** Less than a second is left, or it has just run out: etcd's whole seconds do not tell. */
  | { readonly kind: 'ending' }
  | { readonly kind: 'gone' };

export class EtcdLeases {
  readonly #session: EtcdSession;

  constructor(session: EtcdSession) {
    this.#session = session;
  }

  async grant(ttlSeconds: number, limits?: CallLimits): Promise<GrantedLease> {
    const response = await this.#session.call(
      'granting a lease',
      ({ leases }, options) => leases.leaseGrant({ TTL: ttlSeconds }, options),
      limits,
    );
    return { leaseId: BigInt(response.ID), ttlMs: Number(response.TTL) * 1_000 };
  }

  /**
   * Renews a lease once.
   *
   * @returns the TTL that it now has, in milliseconds
   * @throws ElectorError `LEASE_LOST` when etcd does not know it any more
   */
  async renew(leaseId: bigint, limits?: CallLimits): Promise<number> {
    const response = await this.#session.call(
      'renewing a lease',
      (connection, options) => keepAliveOnce(connection, leaseId, options),
      limits,
    );
    const ttlMs = Number(response.TTL) * 1_000;
    if (ttlMs > 0) return ttlMs;
    throw new ElectorError('LEASE_LOST', `etcd no longer knows lease ${formatLeaseId(leaseId)}`);
  }

  /** Deletes the lease's keys with it. A lease that is gone already is no error. */
  async revoke(leaseId: bigint, limits?: CallLimits): Promise<void> {
    try {
      await this.#session.call(
        'revoking a lease',
        ({ leases }, options) => leases.leaseRevoke({ ID: leaseId.toString() }, options),
        limits,
      );
    } catch (error) {
      if (error instanceof ElectorError && error.code === 'LEASE_LOST') return;
      throw error;
    }
  }

  async life(leaseId: bigint, limits?: CallLimits): Promise<LeaseLife> {
    const response = await this.#session.call(
      'asking for the life of a lease',
      ({ leases }, options) => leases.leaseTimeToLive({ ID: leaseId.toString() }, options),
      limits,
    );
    const remainingSeconds = Number(response.TTL);
    const grantedTtlMs = Number(response.grantedTTL) * 1_000;
    if (remainingSeconds < 0) return { kind: 'gone' };
    if (remainingSeconds === 0) return { kind: 'ending' };
    const remainingMsMax = Math.min((remainingSeconds + 1) * 1_000, grantedTtlMs);
    return { kind: 'alive', remainingMsMax };
  }
}

/** As etcd's tools and its election recipe write it: hexadecimal without leading zeros. */
export function formatLeaseId(leaseId: bigint): string {
  return BigInt.asUintN(64, leaseId).toString(16);
}

interface KeepAliveResponse {
  readonly header: RawHeader;
  readonly TTL: string;
}

/**
 * One request and one response on a stream of its own, under a deadline. A stream that is kept would
 * save little and would have to be told alive from dead.
 */
async function keepAliveOnce(
  { leases }: EtcdConnection,
  leaseId: bigint,
  options: { readonly deadline?: Date | number },
): Promise<KeepAliveResponse> {
  const stream = await leases.leaseKeepAlive(options);
  try {
    return await new Promise((resolve, reject) => {
      stream.on('data', resolve);
      // Stays for the stream's life: an error after the answer has no meaning any more.
      stream.on('error', reject);
      stream.on('end', () => {
        reject(new ElectorError('ETCD_UNREACHABLE', 'etcd ended a renewal without an answer'));
      });
      stream.write({ ID: leaseId.toString() });
    });
  } finally {
    stream.end();
  }
}
