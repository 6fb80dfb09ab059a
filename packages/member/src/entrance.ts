/**
 * The port of a member: where connections come in, in plain text and with TLS alike. Listens by itself instead
 * of leaving that to grpc-js, since what grpc-js accepts nobody counts, and says clearly why it cannot listen.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Server } from '@grpc/grpc-js';
import type { ConnectionGate } from './connection-gate.ts';
import { MemberError } from './errors.ts';
import { bracketed, unbracketed } from './host.ts';

/** A place where connections come in. */
export interface Entrance {
  readonly port: number;
  /** Takes no more connections; those that stand go on. */
  close(): void;
  /** Ends the connections that are left, at whatever stage. */
  destroy(): void;
}

/** What a grpc-js server takes connections by that it did not accept itself. */
export type Injector = ReturnType<Server['createConnectionInjector']>;

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** What becomes of connections behind the door. */
export interface Behind {
  admitted(socket: Socket): void;
  /** A connection could not be accepted, for want of descriptors; the next may be. */
  failed(error: Error): void;
}

/** @throws MemberError `ADDRESS_IN_USE` or `LISTEN_FAILED`. */
export async function openEntrance(
  listen: ListenAddress,
  gate: ConnectionGate,
  behind: Behind,
): Promise<Entrance> {
  const listener = createServer((socket) => {
    if (gate.admits(socket)) behind.admitted(socket);
  });
  listener.listen(listen.port, unbracketed(listen.host));
  try {
    await once(listener, 'listening');
  } catch (error) {
    throw listenError(listen, error);
  }
  listener.on('error', (error) => {
    behind.failed(error);
  });
  return {
    port: (listener.address() as AddressInfo).port,
    close: () => listener.close(),
    destroy: () => {
      gate.destroyAll();
    },
  };
}

function listenError({ host, port }: ListenAddress, cause: unknown): MemberError {
  const target = `${bracketed(host)}:${port}`;
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return new MemberError('ADDRESS_IN_USE', `${target} is in use by another process`, { cause });
  }
  return new MemberError('LISTEN_FAILED', `cannot listen on ${target}: ${code ?? message}`, {
    cause,
  });
}
