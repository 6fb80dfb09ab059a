/**
 * A service with a method of each kind, its servers on loopback, and a Herald client in memory that a
 * test tells who leads: for the tests of stubs that follow the leader.
 */
import { credentials, makeGenericClientConstructor, Metadata, Server } from '@grpc/grpc-js';
import type {
  Client as GrpcClient,
  ClientDuplexStream,
  ClientOptions as GrpcClientOptions,
  ClientReadableStream,
  ClientUnaryCall,
  ClientWritableStream,
  CallOptions,
  sendUnaryData,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceError,
} from '@grpc/grpc-js';
import type { Address, LeaderClaim } from '@herald/core';
import { channelOptions, encodeRecord, notLeaderStatus } from '@herald/wire';
import type { NotLeader } from '@herald/wire';
import { createClientOver } from '../client.ts';
import type { Client } from '../client.ts';
import type { ClientOptions } from '../client-options.ts';
import { systemClock } from '../clock.ts';
import { MemoryNetwork } from '../memory/memory-network.ts';
import { claim, election, vacancy } from './fixture.ts';
import { serve } from './test-node.ts';

/** What a server answers: who it is, and what it was sent. */
export interface Ticket {
  readonly by: string;
  readonly sent: readonly string[];
}

const json = {
  requestSerialize: (value: unknown) => Buffer.from(JSON.stringify(value)),
  requestDeserialize: (bytes: Buffer): unknown => JSON.parse(bytes.toString()),
  responseSerialize: (value: unknown) => Buffer.from(JSON.stringify(value)),
  responseDeserialize: (bytes: Buffer): unknown => JSON.parse(bytes.toString()),
};

