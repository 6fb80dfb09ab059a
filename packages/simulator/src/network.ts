/**
 * Decides what the simulated network does with a stream: which two ends belong together, how long a
 * frame takes, and whether it is lost. Streams are ordered and reliable while they stand, as TCP is.
 */
import type { LinkId, Random } from '@herald/core';

/** One end of a stream: the member, in this life of it, and its handle of the link. */
export interface End {
  readonly member: number;
  readonly life: number;
  readonly link: LinkId;
}

/** Where the frames of one end go, and how long they take. */
export interface Route {
  readonly to: End;
  readonly delayMs: number;
}

export interface NetworkOptions {
  /** One-way delay of a stream, drawn once for each: uniform between these, milliseconds. */
  readonly latencyMs: { readonly min: number; readonly max: number };
  /** Share of frames lost on streams that stand, 0 to 1, as a hostile middle would. */
  readonly frameLoss: number;
}

export class Network {
  readonly #options: NetworkOptions;
  readonly #random: Random;
  readonly #routes: Map<LinkId, Route>[];

  constructor(members: number, options: NetworkOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#routes = Array.from({ length: members }, () => new Map<LinkId, Route>());
  }

  drawDelayMs(): number {
    const { min, max } = this.#options.latencyMs;
    return min + (max - min) * this.#random();
  }

  losesFrame(): boolean {
    return this.#options.frameLoss > 0 && this.#random() < this.#options.frameLoss;
  }

  connect(a: End, b: End, delayMs: number): void {
    this.#routes[a.member]?.set(a.link, { to: b, delayMs });
    this.#routes[b.member]?.set(b.link, { to: a, delayMs });
  }

  route(member: number, link: LinkId): Route | undefined {
    return this.#routes[member]?.get(link);
  }

  linksOf(member: number): LinkId[] {
    return [...(this.#routes[member]?.keys() ?? [])];
  }

  /** Ends a stream; returns the way to the end that is to be told. */
  disconnect(member: number, link: LinkId): Route | undefined {
    const route = this.route(member, link);
    if (route === undefined) return undefined;
    this.#routes[member]?.delete(link);
    this.#routes[route.to.member]?.delete(route.to.link);
    return route;
  }
}
