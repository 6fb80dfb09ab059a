/**
 * A TCP proxy on loopback that stands between two processes and can be told to misbehave as networks
 * do. Decides what becomes of the bytes and of the ends of connections in each condition.
 *
 * - `clear`: all is passed on.
 * - `black-hole`: all is swallowed, both ways, and so are the ends of connections: neither side can
 *   tell that the other is gone. A connection that lost something is broken when this is over.
 * - `hold`: nothing is passed on, and nothing is lost: it all arrives late, as after a route flap.
 * - `cut`: connections are reset, and new ones too.
 * - `delay`: all arrives later by so much, in order.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export type NetworkCondition =
  | { readonly kind: 'clear' }
  | { readonly kind: 'black-hole' }
  | { readonly kind: 'hold' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'delay'; readonly delayMs: number };

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

/** Both halves of one connection through the proxy. */
class ProxiedConnection {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #lanes: readonly Lane[];
  readonly #onEnd: () => void;
  #condition: NetworkCondition = { kind: 'clear' };
  #hasLost = false;

  constructor(near: Socket, far: Socket, onEnd: () => void) {
    this.#near = near;
    this.#far = far;
    this.#onEnd = onEnd;
    this.#lanes = [this.#lane(near, far), this.#lane(far, near)];
  }

  set(condition: NetworkCondition): void {
    this.#condition = condition;
    // A stream with a hole in it cannot go on.
    if (condition.kind === 'cut' || (condition.kind !== 'black-hole' && this.#hasLost)) {
      this.destroy();
      return;
    }
    for (const lane of this.#lanes) lane.changed();
  }

  destroy(): void {
    for (const socket of [this.#near, this.#far]) {
      if (!socket.destroyed) socket.resetAndDestroy();
    }
    for (const lane of this.#lanes) lane.stop();
    this.#onEnd();
  }

  #lane(from: Socket, to: Socket): Lane {
    from.setNoDelay(true);
    return new Lane(from, to, {
      condition: () => this.#condition,
      lost: () => {
        this.#hasLost = true;
      },
      ended: () => {
        this.destroy();
      },
    });
  }
}

interface LaneOwner {
  readonly condition: () => NetworkCondition;
  readonly lost: () => void;
  readonly ended: () => void;
}

/** `undefined` stands for the end of the stream. */
interface Parcel {
  readonly chunk: Buffer | undefined;
  readonly arrivedMs: number;
}

/** One direction of one connection. Everything goes through its queue, so that nothing overtakes. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #owner: LaneOwner;
  #parcels: Parcel[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, owner: LaneOwner) {
    this.#from = from;
    this.#to = to;
    this.#owner = owner;
    from.on('data', (chunk) => {
      this.#take(chunk);
    });
    // Ended in order or with an error: for the other side it is the end.
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#take(undefined);
    });
    to.on('drain', () => from.resume());
  }

  /** Another condition: what waits is looked at again. */
  changed(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#forward();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#parcels = [];
  }

  #take(chunk: Buffer | undefined): void {
    if (this.#owner.condition().kind === 'black-hole') {
      this.#owner.lost();
      return;
    }
    this.#parcels.push({ chunk, arrivedMs: performance.now() });
    if (this.#timer === undefined) this.#forward();
  }

  #forward(): void {
    const condition = this.#owner.condition();
    if (condition.kind === 'hold') return;
    if (condition.kind === 'black-hole') {
      if (this.#parcels.length > 0) this.#owner.lost();
      this.#parcels = [];
      return;
    }
    const delayMs = condition.kind === 'delay' ? condition.delayMs : 0;
    for (let [next] = this.#parcels; next !== undefined; [next] = this.#parcels) {
      const waitMs = next.arrivedMs + delayMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#forward();
        }, waitMs);
        return;
      }
      this.#parcels.shift();
      if (next.chunk === undefined) {
        this.#owner.ended();
        return;
      }
      if (!this.#to.write(next.chunk)) this.#from.pause();
    }
  }
}
