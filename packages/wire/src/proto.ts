/**
 * Loads the proto files, from the copy that travels with this package, and hands out the codec of
 * each message in the generated types. Nothing outside this package sees those.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadSync } from '@grpc/proto-loader';
import type {
  AnyDefinition,
  EnumTypeDefinition,
  MessageTypeDefinition,
  PackageDefinition,
} from '@grpc/proto-loader';
import { WireError } from './errors.ts';
import type { CarriedRecord, CarriedRecord__Output } from './generated/herald/v1/CarriedRecord.ts';
import type {
  ConfirmRequest,
  ConfirmRequest__Output,
} from './generated/herald/v1/ConfirmRequest.ts';
import type {
  ConfirmResponse,
  ConfirmResponse__Output,
} from './generated/herald/v1/ConfirmResponse.ts';
import type {
  ConvergenceRequest,
  ConvergenceRequest__Output,
} from './generated/herald/v1/ConvergenceRequest.ts';
import type {
  ConvergenceResponse,
  ConvergenceResponse__Output,
} from './generated/herald/v1/ConvergenceResponse.ts';
import type { ErrorInfo, ErrorInfo__Output } from './generated/google/rpc/ErrorInfo.ts';
import type { RetryInfo, RetryInfo__Output } from './generated/google/rpc/RetryInfo.ts';
import type { Status, Status__Output } from './generated/google/rpc/Status.ts';
import type { EndpointState, EndpointState__Output } from './generated/herald/v1/EndpointState.ts';
import type { Frame, Frame__Output } from './generated/herald/v1/Frame.ts';
import type {
  GetLeaderRequest,
  GetLeaderRequest__Output,
} from './generated/herald/v1/GetLeaderRequest.ts';
import type { LeaderAnswer, LeaderAnswer__Output } from './generated/herald/v1/LeaderAnswer.ts';
import type { LeaderRecord, LeaderRecord__Output } from './generated/herald/v1/LeaderRecord.ts';
import type {
  ListMembersRequest,
  ListMembersRequest__Output,
} from './generated/herald/v1/ListMembersRequest.ts';
import type {
  ListMembersResponse,
  ListMembersResponse__Output,
} from './generated/herald/v1/ListMembersResponse.ts';
import type { LookupAnswer, LookupAnswer__Output } from './generated/herald/v1/LookupAnswer.ts';
import type { LookupRequest, LookupRequest__Output } from './generated/herald/v1/LookupRequest.ts';
import type {
  RaiseLineageRequest,
  RaiseLineageRequest__Output,
} from './generated/herald/v1/RaiseLineageRequest.ts';
import type {
  RaiseLineageResponse,
  RaiseLineageResponse__Output,
} from './generated/herald/v1/RaiseLineageResponse.ts';
import type { StatusRequest, StatusRequest__Output } from './generated/herald/v1/StatusRequest.ts';
import type {
  StatusResponse,
  StatusResponse__Output,
} from './generated/herald/v1/StatusResponse.ts';
import type {
  StepDownRequest,
  StepDownRequest__Output,
} from './generated/herald/v1/StepDownRequest.ts';
import type {
  StepDownResponse,
  StepDownResponse__Output,
} from './generated/herald/v1/StepDownResponse.ts';
import type {
  WatchLeaderRequest,
  WatchLeaderRequest__Output,
} from './generated/herald/v1/WatchLeaderRequest.ts';

const generated = new URL('../generated/', import.meta.url);

const loaded = load('herald/v1/gossip.proto', 'herald/v1/node.proto', 'herald/v1/elector.proto');
/** Kept apart: reflection describes what is ours alone. */
const loadedStandard = load('google/rpc/status.proto', 'google/rpc/error_details.proto');

