/**
 * Decides how many TCP connections one address may hold at the port of a member, and how many there may be of
 * all: from the moment that they are accepted, so that those that never speak, or never end their handshake,
 * count like any other. Without it one host takes all descriptors, and an elector cannot reach etcd any more.
 *
 * An address is no identity: a fleet behind one router has one. So the bound is one that such a fleet does not
 * reach, and whoever meets it is cut off without a word, as it has not said yet what it speaks.
 */
import type { Socket } from 'node:net';
import { limits } from '@herald/core';
import type { MemberLogger } from './options.ts';
import { Seldom } from './seldom.ts';

export interface ConnectionBounds {
  /** Of one address; `limits.connectionsPerAddressMax` unless given. */
  readonly perAddressMax?: number | undefined;
  /** Of all together; `limits.connectionsMax` unless given. */
  readonly max?: number | undefined;
}

export class ConnectionGate {
  readonly #perAddressMax: number;
  readonly #max: number;
  readonly #logger: MemberLogger;
  readonly #seldom: Seldom;
  readonly #sockets = new Set<Socket>();
  readonly #heldBy = new Map<string, number>();
  #refused = 0;

  constructor(bounds: ConnectionBounds, logger: MemberLogger, nowMs: () => number) {
    this.#perAddressMax = bounds.perAddressMax ?? limits.connectionsPerAddressMax;
    this.#max = bounds.max ?? limits.connectionsMax;
    this.#logger = logger;
    this.#seldom = new Seldom(nowMs);
  }

  /** How many were refused since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Whether this connection may go on; it is counted until it is closed. One that may not is destroyed. */
  admits(socket: Socket): boolean {
    const { remoteAddress: address } = socket;
    // It was reset before we got to it.
    if (address === undefined) {
      socket.destroy();
      return false;
    }
    const held = this.#heldBy.get(address) ?? 0;
    if (held >= this.#perAddressMax) return this.#refuse(socket, address, 'per-address');
    if (this.#sockets.size >= this.#max) return this.#refuse(socket, address, 'in-all');
    this.#heldBy.set(address, held + 1);
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#leave(socket, address);
    });
    return true;
  }

  /** Ends all of them. */
  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #leave(socket: Socket, address: string): void {
    this.#sockets.delete(socket);
    const left = (this.#heldBy.get(address) ?? 1) - 1;
    if (left > 0) this.#heldBy.set(address, left);
    else this.#heldBy.delete(address);
  }

  #refuse(socket: Socket, peer: string, bound: 'per-address' | 'in-all'): false {
    socket.destroy();
    this.#refused++;
    // By bound and not by address: a flood must not fill the log as well.
    const suppressed = this.#seldom.mayPass(bound);
    if (suppressed !== undefined) {
      const max = bound === 'in-all' ? this.#max : this.#perAddressMax;
      this.#logger.warn({ peer, bound, max, suppressed }, 'connection refused: there are too many');
    }
    return false;
  }
}
