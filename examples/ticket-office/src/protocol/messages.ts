/** What the processes of the ticket office tell the one that started them, over Node's own channel. */
import type { ClientErrorCode } from '@herald/client';

/** A store says only that it listens. */
export interface StoreReady {
  readonly kind: 'ready';
}

export type ReplicaState = 'joining' | 'waiting' | 'leading' | 'refusing' | 'stopped';

export type ReplicaMessage =
  | { readonly kind: 'ready'; readonly electorAddress: string }
  /** Where it stands; the epoch is 0 without a key in etcd. */
  | { readonly kind: 'standing'; readonly state: ReplicaState; readonly epoch: string };

/** Times are on the machine's monotonic clock, which all its processes share. */
export interface Draw {
  readonly customer: string;
  readonly requestId: string;
  /** How long the customer would have waited. */
  readonly timeoutMs: number;
  readonly startMs: number;
  readonly endMs: number;
}

export interface Purchase extends Draw {
  readonly number: number;
  readonly lineage: number;
  readonly epoch: string;
  /** Where it was sold. */
  readonly address: string;
}

export interface FailedDraw extends Draw {
  /** Undefined when it was no error of Herald's client, which is a mistake of somebody's. */
  readonly code: ClientErrorCode | undefined;
  readonly message: string;
}

export interface CustomersMessage {
  readonly kind: 'draws' | 'gone-home';
  readonly purchases: readonly Purchase[];
  readonly failures: readonly FailedDraw[];
}

/** To the customers: begin no further draw. */
export interface GoHome {
  readonly kind: 'go-home';
}

/** Says `message` to the process that started this one; nobody listens when it was started by hand. */
export function tell(message: StoreReady | ReplicaMessage | CustomersMessage): void {
  process.send?.(message);
}
