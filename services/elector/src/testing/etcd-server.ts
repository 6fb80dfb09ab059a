/**
 * A real etcd for tests: one member on free ports with a private data directory, which can be stopped,
 * killed and started again on the same data, and leaves nothing behind.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { etcdctl } from './etcdctl.ts';
import { eventually } from './eventually.ts';

/** Ports may be taken between the moment they are found free and etcd's start. */
const attemptsMax = 5;

export class EtcdServer implements AsyncDisposable {
  readonly clientPort: number;
  readonly #peerPort: number;
  #directory: string;
  #token = 'first';
  #process: ChildProcess | undefined;
  readonly #files: string[] = [];

  private constructor(clientPort: number, peerPort: number, directory: string) {
    this.clientPort = clientPort;
    this.#peerPort = peerPort;
    this.#directory = directory;
  }

  static async start(): Promise<EtcdServer> {
    for (let attempt = 1; ; attempt++) {
      const [clientPort = 0, peerPort = 0] = await freePorts(2);
      const server = new EtcdServer(clientPort, peerPort, await newDirectory());
      try {
        await server.resume();
        return server;
      } catch (error) {
        await server[Symbol.asyncDispose]();
        if (attempt === attemptsMax) throw error;
      }
    }
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.clientPort}`;
  }

  /** Starts etcd again, on the data it had. */
  async resume(): Promise<void> {
    const client = this.endpoint;
    const peer = `http://127.0.0.1:${this.#peerPort}`;
    const etcd = spawn(
      'etcd',
      [
        ...['--data-dir', this.#directory, '--log-level', 'error'],
        ...['--listen-client-urls', client, '--advertise-client-urls', client],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ...['--initial-cluster', `default=${peer}`, '--initial-cluster-token', this.#token],
      ],
      { stdio: 'ignore', env: { PATH: process.env['PATH'] } },
    );
    this.#process = etcd;
    const killWithUs = (): void => {
      etcd.kill('SIGKILL');
    };
    process.once('exit', killWithUs);
    etcd.once('exit', () => process.off('exit', killWithUs));
    await eventually('etcd is healthy', async () => {
      if (etcd.exitCode !== null) throw new Error(`etcd ended with ${etcd.exitCode}`);
      return isHealthy(client);
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const etcd = this.#process;
    this.#process = undefined;
    if (etcd?.exitCode !== null || etcd.signalCode !== null) return;
    const exited = once(etcd, 'exit');
    etcd.kill(signal);
    await exited;
  }

  /**
   * Stops, throws the data away and starts at the same address. With the same token etcd gives itself
   * the same cluster id as before; with another one it is another cluster.
   */
  async wipe(token = this.#token): Promise<void> {
    this.#token = token;
    await this.stop('SIGKILL');
    await rm(this.#directory, { recursive: true, force: true });
    this.#directory = await newDirectory();
    await this.resume();
  }

  /** Saves what it holds, as an operator's backup does; the file is gone with this server. */
  async snapshot(): Promise<string> {
    const file = `${this.#directory}.${randomUUID()}.snapshot`;
    await etcdctl(this.endpoint, 'snapshot', 'save', file);
    this.#files.push(file);
    return file;
  }

  /**
   * Stops, and starts at the same address on what the snapshot holds. etcd makes its cluster id from the
   * token, so that it is another one unless that is the first token again.
   */
  async restore(snapshot: string, token = 'restored'): Promise<void> {
    this.#token = token;
    await this.stop('SIGKILL');
    await rm(this.#directory, { recursive: true, force: true });
    const peer = `http://127.0.0.1:${this.#peerPort}`;
    await etcdctl(
      this.endpoint,
      ...['snapshot', 'restore', snapshot, '--data-dir', this.#directory],
      ...['--initial-cluster', `default=${peer}`, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster-token', token],
    );
    await this.resume();
  }

  /** All keys under a prefix, in order of creation. */
  async keys(prefix: string): Promise<readonly { readonly key: string; readonly value: string }[]> {
    const json = await etcdctl(
      this.endpoint,
      ...['get', '--prefix', prefix, '--sort-by', 'CREATE', '-w', 'json'],
    );
    const { kvs = [] } = JSON.parse(json) as { kvs?: { key: string; value: string }[] };
    const text = (base64: string): string => Buffer.from(base64, 'base64').toString();
    return kvs.map(({ key, value }) => ({ key: text(key), value: text(value) }));
  }

  /** Established TCP connections from `clientPid` to etcd's client port. */
  async connectionsFrom(clientPid: number): Promise<number> {
    const port = this.clientPort.toString(16).toUpperCase().padStart(4, '0');
    const table = await readFile(`/proc/${clientPid}/net/tcp`, 'utf8');
    const inodes = table
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[2]?.endsWith(`:${port}`) === true && fields[3] === '01')
      .map((fields) => fields[9] ?? '');
    const directory = `/proc/${clientPid}/fd`;
    const links = await Promise.all(
      (await readdir(directory)).map((fd) => readlink(join(directory, fd)).catch(() => '')),
    );
    return inodes.filter((inode) => links.includes(`socket:[${inode}]`)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.#directory, { recursive: true, force: true });
    await Promise.all(this.#files.map((file) => rm(file, { force: true })));
  }
}

function newDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'herald-elector-test-'));
}

async function isHealthy(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(`${endpoint}/health`, { signal: AbortSignal.timeout(1_000) });
    return response.ok;
  } catch {
    return false;
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
