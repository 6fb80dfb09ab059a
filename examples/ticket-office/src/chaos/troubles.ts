/**
 * What can befall a leader, and how it is made good again. Decides how long each lasts: longer than the lease, so
 * that another leads by the time it is over, and the one that comes back has to find that out.
 */
import { createOperator } from '@herald/client';
import type { SecurityOptions } from '@herald/client';
import type { Random } from '@herald/core';
import { election } from '../office/office.ts';
import type { Line, ReplicaProcess } from '../office/replica-process.ts';

export const causes = ['kill', 'pause', 'cut-off', 'cut-off-from-etcd', 'step-down'] as const;

export type Cause = (typeof causes)[number];

/** How long a killed replica stays away at most. */
const awayMsMax = 1_000;
/** How much longer than a lease a pause or a cut lasts: 0.5 to 1.5 s. */
const beyondLeaseMsMin = 500;
const beyondLeaseMsSpread = 1_000;

export interface Trouble {
  /** Until it is made good; 0 when there is nothing to make good. */
  readonly lastsMs: number;
  readonly heal: (signal?: AbortSignal) => Promise<void> | void;
}

export interface TroubleOptions {
  readonly ttlMs: number;
  readonly random: Random;
  /** What an operator proves itself with. */
  readonly operator: SecurityOptions;
}

/** Has it happen to that replica. */
export async function befall(
  cause: Cause,
  replica: ReplicaProcess,
  { ttlMs, random, operator: security }: TroubleOptions,
): Promise<Trouble> {
  const pastLeaseMs = ttlMs + beyondLeaseMsMin + random() * beyondLeaseMsSpread;
  switch (cause) {
    case 'kill':
      await replica.kill();
      return { lastsMs: random() * awayMsMax, heal: (signal) => replica.start(signal) };
    case 'pause':
      replica.pause();
      return { lastsMs: pastLeaseMs, heal: () => replica.resume() };
    case 'cut-off':
      return cutOff(replica, ['etcd', 'store', 'customers'], pastLeaseMs);
    case 'cut-off-from-etcd':
      return cutOff(replica, ['etcd'], pastLeaseMs);
    case 'step-down': {
      await using operator = createOperator({ ...security, elector: replica.electorAddress });
      await operator.stepDown({ election, reason: 'chaos' });
      return { lastsMs: 0, heal: () => undefined };
    }
  }
}

function cutOff(replica: ReplicaProcess, lines: readonly Line[], lastsMs: number): Trouble {
  replica.cutOff(lines);
  return { lastsMs, heal: () => replica.connect() };
}