const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/tickets.Tickets/${name}`,
  requestStream,
  responseStream,
  ...json,
});

const definition = {
  draw: method('Draw', false, false),
  batch: method('Batch', true, false),
  listen: method('Listen', false, true),
  chat: method('Chat', true, true),
};

type Answer = (error: ServiceError | null, ticket?: Ticket) => void;

// What a generator would write for the service above.
export interface TicketsStub extends GrpcClient {
  draw(text: string, metadata: Metadata, options: CallOptions, answer: Answer): ClientUnaryCall;
  batch(metadata: Metadata, options: CallOptions, answer: Answer): ClientWritableStream<string>;
  listen(text: string, metadata: Metadata, options: CallOptions): ClientReadableStream<Ticket>;
  chat(metadata: Metadata, options: CallOptions): ClientDuplexStream<string, Ticket>;
}

const TicketsStub = makeGenericClientConstructor(definition, 'tickets.Tickets') as unknown as new (
  target: string,
  creds: ReturnType<typeof credentials.createInsecure>,
  options: GrpcClientOptions,
) => TicketsStub;

export function newStub(target: string, options: GrpcClientOptions): TicketsStub {
  return new TicketsStub(target, credentials.createInsecure(), options);
}

/** A moment as gRPC wants it, for a call that begins now. */
export function deadlineIn(timeoutMs: number): number {
  // eslint-disable-next-line no-restricted-properties -- gRPC states deadlines so
  return Date.now() + timeoutMs;
}

/** `draw` as a promise. */
export function draw(
  stub: TicketsStub,
  options: CallOptions & { readonly metadata?: Metadata; readonly text?: string } = {},
): Promise<Ticket> {
  const { metadata = new Metadata(), text = 'one', ...rest } = options;
  return new Promise((resolve, reject) => {
    stub.draw(text, metadata, { deadline: deadlineIn(20_000), ...rest }, (error, ticket) => {
      if (ticket !== undefined) resolve(ticket);
      else reject(error ?? new Error('no ticket'));
    });
  });
}

export interface TicketServer extends AsyncDisposable {
  readonly address: Address;
  /** Metadata of the calls that arrived, in order; those it refused, too. */
  readonly seen: Metadata[];
  /** What it refuses calls with; `undefined`: it serves them. */
  refusal: NotLeader | undefined;
  /** Calls are answered when this resolves. */
  gate: Promise<void>;
  /** Of a stream: the answer comes, and then the refusal. */
  refusesLate: boolean;
}

export async function startTicketServer(by: string, at?: string): Promise<TicketServer> {
  const server = new Server(channelOptions.server);
  const seen: Metadata[] = [];
  const control = { seen, refusal: undefined, gate: Promise.resolve(), refusesLate: false };
  const ticketServer = control as unknown as TicketServer & { address: Address };
  const refuse = (): ServiceError | undefined => {
    const { refusal } = ticketServer;
    return refusal && Object.assign(new Error('refused'), notLeaderStatus(refusal));
  };
  const unary = async (
    metadata: Metadata,
    sent: readonly string[],
    answer: sendUnaryData<Ticket>,
  ): Promise<void> => {
    seen.push(metadata);
    const refused = refuse();
    if (refused !== undefined) {
      answer(refused);
      return;
    }
    await ticketServer.gate;
    answer(null, { by, sent });
  };
  const stream = (
    call: ServerWritableStream<string, Ticket> | ServerDuplexStream<string, Ticket>,
    sent: readonly string[],
  ): void => {
    if (!ticketServer.refusesLate && refuse() !== undefined) {
      call.emit('error', refuse());
      return;
    }
    call.write({ by, sent });
    const refused = refuse();
    if (refused === undefined) call.end();
    else setImmediate(() => call.emit('error', refused));
  };
  server.addService(definition, {
    draw: (call: ServerUnaryCall<string, Ticket>, answer: sendUnaryData<Ticket>) => {
      void unary(call.metadata, [call.request], answer);
    },
    batch: (call: ServerReadableStream<string, Ticket>, answer: sendUnaryData<Ticket>) => {
      const sent: string[] = [];
      call.on('data', (text: string) => sent.push(text));
      call.on('end', () => void unary(call.metadata, sent, answer));
    },
    listen: (call: ServerWritableStream<string, Ticket>) => {
      seen.push(call.metadata);
      stream(call, [call.request]);
    },
    chat: (call: ServerDuplexStream<string, Ticket>) => {
      seen.push(call.metadata);
      call.once('data', (text: string) => {
        stream(call, [text]);
      });
    },
  });
  const address = await serve(server, at);
  const stop = (): Promise<void> => {
    server.forceShutdown();
    return Promise.resolve();
  };
  return Object.assign(ticketServer, { address, [Symbol.asyncDispose]: stop });
}

/** The leader of `epoch` at `address`. */
export function leaderAt(epoch: number, address: string, validityMs = 60_000): LeaderClaim {
  const record = claim(epoch, { validityMs });
  return { ...record, leader: { ...record.leader, address } };
}

/** A refusal by someone who knows `record`. */
export function refusalWith(record?: LeaderClaim, retryAfterMs?: number): NotLeader {
  const known = record && { sealed: encodeRecord(record), ageMs: 1, hops: 1 };
  return { election, known, retryAfterMs };
}

export interface World extends AsyncDisposable {
  readonly client: Client;
  readonly network: MemoryNetwork;
  /** The one node learns that `address` leads. */
  elect(epoch: number, address: string, validityMs?: number): void;
  /** The one node learns that nobody leads since `epoch`. */
  resign(epoch: number): void;
}

/** A Herald client of one node, by the platform's clock. */
export function startWorld(options: Partial<ClientOptions> = {}): World {
  const network = new MemoryNetwork(systemClock);
  const client = createClientOver({
    seeds: ['node:1'],
    election,
    transport: network.transport(),
    ...options,
  });
  return {
    client,
    network,
    elect: (epoch, address, validityMs) => {
      network.at('node:1').hold(leaderAt(epoch, address, validityMs));
    },
    resign: (epoch) => {
      network.at('node:1').hold(vacancy(epoch));
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}
