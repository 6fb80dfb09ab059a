/** Decides how a call is made: as a promise, with a deadline, and ended by a signal. */
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/grpc-js';

/**
 * grpc-js waits 1 s before it dials again, and up to 120 s later on. A leader that has come back is to be
 * reached at once, and the dial of one machine's loopback costs next to nothing.
 */
const channelOptions = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 500,
};

export function dial(address: string): Client {
  return new Client(address, credentials.createInsecure(), channelOptions);
}

export interface UnaryOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Sent as metadata. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * One call.
 * @throws ServiceError of grpc-js; CANCELLED when the signal aborted
 */
export function unary<Request, Response>(
  client: Client,
  method: MethodDefinition<Request, Response>,
  request: Request,
  { timeoutMs, signal, headers = {} }: UnaryOptions = {},
): Promise<Response> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadata,
      timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
      (error, response) => {
        signal?.removeEventListener('abort', cancel);
        if (response !== undefined) resolve(response);
        else reject(error ?? new Error(`${method.path} ended without an answer`));
      },
    );
    const cancel = (): void => {
      call.cancel();
    };
    if (signal?.aborted === true) cancel();
    else signal?.addEventListener('abort', cancel, { once: true });
  });
}
