/**
 * Decides which ports a lab takes when it is told where to begin: electors first, nodes after them.
 * They are tried before anything starts, so that a port that is taken is named at once.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { LabError } from './lab-error.ts';

export interface PortPlan {
  readonly electors: readonly number[];
  readonly firstNode: number;
}

export function planPorts(portBase: number, electors: number): PortPlan {
  return {
    electors: Array.from({ length: electors }, (_, index) => portBase + index),
    firstNode: portBase + electors,
  };
}

/** @throws LabError `port-taken` that names the first port that cannot be bound. */
export async function assertPortsFree(first: number, count: number, host: string): Promise<void> {
  for (let port = first; port < first + count; port++) {
    const problem = await tryPort(port, host);
    if (problem === undefined) continue;
    const range = `${String(first)} to ${String(first + count - 1)}`;
    throw new LabError(
      'port-taken',
      `--port-base ${String(first)}: port ${String(port)} of ${host} ${problem} ` +
        `(the lab needs ${range}); choose another base, or leave it out to take free ports`,
    );
  }
}

async function tryPort(port: number, host: string): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen({ port, host, exclusive: true });
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') return 'is already in use';
    if (code === 'EACCES') return 'may not be bound by this user';
    throw error;
  }
}
