/** Puts the platform under the client: gRPC, unless another transport is given. */
import { createClientOver } from './client.ts';
import type { Client } from './client.ts';
import type { ClientOptions } from './client-options.ts';
import { createGrpcTransport } from './grpc/grpc-transport.ts';

/**
 * A client of one election. Nothing is asked before the first call.
 *
 * @throws HeraldClientError `INVALID_ARGUMENT` that names the option.
 */
export function createClient(options: ClientOptions): Client {
  return createClientOver({ ...options, transport: options.transport ?? createGrpcTransport() });
}
