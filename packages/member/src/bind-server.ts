/** Binds a gRPC server to one port and says clearly why it cannot. */
import { createServer } from 'node:net';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Server } from '@grpc/grpc-js';
import { MemberError } from './errors.ts';

/** A place where connections come in. */
export interface Entrance {
  readonly port: number;
  /** Takes no more connections; those that stand go on. */
  close(): void;
  /** Ends the connections that are left, at whatever stage. */
  destroy(): void;
}

/**
 * Listens in plain text. grpc-js reports a failed bind as one text for all causes, so that the cause is
 * found by trying the port with a plain socket.
 *
 * @throws MemberError `ADDRESS_IN_USE` or `LISTEN_FAILED`.
 */
export async function listenInsecurely(
  server: Server,
  listen: { readonly host: string; readonly port: number },
): Promise<Entrance> {
  return new Promise<Entrance>((resolve, reject) => {
    server.bindAsync(targetOf(listen), ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) {
        // The server closes by itself what it listens on.
        resolve({ port, close: () => undefined, destroy: () => undefined });
        return;
      }
      void causeOf(listen.host, listen.port).then((code) => {
        reject(bindError(listen, code, error));
      });
    });
  });
}

/** @param code Node's, e.g. `EADDRINUSE`. */
export function bindError(
  listen: { readonly host: string; readonly port: number },
  code: string | undefined,
  cause: unknown,
): MemberError {
  const target = targetOf(listen);
  if (code === 'EADDRINUSE') {
    return new MemberError('ADDRESS_IN_USE', `${target} is in use by another process`, { cause });
  }
  const reason = code ?? (cause instanceof Error ? cause.message : String(cause));
  return new MemberError('LISTEN_FAILED', `cannot listen on ${target}: ${reason}`, { cause });
}

function targetOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}

function causeOf(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code);
    });
    probe.listen({ host: host.replace(/^\[|\]$/g, ''), port }, () => {
      probe.close(() => {
        resolve(undefined);
      });
    });
  });
}
