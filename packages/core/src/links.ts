/** The links of one member: who is at the other end, how far the greeting went, how long it takes. */
import type { Contact } from './frames.ts';
import type { Address, LinkId, NodeId } from './ids.ts';

/** Samples that the round trip of a link is the minimum of: long enough to see an unloaded one. */
const roundTripSamplesMax = 8;

export type LinkDirection = 'inbound' | 'outbound';

/** dialing → (stream opens) → greeting → (hello and welcome) → up → (close asked for) → closing. */
export type LinkPhase = 'dialing' | 'greeting' | 'up' | 'closing';

export interface Link {
  readonly id: LinkId;
  readonly direction: LinkDirection;
  /** Where we dialled; undefined for inbound links. */
  readonly address: Address | undefined;
  phase: LinkPhase;
  /** Known once the link is up. */
  peer: Contact | undefined;
  /** When the present phase began. */
  sinceMs: number;
  /** Dialled beyond the fan-out, to replace another one. */
  readonly replacement: boolean;
  readonly roundTripsMs: number[];
  /** When its round trip is to be measured again. */
  measureAtMs: number;
  /** The round that waits for its reply. */
  round: { readonly nonce: number; readonly sentAtMs: number } | undefined;
}

export class LinkTable {
  readonly #links = new Map<LinkId, Link>();

  add(
    id: LinkId,
    direction: LinkDirection,
    address: Address | undefined,
    nowMs: number,
    replacement = false,
  ): Link {
    const link: Link = {
      id,
      direction,
      address,
      phase: direction === 'outbound' ? 'dialing' : 'greeting',
      peer: undefined,
      sinceMs: nowMs,
      replacement,
      roundTripsMs: [],
      measureAtMs: 0,
      round: undefined,
    };
    this.#links.set(id, link);
    return link;
  }

  get(id: LinkId): Link | undefined {
    return this.#links.get(id);
  }

  delete(id: LinkId): void {
    this.#links.delete(id);
  }

  all(): IterableIterator<Link> {
    return this.#links.values();
  }

  /** Links that carry frames. */
  up(): Link[] {
    return [...this.#links.values()].filter((link) => link.phase === 'up');
  }

  upTo(nodeId: NodeId): Link | undefined {
    for (const link of this.#links.values()) {
      if (link.phase === 'up' && link.peer?.nodeId === nodeId) return link;
    }
    return undefined;
  }

  /** Links that somebody opened to us and that are in this phase. */
  countInbound(phase: LinkPhase): number {
    let count = 0;
    for (const link of this.#links.values()) {
      if (link.direction === 'inbound' && link.phase === phase) count++;
    }
    return count;
  }

  /** Links that we opened and that are not on their way out. */
  outbound(): Link[] {
    return [...this.#links.values()].filter(
      (link) => link.direction === 'outbound' && link.phase !== 'closing',
    );
  }
}

export function noteRoundTrip(link: Link, roundTripMs: number): void {
  if (link.roundTripsMs.length >= roundTripSamplesMax) link.roundTripsMs.shift();
  link.roundTripsMs.push(Math.max(0, roundTripMs));
}

/**
 * The smallest of the latest samples: what the network takes when nobody is busy. Queueing delay at
 * either end is no part of a record's age on the wire. 0 when never measured.
 */
export function roundTripMs(link: Link): number {
  return link.roundTripsMs.length === 0 ? 0 : Math.min(...link.roundTripsMs);
}
