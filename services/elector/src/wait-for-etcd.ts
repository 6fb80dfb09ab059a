/** Decides when a starting elector may count on etcd: it has shown its history in a linearizable read. */
import type { Random } from '@herald/core';
import { pace } from './config.ts';
import { ElectorError, isElectorError } from './errors.ts';
import { Backoff, pause, untilAborted } from './wait.ts';

export interface WaitForEtcdOptions {
  readonly endpoints: readonly string[];
  readonly waitMs: number;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** @throws ElectorError `ETCD_UNREACHABLE` after `waitMs`, or the reason of `signal`. */
export async function waitForEtcd(
  open: () => Promise<void>,
  { endpoints, waitMs, random, signal }: WaitForEtcdOptions,
): Promise<void> {
  const backoff = new Backoff(pace.watchBackoff, random);
  const late = AbortSignal.timeout(waitMs);
  const either = AbortSignal.any([signal, late]);
  let last: unknown;
  while (!either.aborted) {
    try {
      const opened = open().then(() => true);
      if ((await untilAborted(opened, either)) === true) return;
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
