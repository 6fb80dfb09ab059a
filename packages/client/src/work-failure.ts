/**
 * Decides what an error thrown by the work of `withLeader` says of it: whether it can have run, and
 * whether the trouble is one of leadership or of the way there. All else is the work's own business.
 * Only what proves that nothing was sent counts as proof: when in doubt, it may have run.
 */
import type { ElectionName } from '@herald/core';
import type { CarriedRecord } from '@herald/wire';
import { NotLeaderError } from './not-leader-error.ts';

export type WorkFailure =
  /** Refused before it ran: whoever was asked does not lead. */
  | {
      readonly kind: 'not-leader';
      /** Of which election; `undefined` when the refusal does not say, and so means the one asked for. */
      readonly election: ElectionName | undefined;
      readonly known: CarriedRecord | undefined;
      /** The newest epoch it has heard of; 0n: it did not say. */
      readonly epoch: bigint;
      readonly retryAfterMs: number;
    }
  /** No connection came about, so that nothing was sent. */
  | { readonly kind: 'not-sent' }
  /** It was sent, or may have been, and no answer came: it may have run. */
  | { readonly kind: 'lost'; readonly retryAfterMs: number }
  /** Whoever was asked has too much to do, and says when to come back. It may have run in part. */
  | { readonly kind: 'busy'; readonly retryAfterMs: number }
  /** It was given up because its signal aborted: it may have run. */
  | { readonly kind: 'cancelled' };

/**
 * What `thrown` says; `undefined`: nothing that the client understands.
 *
 * @param address Where the work was done.
 */
export type FailureReader = (thrown: unknown, address: string) => WorkFailure | undefined;

/** System calls before a connection stands. */
const beforeConnected: ReadonlySet<unknown> = new Set(['connect', 'getaddrinfo', 'queryA']);

/** Codes of sockets, and of Node's `fetch`, that say: no connection. */
const notConnected: ReadonlySet<unknown> = new Set(['UND_ERR_CONNECT_TIMEOUT']);

const connectionLost: ReadonlySet<unknown> = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_SESSION_ERROR',
  'ERR_HTTP2_STREAM_CANCEL',
]);

/** `fetch` wraps what the socket said in one error, some libraries in two. */
const causesMax = 4;

/** Reads `NotLeaderError`, and the errors of Node's sockets and `fetch`, as they are or as a cause. */
export const readSocketFailure: FailureReader = (thrown) => {
  let error: unknown = thrown;
  for (let depth = 0; depth < causesMax && error instanceof Error; depth++) {
    if (error instanceof NotLeaderError) {
      const { epoch = 0n, known, retryAfterMs } = error;
      return { kind: 'not-leader', election: undefined, known, epoch, retryAfterMs };
    }
    if (isNotConnected(error)) return { kind: 'not-sent' };
    if (connectionLost.has(codeOf(error))) return { kind: 'lost', retryAfterMs: 0 };
    if (error.name === 'AbortError') return { kind: 'cancelled' };
    error = error.cause;
  }
  return undefined;
};

/** An attempt at several addresses failed when the attempts at each did. */
function isNotConnected(error: Error): boolean {
  if (error instanceof AggregateError) {
    const each: readonly unknown[] = error.errors;
    return each.length > 0 && each.every((one) => one instanceof Error && isNotConnected(one));
  }
  if (notConnected.has(codeOf(error))) return true;
  return 'syscall' in error && beforeConnected.has(error.syscall);
}

function codeOf(error: Error): unknown {
  return 'code' in error ? error.code : undefined;
}

/** The first reader that understands `thrown`. */
export function firstOf(...readers: readonly FailureReader[]): FailureReader {
  return (thrown, address) => {
    for (const read of readers) {
      const failure = read(thrown, address);
      if (failure !== undefined) return failure;
    }
    return undefined;
  };
}
