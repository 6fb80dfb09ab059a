/** Puts the platform under the client: gRPC, unless another transport is given. */
import { createClientOver } from './client.ts';
import type { Client } from './client.ts';
import type { ClientOptions } from './client-options.ts';
import { readGrpcFailure } from './grpc/grpc-work-failure.ts';
import { createGrpcTransport } from './grpc/grpc-transport.ts';
import { firstOf } from './work-failure.ts';

/**
 * A client of one election. Nothing is asked before the first call.
 *
 * @throws HeraldClientError `INVALID_ARGUMENT` that names the option.
 */
export function createClient(options: ClientOptions): Client {
  const { readFailure } = options;
  return createClientOver({
    ...options,
    transport: options.transport ?? createGrpcTransport(),
    readFailure: firstOf(...(readFailure === undefined ? [] : [readFailure]), readGrpcFailure),
  });
}
