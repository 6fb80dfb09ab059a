/**
 * Decides what one peer, known by the address that it comes from, may ask of a member before it has shown
 * who it is: how often it opens a link, and how many of those may wait for its greeting. The rooms for
 * greetings and links are shared by all; without this one peer could take all of them, and keep them.
 *
 * An address is no identity: a fleet behind one router, or on one machine, has one. So the bounds are far
 * above what such a fleet does when it starts at once, and far below what would harm.
 */
import { limits } from '@herald/core';
import type { LinkId } from '@herald/core';
import { TokenBucket } from './token-bucket.ts';

export const peerLimits = {
  /**
   * Links that one address opens: 500 members on one machine that start at once and all know this one dial
   * it some thousand times within seconds. At this rate the greetings cost a tenth of a core.
   */
  linksOpened: { perSecond: 200, burst: 2_000 },
  /** Of the room for streams that have not greeted, what one address can take: the rest is for others. */
  greetingsMax: (limits.greetingLinksMax * 3) / 4,
  /**
   * Frames on one link. Idle links carry one or two a second; a member that learns of 20 000 others gets
   * some 400 pages at once. At this rate, for ever, a link costs a fifth of a core.
   */
  framesPerLink: { perSecond: 2_000, burst: 20_000 },
  /** Addresses that are remembered; of the ones beyond, the one that came first is forgotten. */
  addressesMax: 4_096,
} as const;

export type Gatekeeping = 'welcome' | 'too-often' | 'too-many-greetings';

export class PeerGate {
  readonly #opened = new Map<string, TokenBucket>();
  readonly #greeting = new Map<LinkId, string>();
  readonly #greetingsOf = new Map<string, number>();

  /** Whether that address may open one more link now. */
  judge(address: string, nowMs: number): Gatekeeping {
    const bucket = this.#opened.get(address) ?? new TokenBucket(peerLimits.linksOpened, nowMs);
    this.#opened.delete(address);
    this.#opened.set(address, bucket);
    if (this.#opened.size > peerLimits.addressesMax) {
      const [oldest] = this.#opened.keys();
      if (oldest !== undefined) this.#opened.delete(oldest);
    }
    if (!bucket.take(nowMs)) return 'too-often';
    const greetings = this.#greetingsOf.get(address) ?? 0;
    return greetings < peerLimits.greetingsMax ? 'welcome' : 'too-many-greetings';
  }

  /** That link was accepted from that address, and has not greeted. */
  enter(link: LinkId, address: string): void {
    this.#greeting.set(link, address);
    this.#greetingsOf.set(address, (this.#greetingsOf.get(address) ?? 0) + 1);
  }

  /** It greeted, or is gone. Links that did not enter are passed over. */
  leave(link: LinkId): void {
    const address = this.#greeting.get(link);
    if (address === undefined) return;
    this.#greeting.delete(link);
    const left = (this.#greetingsOf.get(address) ?? 1) - 1;
    if (left > 0) this.#greetingsOf.set(address, left);
    else this.#greetingsOf.delete(address);
  }
}

/** `10.0.0.1` of `10.0.0.1:4711`, `::1` of `[::1]:4711`; the whole where there is no port. */
export function hostOf(peer: string): string {
  return /^\[?(.*?)\]?:[0-9]+$/.exec(peer)?.[1] ?? peer;
}
