/** The links of one member: who is at the other end, how far the greeting went, how long it takes. */
import type { Contact } from './frames.ts';
import type { Address, LinkId, NodeId } from './ids.ts';

/** Samples that the round trip of a link is the minimum of: long enough to see an unloaded one. */
const roundTripSamplesMax = 8;

/**
 * What a dial is for. A probe ends with the greeting: it only wants to know whether that member answers. A glance ends as
 * soon as anybody accepts it: it only finds out where nobody does.
 */
export type DialPurpose = 'fanout' | 'replacement' | 'probe' | 'glance';

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
  readonly purpose: DialPurpose;
  /** Whom we expect there; undefined for inbound links, and where an address is all we know. */
  readonly target: Contact | undefined;
  /** What both ends speak; 0 until the greeting. */
  protocol: number;
  readonly roundTripsMs: number[];
  /** When its round trip is to be measured again. */
  measureAtMs: number;
  /** The round that waits for its reply. */
  round: { readonly nonce: number; readonly sentAtMs: number } | undefined;
  /** When this end sent something last, and when it sent a round last. */
  sentAtMs: number;
  roundAtMs: number;
  /** Within which this end promised, in its last round, to say something again. */
  promisedMs: number;
}

/** Whom a dial is for. */
export interface Dialled {
  readonly address: Address;
  readonly target: Contact | undefined;
  readonly purpose: DialPurpose;
}

/** Whether it is to be no link, whatever comes of the dial. */
export function isBrief({ purpose }: Link): boolean {
  return purpose === 'probe' || purpose === 'glance';
}

export class LinkTable {
  readonly #links = new Map<LinkId, Link>();
  readonly #upByPeer = new Map<NodeId, Link>();

  add(id: LinkId, dialled: Dialled | undefined, nowMs: number): Link {
    const link: Link = {
      id,
      direction: dialled === undefined ? 'inbound' : 'outbound',
      address: dialled?.address,
      phase: dialled === undefined ? 'greeting' : 'dialing',
      peer: undefined,
      sinceMs: nowMs,
      purpose: dialled?.purpose ?? 'fanout',
      target: dialled?.target,
      protocol: 0,
      roundTripsMs: [],
      measureAtMs: 0,
      round: undefined,
      sentAtMs: nowMs,
      roundAtMs: 0,
      promisedMs: 0,
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
    return this.#upByPeer.get(nodeId);
  }

  /** The greeting succeeded: this is the link to that member now. */
  comeUp(link: Link, peer: Contact): void {
    link.peer = peer;
    this.#upByPeer.set(peer.nodeId, link);
  }

  /** It carries nothing any more. */
  goDown(link: Link): void {
    const nodeId = link.peer?.nodeId;
    if (nodeId !== undefined && this.#upByPeer.get(nodeId) === link) this.#upByPeer.delete(nodeId);
  }

  /** Links that somebody opened to us and that are in this phase. */
  countInbound(phase: LinkPhase): number {
    return this.#count('inbound', phase);
  }

  /** Links that we opened and that are in this phase. */
  countOutbound(phase: LinkPhase): number {
    return this.#count('outbound', phase);
  }

  #count(direction: LinkDirection, phase: LinkPhase): number {
    let count = 0;
    for (const link of this.#links.values()) {
      if (link.direction === direction && link.phase === phase) count++;
    }
    return count;
  }

  /** Links that we opened, that are to stay, and that are not on their way out. */
  outbound(): Link[] {
    return [...this.#links.values()].filter(
      (link) => link.direction === 'outbound' && link.phase !== 'closing' && !isBrief(link),
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
