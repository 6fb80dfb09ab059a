/** Puts the platform under the operator's calls: gRPC, unless another transport is given. */
import { createGrpcTransport } from './grpc/grpc-transport.ts';
import type { SecurityOptions } from './grpc/grpc-security.ts';
import { createOperatorOver } from './operator.ts';
import type { Operator, OperatorOptions } from './operator.ts';

export type CreateOperatorOptions = Omit<OperatorOptions, 'transport'> &
  Partial<Pick<OperatorOptions, 'transport'>> &
  SecurityOptions;

/**
 * @throws HeraldClientError `INVALID_ARGUMENT` when `elector` is no address, or neither `tls` nor
 *   `insecure` is given.
 */
export function createOperator(options: CreateOperatorOptions): Operator {
  return createOperatorOver({
    ...options,
    transport: options.transport ?? createGrpcTransport(options),
  });
}
