/**
 * Listens for TLS and hands connections to a grpc-js server. It would listen by itself, but then nobody
 * learns why a handshake failed, nor cuts off whom the gatekeeper does not admit with a reason. Decides
 * how long a handshake may take.
 */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Server } from '@grpc/grpc-js';
import { bindError } from '../bind-server.ts';
import type { Entrance } from '../bind-server.ts';
import type { Gatekeeper } from './gatekeeper.ts';

/** Three round trips and some milliseconds of arithmetic; a machine under full load still makes it. */
const handshakeTimeoutMs = 10_000;

const plainText = /WRONG_VERSION|HTTP_REQUEST|UNSUPPORTED_PROTOCOL|PACKET_LENGTH|NO_SHARED|ALPN/i;

/** @throws MemberError `ADDRESS_IN_USE` or `LISTEN_FAILED`. */
export async function listenSecurely(
  server: Server,
  gate: Gatekeeper,
  listen: { readonly host: string; readonly port: number },
): Promise<Entrance> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = createServer({
    ...gate.tls.serverContext(),
    ALPNProtocols: ['h2'],
    requestCert: true,
    // The gatekeeper rejects, with the reason; Node would only say that the connection ended.
    rejectUnauthorized: false,
    handshakeTimeout: handshakeTimeoutMs,
  });
  const sockets = new Set<Socket>();
  listener.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  listener.on('secureConnection', (socket) => {
    // Node raises what nobody listens to; a connection that breaks is told by its streams.
    socket.on('error', () => undefined);
    if (!gate.admits(socket)) socket.destroy();
    else injector.injectConnection(socket);
  });
  listener.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    const code = error.code ?? error.message;
    gate.refuse(plainText.test(code) ? 'not-tls' : 'handshake', code, socket.remoteAddress);
    socket.destroy();
  });
  const stopReplacing = gate.tls.onReplace(() => {
    listener.setSecureContext(gate.tls.serverContext());
  });
  listener.listen(listen.port, listen.host.replace(/^\[|\]$/g, ''));
  try {
    await once(listener, 'listening');
  } catch (error) {
    throw bindError(listen, (error as NodeJS.ErrnoException).code, error);
  }
  // A connection that could not be accepted, for want of file descriptors; the next may be.
  listener.on('error', (error: Error) => {
    gate.refuse('handshake', error.message, undefined);
  });
  return {
    port: (listener.address() as AddressInfo).port,
    close: () => {
      stopReplacing();
      listener.close();
    },
    destroy: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}
