/**
 * A TCP proxy on loopback that stands between two processes and can be told to misbehave as networks
 * do. Decides nothing but where a connection leads: `proxied-connection.ts` has what becomes of it.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { ProxiedConnection } from './proxied-connection.ts';
import type { NetworkCondition } from './proxied-connection.ts';

const host = '127.0.0.1';

export class TcpProxy implements AsyncDisposable {
  /** Where to connect instead of to the target, as `http://host:port`. */
  readonly endpoint: string;
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #connections = new Set<ProxiedConnection>();
  #condition: NetworkCondition = { kind: 'clear' };

  private constructor(server: Server, target: URL) {
    const { port } = server.address() as AddressInfo;
    this.endpoint = `http://${host}:${port}`;
    this.#server = server;
    this.#target = { host: target.hostname, port: Number(target.port) };
    server.on('connection', (near) => {
      this.#accept(near);
    });
  }

  /** @param endpoint What it stands before, as `http://host:port`. */
  static async start(endpoint: string): Promise<TcpProxy> {
    const server = createServer();
    server.listen(0, host);
    await once(server, 'listening');
    return new TcpProxy(server, new URL(endpoint));
  }

  /** Connections that somebody holds to it now. */
  get connections(): number {
    return this.#connections.size;
  }

  set(condition: NetworkCondition): void {
    this.#condition = condition;
    for (const connection of this.#connections) connection.set(condition);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }

  #accept(near: Socket): void {
    if (this.#condition.kind === 'cut') {
      near.resetAndDestroy();
      return;
    }
    const connection = new ProxiedConnection(near, connect(this.#target), () => {
      this.#connections.delete(connection);
    });
    this.#connections.add(connection);
    connection.set(this.#condition);
  }
}
