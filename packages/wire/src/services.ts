/**
 * The gRPC services in the domain's types: definitions, clients and handlers. Protobuf types are gone
 * behind the (de)serialisers of the definitions.
 *
 * What grpc-js 1.14 does when a deserialiser throws: a server ends that call with INTERNAL and keeps
 * the reason from both ends, a client ends it with INTERNAL and the reason; neither process is harmed.
 * So a link decodes what is malformed to a frame that says so, and `addNodeService` and
 * `addElectorService` answer a bad request with INVALID_ARGUMENT and the field that is wrong.
 */
import { makeClientConstructor } from '@grpc/grpc-js';
import type {
  CallOptions,
  ChannelCredentials,
  ChannelOptions,
  Client,
  ClientDuplexStream,
  ClientReadableStream,
  ClientUnaryCall,
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  MethodDefinition,
  requestCallback,
  Server,
} from '@grpc/grpc-js';
import type { Frame } from '@herald/core';
import type { Codec } from './codec.ts';
import {
  confirmRequestCodec,
  confirmResponseCodec,
  raiseLineageRequestCodec,
  raiseLineageResponseCodec,
  statusRequestCodec,
  statusResponseCodec,
  stepDownRequestCodec,
  stepDownResponseCodec,
} from './elector-codec.ts';
import type {
  ConfirmRequest,
  ConfirmResponse,
  RaiseLineageRequest,
  RaiseLineageResponse,
  StatusRequest,
  StatusResponse,
  StepDownRequest,
  StepDownResponse,
} from './elector-messages.ts';
import { toServiceError } from './errors.ts';
import { decodeIncomingFrame, encodeFrame } from './frame-codec.ts';
import type { IncomingFrame } from './frame-codec.ts';
import { decodeIncomingLookup, encodeLookup, lookupAnswerCodec } from './lookup-codec.ts';
import {
  convergenceAnswerCodec,
  convergenceRequestCodec,
  getLeaderRequestCodec,
  leaderAnswerCodec,
  listMembersRequestCodec,
  memberListCodec,
  watchLeaderRequestCodec,
} from './node-codec.ts';
import type {
  ConvergenceAnswer,
  ConvergenceRequest,
  GetLeaderRequest,
  IncomingLookup,
  LeaderAnswer,
  ListMembersRequest,
  LookupAnswer,
  LookupRequest,
  MemberList,
  WatchLeaderRequest,
} from './node-messages.ts';

function method<Request, Response>(
  path: string,
  request: Codec<Request>,
  response: Codec<Response>,
  { responseStream = false } = {},
): MethodDefinition<Request, Response> {
  return {
    path,
    requestStream: false,
    responseStream,
    requestSerialize: request.encode,
    requestDeserialize: request.decode,
    responseSerialize: response.encode,
    responseDeserialize: response.decode,
  };
}

/** One bidirectional stream is one link. Both ends send frames and receive `IncomingFrame`s. */
export const gossipService = {
  link: {
    path: '/herald.v1.Gossip/Link',
    requestStream: true,
    responseStream: true,
    requestSerialize: encodeFrame,
    requestDeserialize: decodeIncomingFrame,
    responseSerialize: encodeFrame,
    responseDeserialize: decodeIncomingFrame,
  },
} as const;

export const nodeService = {
  getLeader: method('/herald.v1.Node/GetLeader', getLeaderRequestCodec, leaderAnswerCodec),
  // The two ends see a question differently, since it may be none when it arrives.
  lookup: {
    path: '/herald.v1.Node/Lookup',
    requestStream: true,
    responseStream: true,
    requestSerialize: encodeLookup,
    requestDeserialize: decodeIncomingLookup,
    responseSerialize: lookupAnswerCodec.encode,
    responseDeserialize: lookupAnswerCodec.decode,
  },
  watchLeader: method('/herald.v1.Node/WatchLeader', watchLeaderRequestCodec, leaderAnswerCodec, {
    responseStream: true,
  }),
  listMembers: method('/herald.v1.Node/ListMembers', listMembersRequestCodec, memberListCodec),
  convergence: method(
    '/herald.v1.Node/Convergence',
    convergenceRequestCodec,
    convergenceAnswerCodec,
  ),
} as const;

