/**
 * Decides what an error of grpc-js says of the work that met it. UNAVAILABLE alone proves nothing: the
 * connection may have broken after the request had gone out, and a service may pass on the UNAVAILABLE
 * of another one behind it. What proves that nothing was sent is a refused connection that names the very
 * address of the leader.
 */
import { Metadata, status } from '@grpc/grpc-js';
import { readNotLeader } from '@herald/wire';
import type { FailureReader } from '../work-failure.ts';
import { pushbackOf } from './grpc-errors.ts';

export const readGrpcFailure: FailureReader = (thrown, address) => {
  if (!(thrown instanceof Error) || !('code' in thrown) || !('metadata' in thrown))
    return undefined;
  if (!(thrown.metadata instanceof Metadata)) return undefined;
  const pushback = pushbackOf(thrown.metadata);
  switch (thrown.code) {
    case status.FAILED_PRECONDITION: {
      const refusal = readNotLeader({ code: thrown.code, metadata: thrown.metadata });
      if (refusal === undefined) return undefined;
      const { election, known, retryAfterMs = 0 } = refusal;
      return { kind: 'not-leader', election, known, epoch: 0n, retryAfterMs };
    }
    case status.UNAVAILABLE:
      if (namesRefusal(thrown, address)) return { kind: 'not-sent' };
      if (pushback === 'never') return undefined;
      return { kind: 'lost', retryAfterMs: pushback ?? 0 };
    case status.RESOURCE_EXHAUSTED:
      if (typeof pushback !== 'number') return undefined;
      return { kind: 'busy', retryAfterMs: pushback };
    case status.CANCELLED:
      return { kind: 'cancelled' };
    default:
      return undefined;
  }
};

/**
 * As Node words it, within what grpc-js makes of it. Once a name was resolved grpc-js tells the address
 * only, so that with a name for a host a refused connection is no proof.
 */
function namesRefusal(error: Error, address: string): boolean {
  const details = 'details' in error ? error.details : undefined;
  if (typeof details !== 'string') return false;
  if (details === `Name resolution failed for target dns:${address}`) return true;
  const bare = address.replace(/^\[(.*)\]:/, '$1:');
  const [, refused] =
    /^No connection established\. .*connect E[A-Z]+ (\S+?)\.? /.exec(details) ?? [];
  return refused === bare;
}
