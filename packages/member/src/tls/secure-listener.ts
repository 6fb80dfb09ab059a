/**
 * Listens for TLS and hands connections to a grpc-js server. It would listen by itself, but then nobody
 * learns why a handshake failed, nor cuts off whom the gatekeeper does not admit with a reason. Decides
 * how long a handshake may take, and that each waits for its turn.
 */
import { once } from 'node:events';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Server } from '@grpc/grpc-js';
import { bindError } from '../bind-server.ts';
import type { Entrance } from '../bind-server.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import { HandshakeQueue } from './handshake-queue.ts';

/** Three round trips and some milliseconds of arithmetic; a machine under full load still makes it. */
const handshakeTimeoutMs = 10_000;

/** One for the process, whoever listens in it: they share the event loop that handshakes hold up. */
const turns = new HandshakeQueue();

const plainText = /WRONG_VERSION|HTTP_REQUEST|UNSUPPORTED_PROTOCOL|PACKET_LENGTH|NO_SHARED|ALPN/i;

/** @throws MemberError `ADDRESS_IN_USE` or `LISTEN_FAILED`. */
export async function listenSecurely(
  server: Server,
  gate: Gatekeeper,
  listen: { readonly host: string; readonly port: number },
): Promise<Entrance> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  // Listens at no port: it is given the connections whose turn it is.
  const tls = createTlsServer({
    ...gate.tls.serverContext(),
    ALPNProtocols: ['h2'],
    requestCert: true,
    // The gatekeeper rejects, with the reason; Node would only say that the connection ended.
    rejectUnauthorized: false,
    handshakeTimeout: handshakeTimeoutMs,
  });
  /** Handshakes in progress: what gives back their place, by the port at the other end. */
  const places = new Map<string, () => void>();
  const isOver = (socket: Socket): void => {
    places.get(peerOf(socket))?.();
  };
  tls.on('secureConnection', (socket) => {
    isOver(socket);
    // Node raises what nobody listens to; a connection that breaks is told by its streams.
    socket.on('error', () => undefined);
    if (!gate.admits(socket)) socket.destroy();
    else injector.injectConnection(socket);
  });
  tls.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    const code = error.code ?? error.message;
    gate.refuse(plainText.test(code) ? 'not-tls' : 'handshake', code, socket.remoteAddress);
    socket.destroy();
  });
  const sockets = new Set<Socket>();
  const listener = createTcpServer({ noDelay: true }, (socket) => {
    const peer = peerOf(socket);
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      places.get(peer)?.();
    });
    turns.enter(
      socket,
      (done) => {
        places.set(peer, () => {
          places.delete(peer);
          done();
        });
        tls.emit('connection', socket);
      },
      (why) => {
        gate.refuse('handshake', why, socket.remoteAddress);
      },
    );
  });
  const stopReplacing = gate.tls.onReplace(() => {
    tls.setSecureContext(gate.tls.serverContext());
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

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
