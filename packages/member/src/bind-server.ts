/** Binds a gRPC server to one port and says clearly why it cannot. */
import { createServer } from 'node:net';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import { MemberError } from './errors.ts';

/**
 * Returns the bound port. grpc-js reports a failed bind as one text for all causes, so that the
 * cause is found by trying the port with a plain socket.
 */
export async function bindServer(
  server: Server,
  listen: { readonly host: string; readonly port: number },
  credentials: ServerCredentials,
): Promise<number> {
  const { host, port } = listen;
  const target = `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
  return new Promise<number>((resolve, reject) => {
    server.bindAsync(target, credentials, (error, bound) => {
      if (error === null) {
        resolve(bound);
        return;
      }
      void causeOf(host, port).then((code) => {
        reject(
          code === 'EADDRINUSE'
            ? new MemberError('ADDRESS_IN_USE', `${target} is in use by another process`, {
                cause: error,
              })
            : new MemberError(
                'LISTEN_FAILED',
                `cannot listen on ${target}: ${code ?? error.message}`,
                {
                  cause: error,
                },
              ),
        );
      });
    });
  });
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
