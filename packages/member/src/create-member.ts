/** Starts a member: the server first, so that the address it goes by is known. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { parseAddress } from '@herald/core';
import type { Frame } from '@herald/core';
import { channelOptions, gossipService } from '@herald/wire';
import type { IncomingFrame } from '@herald/wire';
import { bindServer } from './bind-server.ts';
import { acceptedStream } from './grpc-streams.ts';
import { Member } from './member.ts';
import type { MemberOptions } from './options.ts';
import { hostOf } from './peer-gate.ts';
import { StatsCollector } from './stats.ts';

/**
 * Starts a member: it listens when the promise resolves, and joins from then on.
 * @throws MemberError `ADDRESS_IN_USE` or `LISTEN_FAILED`.
 */
export async function createMember(options: MemberOptions): Promise<Member> {
  const server = new Server(channelOptions.server);
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
        else started.member.accept(stream, hostOf(call.getPeer()));
      },
    },
  );
  options.addServices?.(server);
  const port = await bindServer(
    server,
    options.listen,
    options.credentials?.server ?? ServerCredentials.createInsecure(),
  );
  const address = options.advertise ?? parseAddress(`${dialableHost(options.listen.host)}:${port}`);
  started.member = new Member(options, server, stats, { ...options.listen, port }, address);
  return started.member;
}

/** A wildcard host is for listening; what others dial on this machine is the loopback address. */
function dialableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::' || host === '[::]') return '[::1]';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