function load(...files: string[]): PackageDefinition {
  return loadSync(files, {
    includeDirs: [fileURLToPath(new URL('proto', generated))],
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
}

/**
 * All services and messages of `herald.v1`, for gRPC server reflection. Their descriptor is the one
 * that `generate.mjs` wrote; the loader's own is not valid where a message has a map.
 */
export const packageDefinition = withDescriptor(
  loaded,
  readFileSync(new URL('descriptor.bin', generated)),
);

function withDescriptor(definition: PackageDefinition, descriptor: Buffer): PackageDefinition {
  return Object.fromEntries(
    Object.entries(definition).map(([name, described]): [string, AnyDefinition] => {
      if (!isTypeDefinition(described)) return [name, described];
      return [name, { ...described, fileDescriptorProtos: [descriptor] }];
    }),
  );
}

function isTypeDefinition(
  definition: AnyDefinition,
): definition is EnumTypeDefinition | MessageTypeDefinition<object, object> {
  return 'fileDescriptorProtos' in definition;
}

/** One message type of the proto files; `Input` is what one may leave out fields of. */
export interface MessageCodec<Input, Output> {
  readonly encode: (message: Input) => Buffer;
  /** @throws WireError `MALFORMED` when the bytes are no such message. */
  readonly decode: (bytes: Uint8Array) => Output;
}

function messageCodec<Input, Output>(name: string): MessageCodec<Input, Output> {
  return codecOf(loaded, 'herald.v1', name);
}

function standardCodec<Input, Output>(name: string): MessageCodec<Input, Output> {
  return codecOf(loadedStandard, 'google.rpc', name);
}

function codecOf<Input, Output>(
  from: PackageDefinition,
  packageName: string,
  name: string,
): MessageCodec<Input, Output> {
  const definition = from[`${packageName}.${name}`];
  if (definition === undefined || !('deserialize' in definition)) {
    throw new Error(`message ${packageName}.${name} is not in the proto files`);
  }
  // The loader types all messages alike; the generated types come from the same proto files.
  const { serialize, deserialize } = definition as unknown as MessageTypeDefinition<Input, Output>;
  return {
    encode: serialize,
    decode: (bytes) => {
      try {
        return deserialize(asBuffer(bytes));
      } catch (error) {
        throw new WireError('MALFORMED', undefined, `these bytes are no ${name}`, error);
      }
    },
  };
}

/** protobufjs reads strings several times faster from a Buffer than from a bare Uint8Array. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The codecs of all messages that travel on their own. */
export const messages = {
  frame: messageCodec<Frame, Frame__Output>('Frame'),
  endpointState: messageCodec<EndpointState, EndpointState__Output>('EndpointState'),
  carriedRecord: messageCodec<CarriedRecord, CarriedRecord__Output>('CarriedRecord'),
  leaderRecord: messageCodec<LeaderRecord, LeaderRecord__Output>('LeaderRecord'),
  leaderAnswer: messageCodec<LeaderAnswer, LeaderAnswer__Output>('LeaderAnswer'),
  getLeaderRequest: messageCodec<GetLeaderRequest, GetLeaderRequest__Output>('GetLeaderRequest'),
  lookupRequest: messageCodec<LookupRequest, LookupRequest__Output>('LookupRequest'),
  lookupAnswer: messageCodec<LookupAnswer, LookupAnswer__Output>('LookupAnswer'),
  watchLeaderRequest: messageCodec<WatchLeaderRequest, WatchLeaderRequest__Output>(
    'WatchLeaderRequest',
  ),
  listMembersRequest: messageCodec<ListMembersRequest, ListMembersRequest__Output>(
    'ListMembersRequest',
  ),
  listMembersResponse: messageCodec<ListMembersResponse, ListMembersResponse__Output>(
    'ListMembersResponse',
  ),
  convergenceRequest: messageCodec<ConvergenceRequest, ConvergenceRequest__Output>(
    'ConvergenceRequest',
  ),
  convergenceResponse: messageCodec<ConvergenceResponse, ConvergenceResponse__Output>(
    'ConvergenceResponse',
  ),
  confirmRequest: messageCodec<ConfirmRequest, ConfirmRequest__Output>('ConfirmRequest'),
  confirmResponse: messageCodec<ConfirmResponse, ConfirmResponse__Output>('ConfirmResponse'),
  statusRequest: messageCodec<StatusRequest, StatusRequest__Output>('StatusRequest'),
  statusResponse: messageCodec<StatusResponse, StatusResponse__Output>('StatusResponse'),
  stepDownRequest: messageCodec<StepDownRequest, StepDownRequest__Output>('StepDownRequest'),
  stepDownResponse: messageCodec<StepDownResponse, StepDownResponse__Output>('StepDownResponse'),
  raiseLineageRequest: messageCodec<RaiseLineageRequest, RaiseLineageRequest__Output>(
    'RaiseLineageRequest',
  ),
  raiseLineageResponse: messageCodec<RaiseLineageResponse, RaiseLineageResponse__Output>(
    'RaiseLineageResponse',
  ),
};

/** The messages that all of gRPC tells the details of an error by. */
export const standardMessages = {
  status: standardCodec<Status, Status__Output>('Status'),
  errorInfo: standardCodec<ErrorInfo, ErrorInfo__Output>('ErrorInfo'),
  retryInfo: standardCodec<RetryInfo, RetryInfo__Output>('RetryInfo'),
};
