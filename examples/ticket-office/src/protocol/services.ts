/**
 * The two services of the ticket office, read from its proto file. Decides how what travels is typed:
 * epochs are 64 bits wide, and text on the wire's side.
 */
import { fileURLToPath } from 'node:url';
import type { MethodDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ServiceDefinition } from '@grpc/proto-loader';
import type { FencingToken } from '@herald/elector';

/** As the loader reads a `FencingToken`. */
export interface TokenMessage {
  readonly lineage: number;
  readonly epoch: string;
}

export interface DrawRequest {
  readonly requestId: string;
  readonly customer: string;
}

export interface TicketMessage extends TokenMessage {
  readonly number: number;
}

export interface OpenRequest {
  readonly token: TokenMessage | null;
}

export interface OpenResponse {
  readonly lastNumber: number;
}

export interface AppendRequest extends DrawRequest {
  readonly token: TokenMessage | null;
  readonly number: number;
}

export interface AppendResponse {
  readonly ticket: TicketMessage | null;
}

interface TicketsService {
  readonly Draw: MethodDefinition<DrawRequest, TicketMessage>;
}

interface StoreService {
  readonly Open: MethodDefinition<OpenRequest, OpenResponse>;
  readonly Append: MethodDefinition<AppendRequest, AppendResponse>;
}

const loaded = loadSync(
  fileURLToPath(new URL('../../proto/ticket-office.proto', import.meta.url)),
  { longs: String, defaults: true },
);

function service(name: string): ServiceDefinition {
  const definition = loaded[`ticket_office.v1.${name}`];
  if (definition === undefined) throw new Error(`there is no service ${name} in the proto file`);
  return definition as ServiceDefinition;
}

// The loader types all services alike; the interfaces above say what the file does.
export const ticketsService = service('Tickets') as ServiceDefinition & TicketsService;
export const storeService = service('Store') as ServiceDefinition & StoreService;

export function toTokenMessage({ lineage, epoch }: FencingToken): TokenMessage {
  return { lineage, epoch: String(epoch) };
}

/** A message that names no leadership names the lowest, which no leader has. */
export function toToken(message: TokenMessage | null): FencingToken {
  return { lineage: message?.lineage ?? 0, epoch: BigInt(message?.epoch ?? 0) };
}