export const electorService = {
  confirm: method('/herald.v1.Elector/Confirm', confirmRequestCodec, confirmResponseCodec),
  status: method('/herald.v1.Elector/Status', statusRequestCodec, statusResponseCodec),
  stepDown: method('/herald.v1.Elector/StepDown', stepDownRequestCodec, stepDownResponseCodec),
  raiseLineage: method(
    '/herald.v1.Elector/RaiseLineage',
    raiseLineageRequestCodec,
    raiseLineageResponseCodec,
  ),
} as const;

// Handlers. Type aliases, because only those fit grpc-js's index signature.

// eslint-disable-next-line @typescript-eslint/consistent-type-definitions
export type GossipHandlers = {
  readonly link: handleBidiStreamingCall<IncomingFrame, Frame>;
};

// eslint-disable-next-line @typescript-eslint/consistent-type-definitions
export type NodeHandlers = {
  readonly getLeader: handleUnaryCall<GetLeaderRequest, LeaderAnswer>;
  readonly lookup: handleBidiStreamingCall<IncomingLookup, LookupAnswer>;
  readonly watchLeader: handleServerStreamingCall<WatchLeaderRequest, LeaderAnswer>;
  readonly listMembers: handleUnaryCall<ListMembersRequest, MemberList>;
  /** Answered with UNIMPLEMENTED when absent, as by a server of an earlier version. */
  readonly convergence?: handleUnaryCall<ConvergenceRequest, ConvergenceAnswer>;
};

// eslint-disable-next-line @typescript-eslint/consistent-type-definitions
export type ElectorHandlers = {
  readonly confirm: handleUnaryCall<ConfirmRequest, ConfirmResponse>;
  readonly status: handleUnaryCall<StatusRequest, StatusResponse>;
  readonly stepDown: handleUnaryCall<StepDownRequest, StepDownResponse>;
  /** Answered with UNIMPLEMENTED when absent, as by a server of an earlier version. */
  readonly raiseLineage?: handleUnaryCall<RaiseLineageRequest, RaiseLineageResponse>;
};

/** Puts the link service on `server`. */
export function addGossipService(server: Server, handlers: GossipHandlers): void {
  server.addService(gossipService, handlers);
}

/**
 * Puts the node service on `server`; a bad request is answered with INVALID_ARGUMENT. On a stream of
 * lookups bad questions are the handler's to answer: they arrive as what they are.
 */
export function addNodeService(server: Server, handlers: NodeHandlers): void {
  server.addService(
    {
      getLeader: tolerant(nodeService.getLeader),
      lookup: nodeService.lookup,
      watchLeader: tolerant(nodeService.watchLeader),
      listMembers: tolerant(nodeService.listMembers),
      convergence: tolerant(nodeService.convergence),
    },
    {
      getLeader: answering(handlers.getLeader),
      lookup: handlers.lookup,
      watchLeader: streaming(handlers.watchLeader),
      listMembers: answering(handlers.listMembers),
      ...(handlers.convergence === undefined
        ? {}
        : { convergence: answering(handlers.convergence) }),
    },
  );
}

/** Puts the elector service on `server`; a bad request is answered with INVALID_ARGUMENT. */
export function addElectorService(server: Server, handlers: ElectorHandlers): void {
  server.addService(
    {
      confirm: tolerant(electorService.confirm),
      status: tolerant(electorService.status),
      stepDown: tolerant(electorService.stepDown),
      raiseLineage: tolerant(electorService.raiseLineage),
    },
    {
      confirm: answering(handlers.confirm),
      status: answering(handlers.status),
      stepDown: answering(handlers.stepDown),
      ...(handlers.raiseLineage === undefined
        ? {}
        : { raiseLineage: answering(handlers.raiseLineage) }),
    },
  );
}

/** A request, or why it is none: the reason has to pass the deserialiser to reach the caller. */
type Arrived<Request> = { readonly request: Request } | { readonly error: unknown };

