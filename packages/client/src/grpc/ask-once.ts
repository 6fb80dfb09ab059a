/** One question as one unary call. Decides nothing but how a call of grpc-js becomes a promise. */
import type { Client, ClientUnaryCall, requestCallback } from '@grpc/grpc-js';
import type { Address } from '@herald/core';
import { HeraldClientError } from '../errors.ts';
import { onAbort } from '../on-abort.ts';
import type { TransportCall } from '../transport.ts';
import type { ChannelPool } from './channel-pool.ts';
import { fromServiceError } from './grpc-errors.ts';

/** The deadline is the caller's signal: no wall clock is involved. */
export function askOnce<Stub extends Client, Answer>(
  pool: ChannelPool<Stub>,
  address: Address,
  { signal }: TransportCall,
  send: (stub: Stub, done: requestCallback<Answer>) => ClientUnaryCall,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const { stub, giveBack } = pool.borrow(address);
    const call = send(stub, (error, answer) => {
      giveBack();
      stopListening();
      if (error !== null) reject(fromServiceError(error));
      else if (answer === undefined) reject(new HeraldClientError('UNREACHABLE', 'no answer'));
      else resolve(answer);
    });
    const stopListening = onAbort(signal, () => {
      call.cancel();
    });
  });
}
