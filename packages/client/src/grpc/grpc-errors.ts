/** Decides what a gRPC status means to the client: refused as it stands, or to be tried elsewhere. */
import { status } from '@grpc/grpc-js';
import { HeraldClientError } from '../errors.ts';

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
  return new HeraldClientError(isRejected ? 'REJECTED' : 'UNREACHABLE', message, { cause: thrown });
}

function numberOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'number' ? thrown.code : undefined;
}

/** What the other end said, without the code that grpc-js puts before it. */
function detailsOf(error: Error): string {
  return 'details' in error && typeof error.details === 'string' ? error.details : error.message;
}