function tolerant<Request, Response>(
  definition: MethodDefinition<Request, Response>,
): MethodDefinition<Arrived<Request>, Response> {
  return {
    ...definition,
    requestSerialize: () => {
      throw new Error('this definition is for servers');
    },
    requestDeserialize: (bytes) => {
      try {
        return { request: definition.requestDeserialize(bytes) };
      } catch (error) {
        return { error };
      }
    },
  };
}

function answering<Request, Response>(
  handler: handleUnaryCall<Request, Response>,
): handleUnaryCall<Arrived<Request>, Response> {
  return (call, callback) => {
    const arrived = call.request;
    if ('error' in arrived) callback(toServiceError(arrived.error));
    else handler(Object.assign(call, { request: arrived.request }), callback);
  };
}

function streaming<Request, Response>(
  handler: handleServerStreamingCall<Request, Response>,
): handleServerStreamingCall<Arrived<Request>, Response> {
  return (call) => {
    const arrived = call.request;
    if ('error' in arrived) call.emit('error', toServiceError(arrived.error));
    else handler(Object.assign(call, { request: arrived.request }));
  };
}

// Clients. Each is made by `new XClient(address, credentials, channelOptions.…)` and closed by `close()`.

/** A unary call of a client; the callback has an error (a ServiceError) or an answer. */
interface UnaryMethod<Request, Response> {
  (request: Request, callback: requestCallback<Response>): ClientUnaryCall;
  (
    request: Request,
    optionsOrMetadata: Partial<CallOptions> | Metadata,
    callback: requestCallback<Response>,
  ): ClientUnaryCall;
  (
    request: Request,
    metadata: Metadata,
    options: Partial<CallOptions>,
    callback: requestCallback<Response>,
  ): ClientUnaryCall;
}

interface ServerStreamMethod<Request, Response> {
  (request: Request, options?: Partial<CallOptions>): ClientReadableStream<Response>;
  (
    request: Request,
    metadata: Metadata,
    options?: Partial<CallOptions>,
  ): ClientReadableStream<Response>;
}

interface BidiMethod<Sent, Received> {
  (options?: Partial<CallOptions>): ClientDuplexStream<Sent, Received>;
  (metadata: Metadata, options?: Partial<CallOptions>): ClientDuplexStream<Sent, Received>;
}

type ClientConstructor<T extends Client> = new (
  address: string,
  credentials: ChannelCredentials,
  options?: ChannelOptions,
) => T;

export interface GossipClient extends Client {
  readonly link: BidiMethod<Frame, IncomingFrame>;
}

export interface NodeClient extends Client {
  readonly getLeader: UnaryMethod<GetLeaderRequest, LeaderAnswer>;
  readonly lookup: BidiMethod<LookupRequest, LookupAnswer>;
  readonly watchLeader: ServerStreamMethod<WatchLeaderRequest, LeaderAnswer>;
  readonly listMembers: UnaryMethod<ListMembersRequest, MemberList>;
  readonly convergence: UnaryMethod<ConvergenceRequest, ConvergenceAnswer>;
}

export interface ElectorClient extends Client {
  readonly confirm: UnaryMethod<ConfirmRequest, ConfirmResponse>;
  readonly status: UnaryMethod<StatusRequest, StatusResponse>;
  readonly stepDown: UnaryMethod<StepDownRequest, StepDownResponse>;
  readonly raiseLineage: UnaryMethod<RaiseLineageRequest, RaiseLineageResponse>;
}

// grpc-js types every client alike; the definitions above are what makes these true.
export const GossipClient = makeClientConstructor(
  gossipService,
  'herald.v1.Gossip',
) as unknown as ClientConstructor<GossipClient>;
export const NodeClient = makeClientConstructor(
  nodeService,
  'herald.v1.Node',
) as unknown as ClientConstructor<NodeClient>;
export const ElectorClient = makeClientConstructor(
  electorService,
  'herald.v1.Elector',
) as unknown as ClientConstructor<ElectorClient>;
