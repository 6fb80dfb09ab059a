/** Decides when a starting elector may count on etcd: it has answered one linearizable read. */
import type { Random } from '@herald/core';
import { pace } from './config.ts';
import { ElectorError, isElectorError } from './errors.ts';
import type { EtcdKeyspace } from './etcd/keyspace.ts';
import { Backoff, pause, untilAborted } from './wait.ts';

export interface WaitForEtcdOptions {
  readonly endpoints: readonly string[];
  readonly waitMs: number;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** @throws ElectorError `ETCD_UNREACHABLE` after `waitMs`, or the reason of `signal`. */
export async function waitForEtcd(
  keyspace: EtcdKeyspace,
  prefix: string,
  { endpoints, waitMs, random, signal }: WaitForEtcdOptions,
): Promise<void> {
  const backoff = new Backoff(pace.watchBackoff, random);
  const late = AbortSignal.timeout(waitMs);
  const either = AbortSignal.any([signal, late]);
  let last: unknown;
  while (!either.aborted) {
    try {
      const answer = await untilAborted(keyspace.readPrefix(prefix, 1), either);
      if (answer !== undefined) return;
    } catch (error) {
      // What etcd refuses now, it will refuse in ten seconds.
      if (isElectorError(error, 'ETCD_REFUSED')) throw error;
      last = error;
      await pause(backoff.nextDelayMs(), either);
    }
  }
  signal.throwIfAborted();
  throw new ElectorError(
    'ETCD_UNREACHABLE',
    `no etcd answered within ${waitMs} ms at ${endpoints.join(', ')}`,
    { cause: last },
  );
}
