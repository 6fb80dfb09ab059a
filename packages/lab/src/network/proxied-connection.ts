/**
 * One connection through a proxy, and what a misbehaving network does to it. Decides what becomes of the
 * bytes and of the end of the connection in each condition.
 *
 * - `clear`: all is passed on.
 * - `black-hole`: all is swallowed, both ways, and so are the ends of connections: neither side can
 *   tell that the other is gone. A connection that lost something is broken when this is over.
 * - `hold`: nothing is passed on, and nothing is lost: it all arrives late, as after a route flap.
 * - `cut`: connections are reset, and new ones too.
 * - `delay`: all arrives later by so much, in order. With `jitterMs` by so much more or less, and with
 *   `lossShare` that share of what is sent is lost and sent again, as TCP does it: what comes
 *   after waits for it.
 */
import type { Socket } from 'node:net';

export type NetworkCondition =
  | { readonly kind: 'clear' }
  | { readonly kind: 'black-hole' }
  | { readonly kind: 'hold' }
  | { readonly kind: 'cut' }
  | {
      readonly kind: 'delay';
      readonly delayMs: number;
      readonly jitterMs?: number;
      /** From 0 to 1, each way. */
      readonly lossShare?: number;
    };

/** The least after which Linux sends a segment again that was not acknowledged, on top of the round trip. */
const resendMsMin = 200;

/** Both halves of one connection through a proxy. */
export class ProxiedConnection {
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
  /** Drawn once for each parcel, from -1 to 1 and from 0 to 1. */
  readonly jitter: number;
  readonly luck: number;
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
    const [jitter, luck] = [2 * Math.random() - 1, Math.random()];
    this.#parcels.push({ chunk, arrivedMs: performance.now(), jitter, luck });
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
    for (let [next] = this.#parcels; next !== undefined; [next] = this.#parcels) {
      const waitMs = next.arrivedMs + lateMs(next, condition) - performance.now();
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

/** How long after it was sent a parcel arrives. */
function lateMs({ jitter, luck }: Parcel, condition: NetworkCondition): number {
  if (condition.kind !== 'delay') return 0;
  const { delayMs, jitterMs = 0, lossShare = 0 } = condition;
  const resendMs = luck < lossShare ? resendMsMin + 2 * delayMs : 0;
  return delayMs + jitter * jitterMs + resendMs;
}
