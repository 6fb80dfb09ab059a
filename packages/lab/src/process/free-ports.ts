/**
 * Decides which TCP ports the lab gives to its children.
 *
 * They are taken from below the range from which the operating system serves outgoing connections:
 * a child that is stopped and started again must find its port free, and a port inside that range
 * may by then be the near end of somebody's connection. Each candidate is tried by binding it.
 */
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';

import { LabError } from '../lab-error.ts';

/** Lowest port to hand out: below are the well-known services (etcd's own 2379 among them). */
const PORT_MIN = 10_240;

/** First port of the outgoing range where the system does not say (macOS, BSD: 49152). */
const OUTGOING_PORT_MIN_DEFAULT = 49_152;

/** Candidates tried for each port: with even nine in ten taken, all fail once in 10^9. */
const CANDIDATES_MAX = 200;

/** `count` different ports that were free on `host` a moment ago. Whoever binds one may still lose a race. */
export async function takeFreePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const portMax = Math.max((await outgoingPortMin()) - 1, PORT_MIN + 1_000);
  const held: { port: number; server: Server }[] = [];
  try {
    // All stay bound until the last was found, so that no port is handed out twice.
    while (held.length < count) held.push(await holdRandomPort(portMax, host));
    return held.map(({ port }) => port);
  } finally {
    await Promise.all(held.map(({ server }) => closeServer(server)));
  }
}

async function holdRandomPort(
  portMax: number,
  host: string,
): Promise<{ port: number; server: Server }> {
  for (let tried = 0; tried < CANDIDATES_MAX; tried += 1) {
    const port = randomInt(PORT_MIN, portMax + 1);
    const server = await tryToHold(port, host);
    if (server) return { port, server };
  }
  throw new LabError(
    'unsupported',
    `no free TCP port on ${host} among ${CANDIDATES_MAX} tried from ${PORT_MIN} to ${portMax}`,
  );
}

function tryToHold(port: number, host: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => {
      resolve(server);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

async function outgoingPortMin(): Promise<number> {
  if (process.platform !== 'linux') return OUTGOING_PORT_MIN_DEFAULT;
  const range = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  const first = Number.parseInt(range, 10);
  return Number.isNaN(first) ? OUTGOING_PORT_MIN_DEFAULT : first;
}
