/** Starts a member: the server first, so that the address it goes by is known. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { parseAddress } from '@herald/core';
import type { Frame } from '@herald/core';
import { channelOptions, gossipService } from '@herald/wire';
import type { IncomingFrame } from '@herald/wire';
import { monotonicNowMs } from './clocks.ts';
import { ConnectionGate } from './connection-gate.ts';
import { openEntrance } from './entrance.ts';
import type { Entrance } from './entrance.ts';
import { acceptedStream } from './grpc-streams.ts';
import { bracketed } from './host.ts';
import { Member } from './member.ts';
import type { MemberOptions } from './options.ts';
import { hostOf } from './peer-gate.ts';
import { silentLogger } from './silent-logger.ts';
import { StatsCollector } from './stats.ts';
import { checkOwnIdentity, Gatekeeper } from './tls/gatekeeper.ts';
import { listenSecurely } from './tls/secure-listener.ts';

/**
 * Starts a member: it listens when the promise resolves, and joins from then on.
 * @throws MemberError `ADDRESS_IN_USE`, `LISTEN_FAILED`, or `WRONG_CERTIFICATE` when that of `tls` is
 *   for another cluster, role or node id.
 */
export async function createMember(options: MemberOptions): Promise<Member> {
  const gatekeeper = gatekeeperOf(options);
  const server = new Server({
    ...channelOptions.server,
    ...(gatekeeper === undefined ? {} : { interceptors: [gatekeeper.interceptor] }),
  });
  const started: { member?: Member } = {}; // the server answers as soon as it is bound
  const stats = new StatsCollector();
  const link = {
    ...gossipService.link,
    requestDeserialize: stats.decode,
    responseSerialize: stats.encode,
  };
  server.addService(
    { link },
    {
      link: (call: ServerDuplexStream<IncomingFrame, Frame>) => {
        const stream = acceptedStream(call);
        if (started.member === undefined) stream.abort('this member is starting');
        else started.member.accept(stream, hostOf(call.getPeer()), gatekeeper?.vouchedFor(call));
      },
    },
  );
  options.addServices?.(server);
  const connections = connectionGateOf(options);
  const entrance = await entranceTo(server, gatekeeper, connections, options);
  const host = dialableHost(options.listen.host);
  const address = options.advertise ?? parseAddress(`${host}:${entrance.port}`);
  const parts = { server, stats, entrance, connections, gatekeeper };
  started.member = new Member(options, parts, address);
  return started.member;
}

function entranceTo(
  server: Server,
  gatekeeper: Gatekeeper | undefined,
  connections: ConnectionGate,
  { listen, logger = silentLogger }: MemberOptions,
): Promise<Entrance> {
  // Whoever gets as far as this has been let in: TLS is spoken before grpc-js hears of a connection.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  if (gatekeeper !== undefined) return listenSecurely(injector, gatekeeper, connections, listen);
  return openEntrance(listen, connections, {
    admitted: (socket) => {
      injector.injectConnection(socket);
    },
    failed: ({ message }) => {
      logger.debug({ reason: message }, 'a connection could not be accepted');
    },
  });
}

function connectionGateOf({ connectionsPerAddressMax, logger }: MemberOptions): ConnectionGate {
  const bounds = { perAddressMax: connectionsPerAddressMax };
  return new ConnectionGate(bounds, logger ?? silentLogger, monotonicNowMs);
}

function gatekeeperOf(options: MemberOptions): Gatekeeper | undefined {
  const { tls, logger = silentLogger } = options;
  if (tls === undefined) return undefined;
  checkOwnIdentity(tls, options);
  return new Gatekeeper(tls, logger, () => performance.now());
}

/** A wildcard host is for listening; what others dial on this machine is the loopback address. */
function dialableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::' || host === '[::]') return '[::1]';
  return bracketed(host);
}
