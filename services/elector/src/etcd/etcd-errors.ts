/**
 * Decides what an error of etcd means for a campaign. etcd3 casts gRPC errors to classes and drops
 * their codes, and streams emit them uncast; here both become `ElectorError`.
 */
import {
  castGrpcError,
  ClientClosedError,
  EtcdLeaseInvalidError,
  EtcdWatchStreamEnded,
  GRPCAbortedError,
  GRPCCancelledError,
  GRPCDeadlineExceededError,
  GRPCInternalError,
  GRPCUnavailableError,
  GRPCUnknownError,
} from 'etcd3';
import { ElectorError } from '../errors.ts';
import type { ElectorErrorCode } from '../errors.ts';

/** `what` completes "etcd at E: …", e.g. `reading the election`. */
export function fromEtcd(thrown: unknown, what: string, endpoint: string): ElectorError {
  if (thrown instanceof ElectorError) return thrown;
  const error = castGrpcError(thrown instanceof Error ? thrown : new Error(String(thrown)));
  const message = `etcd at ${endpoint}: ${what}: ${readable(error.message)}`;
  return new ElectorError(codeOf(error), message, { cause: thrown });
}

/** Whether the connection is to blame, or may be: another one, to another endpoint, may do better. */
export function isConnectionTrouble(error: ElectorError): boolean {
  return error.code === 'ETCD_UNREACHABLE' || error.code === 'ETCD_TIMEOUT';
}

function codeOf(error: Error): ElectorErrorCode {
  if (error instanceof EtcdLeaseInvalidError) return 'LEASE_LOST';
  if (error instanceof GRPCDeadlineExceededError) return 'ETCD_TIMEOUT';
  const isUnreachable =
    error instanceof GRPCUnavailableError ||
    error instanceof GRPCCancelledError ||
    error instanceof GRPCUnknownError ||
    error instanceof GRPCInternalError ||
    error instanceof GRPCAbortedError ||
    error instanceof EtcdWatchStreamEnded ||
    error instanceof ClientClosedError;
  return isUnreachable ? 'ETCD_UNREACHABLE' : 'ETCD_REFUSED';
}

/** Without grpc-js's trailing notes that say nothing. */
function readable(message: string): string {
  return message
    .replace(/\s*Resolution note:\s*$/, '')
    .replace(/^GRPC\w+Error: /, '')
    .trim();
}
