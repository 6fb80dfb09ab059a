/** Stands for what a user's generator makes: the snippets of docs/GRPC.md use it. */
import { Client } from '@grpc/grpc-js';
import type {
  CallOptions,
  ChannelCredentials,
  ClientOptions,
  ClientUnaryCall,
  ServiceError,
} from '@grpc/grpc-js';

type Answer = (error: ServiceError | null, ticket?: { readonly number: number }) => void;

export declare class TicketsClient extends Client {
  constructor(address: string, credentials: ChannelCredentials, options?: Partial<ClientOptions>);
  draw(request: { readonly count: number }, options: CallOptions, answer: Answer): ClientUnaryCall;
}
