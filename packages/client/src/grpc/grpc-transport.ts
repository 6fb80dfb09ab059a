/** Questions over gRPC. Decides nothing but which call of grpc-js a question is. */
import type { Address } from '@herald/core';
import { channelOptions, ElectorClient, NodeClient } from '@herald/wire';
import type { LeaderAnswer, WatchLeaderRequest } from '@herald/wire';
import { onAbort } from '../on-abort.ts';
import type { OperatorTransport, Transport, TransportCall } from '../transport.ts';
import { askOnce } from './ask-once.ts';
import { ChannelPool } from './channel-pool.ts';
import { fromServiceError } from './grpc-errors.ts';
import { channelsOf } from './grpc-security.ts';
import type { SecurityOptions } from './grpc-security.ts';
import { Lookups } from './lookups.ts';

/** @throws HeraldClientError `INVALID_ARGUMENT` unless `tls` is given, or `insecure` is true. */
export function createGrpcTransport(options: SecurityOptions): Transport & OperatorTransport {
  const channels = channelsOf(options);
  // A pool of its own for each channel: closing it closes its connection, now and not in 10 s.
  const channel = { ...channelOptions.query, 'grpc.use_local_subchannel_pool': 1 };
  const nodes = new ChannelPool(
    () => channels('member'),
    (address, credentials) => new NodeClient(address, credentials, channel),
  );
  const electors = new ChannelPool(
    () => channels('elector'),
    (address, credentials) => new ElectorClient(address, credentials, channel),
  );
  const lookups = new Lookups(nodes);
  return {
    lookup: (endpoint, request, call) => lookups.ask(endpoint, request, call),
    watch: (endpoint, request, call) => watch(nodes, endpoint, request, call),
    members: (endpoint, call) =>
      askOnce(nodes, endpoint, call, (stub, done) => stub.listMembers({}, done)),
    convergence: (endpoint, request, call) =>
      askOnce(nodes, endpoint, call, (stub, done) => stub.convergence(request, done)),
    confirm: (elector, request, call) =>
      askOnce(electors, elector, call, (stub, done) => stub.confirm(request, done)),
    status: (elector, request, call) =>
      askOnce(electors, elector, call, (stub, done) => stub.status(request, done)),
    stepDown: (elector, request, call) =>
      askOnce(electors, elector, call, (stub, done) => stub.stepDown(request, done)),
    raiseLineage: (elector, request, call) =>
      askOnce(electors, elector, call, (stub, done) => stub.raiseLineage(request, done)),
    [Symbol.asyncDispose]: () => {
      lookups.close();
      nodes.close();
      electors.close();
      return Promise.resolve();
    },
  };
}

/** Reading pauses the stream while the reader is busy; grpc-js then stops the sender. */
async function* watch(
  pool: ChannelPool<NodeClient>,
  address: Address,
  request: WatchLeaderRequest,
  { signal }: TransportCall,
): AsyncGenerator<LeaderAnswer, void, undefined> {
  signal.throwIfAborted();
  const { stub, giveBack } = pool.borrow(address);
  const stream = stub.watchLeader(request);
  // To cancel a stream that is no longer read makes it report that to nobody: without a listener
  // Node would raise it.
  stream.on('error', () => undefined);
  const stopListening = onAbort(signal, () => {
    stream.cancel();
  });
  try {
    for await (const answer of stream as AsyncIterable<LeaderAnswer>) yield answer;
  } catch (error) {
    throw fromServiceError(error);
  } finally {
    stopListening();
    stream.cancel();
    giveBack();
  }
}
