/**
 * Shakes hands with whoever comes in, and hands connections to a grpc-js server. It would do so by itself, but
 * then nobody learns why a handshake failed, nor cuts off whom the gatekeeper does not admit with a reason.
 * Decides how long a handshake may take, and that each waits for its turn.
 */
import type { Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { ConnectionGate } from '../connection-gate.ts';
import { openEntrance } from '../entrance.ts';
import type { Entrance, Injector, ListenAddress } from '../entrance.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import { HandshakeQueue } from './handshake-queue.ts';

/** Three round trips and some milliseconds of arithmetic; a machine under full load still makes it. */
const handshakeTimeoutMs = 10_000;

/** One for the process, whoever listens in it: they share the event loop that handshakes hold up. */
const turns = new HandshakeQueue();

const plainText = /WRONG_VERSION|HTTP_REQUEST|UNSUPPORTED_PROTOCOL|PACKET_LENGTH|NO_SHARED|ALPN/i;

/** @throws MemberError `ADDRESS_IN_USE` or `LISTEN_FAILED`. */
export async function listenSecurely(
  injector: Injector,
  gate: Gatekeeper,
  connections: ConnectionGate,
  listen: ListenAddress,
): Promise<Entrance> {
  // It does not listen: connections are given to it, so that they are counted before TLS is spoken.
  const handshakes = createServer({
    ...gate.tls.serverContext(),
    ALPNProtocols: ['h2'],
    requestCert: true,
    // The gatekeeper rejects, with the reason; Node would only say that the connection ended.
    rejectUnauthorized: false,
    handshakeTimeout: handshakeTimeoutMs,
  });
  /** Handshakes in progress: what gives back their place, by who is at the other end. */
  const places = new Map<string, () => void>();
  handshakes.on('secureConnection', (socket) => {
    places.get(peerOf(socket))?.();
    // Node raises what nobody listens to; a connection that breaks is told by its streams.
    socket.on('error', () => undefined);
    if (!gate.admits(socket)) socket.destroy();
    else injector.injectConnection(socket);
  });
  handshakes.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    const code = error.code ?? error.message;
    gate.refuse(plainText.test(code) ? 'not-tls' : 'handshake', code, socket.remoteAddress);
    socket.destroy();
  });
  const entrance = await openEntrance(listen, connections, {
    admitted: (socket) => {
      const peer = peerOf(socket);
      socket.once('close', () => places.get(peer)?.());
      turns.enter(
        socket,
        (done) => {
          places.set(peer, () => {
            places.delete(peer);
            done();
          });
          handshakes.emit('connection', socket);
        },
        (why) => {
          gate.refuse('handshake', why, socket.remoteAddress);
        },
      );
    },
    failed: ({ message }) => {
      gate.refuse('handshake', message, undefined);
    },
  });
  const stopReplacing = gate.tls.onReplace(() => {
    handshakes.setSecureContext(gate.tls.serverContext());
  });
  return {
    ...entrance,
    close: () => {
      stopReplacing();
      entrance.close();
    },
  };
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
