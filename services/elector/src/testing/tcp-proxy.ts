/**
 * A TCP proxy that can turn into a black hole: connections stay open, and nothing passes. And one whose
 * connections take their time until anything passes.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isHole = false;

  private constructor(targetPort: number, openingDelayMs: number) {
    this.#server = createServer((inbound) => {
      this.#sockets.add(inbound);
      const opening = setTimeout(() => {
        this.#join(inbound, connect(targetPort, '127.0.0.1'));
      }, openingDelayMs);
      inbound.on('error', () => inbound.destroy());
      inbound.on('close', () => {
        clearTimeout(opening);
        this.#sockets.delete(inbound);
      });
    });
  }

  static async to(targetPort: number, { openingDelayMs = 0 } = {}): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort, openingDelayMs);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on nothing passes, on old connections and on new ones; nobody is told. */
  swallow(): void {
    this.#isHole = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Everything passes again, also what was held back. */
  heal(): void {
    this.#isHole = false;
    for (const socket of this.#sockets) socket.resume();
  }

  #join(inbound: Socket, outbound: Socket): void {
    for (const [from, to] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (chunk) => to.write(chunk));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (this.#isHole) from.pause();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server.close(), 'close');
  }
}
