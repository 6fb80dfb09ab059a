/** The end of a member's server: decides for how long streams may take to end by themselves. */
import type { Server } from '@grpc/grpc-js';
import type { LinkStream } from './link-stream.ts';

const drainMs = 500;

/** Resolves when the server and all of these streams have ended, by force if need be. */
export function ended(server: Server, streams: readonly LinkStream[]): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      for (const stream of streams) stream.abort();
      server.forceShutdown();
      resolve();
    }, drainMs);
    server.tryShutdown(() => {
      clearTimeout(force);
      for (const stream of streams) stream.abort();
      resolve();
    });
  });
}
