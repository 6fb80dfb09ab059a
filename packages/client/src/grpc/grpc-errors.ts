/** Decides what a gRPC status means to the client: refused as it stands, or to be tried elsewhere. */
import { Metadata, status } from '@grpc/grpc-js';
import { HeraldClientError } from '../errors.ts';
import { endpointTuning } from '../tuning.ts';

/** Whoever answers this understood the question and will answer the same again. */
const rejections: ReadonlySet<number> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE,
  status.UNIMPLEMENTED,
]);

/** All else is trouble of this one endpoint: unreachable, overloaded, cancelled, or garbage. */
export function fromServiceError(thrown: unknown): HeraldClientError {
  if (thrown instanceof HeraldClientError) return thrown;
  const code = numberOf(thrown);
  const name = code === undefined ? undefined : status[code];
  const reason = thrown instanceof Error ? detailsOf(thrown) : String(thrown);
  const message = name === undefined ? reason : `${name}: ${reason}`;
  const isRejected = code !== undefined && rejections.has(code);
  return new HeraldClientError(isRejected ? 'REJECTED' : 'UNREACHABLE', message, {
    cause: thrown,
    retryAfterMs: retryAfterMs(thrown),
  });
}

/**
 * What a server's push-back says, as gRPC's retry design (gRFC A6) has it: `grpc-retry-pushback-ms` is
 * the time to wait in milliseconds; what is negative or no number means not to come back.
 */
export function pushbackOf(metadata: Metadata): number | 'never' | undefined {
  const [value] = metadata.get('grpc-retry-pushback-ms');
  if (value === undefined) return undefined;
  return /^[0-9]{1,9}$/.test(String(value)) ? Number(value) : 'never';
}

/** Not to come back is to stay away for as long as a node is left alone at most. */
function retryAfterMs(thrown: unknown): number {
  if (!(thrown instanceof Error && 'metadata' in thrown)) return 0;
  if (!(thrown.metadata instanceof Metadata)) return 0;
  const pushback = pushbackOf(thrown.metadata) ?? 0;
  return pushback === 'never' ? endpointTuning.ejectCapMs : pushback;
}

function numberOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'number' ? thrown.code : undefined;
}

/** What the other end said, without the code that grpc-js puts before it. */
function detailsOf(error: Error): string {
  return 'details' in error && typeof error.details === 'string' ? error.details : error.message;
}
