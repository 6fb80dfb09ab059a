/**
 * Decides who is welcome: whether a hello is answered by a link, and which of two links to the same
 * member stays. Both ends of two links that cross must choose the same one.
 */
import type { Contact } from './contact.ts';
import type { HelloFrame, ProtocolRange, RefuseReason } from './frames.ts';
import type { ClusterName } from './ids.ts';
import { limits } from './limits.ts';
import type { Link, LinkTable } from './links.ts';
import type { EngineTuning } from './tuning.ts';

export interface Refusal {
  readonly reason: RefuseReason;
  readonly detail: string;
}

export interface Identity {
  readonly cluster: ClusterName;
  readonly protocol: ProtocolRange;
  /** Who this member is; its generation may rise while it lives. */
  readonly own: { readonly contact: Contact };
}

export class Admission {
  readonly #identity: Identity;
  readonly #links: LinkTable;
  readonly #tuning: EngineTuning;
  /** Closes the link that loses. */
  readonly #replace: (link: Link, nowMs: number) => void;

  constructor(
    identity: Identity,
    links: LinkTable,
    tuning: EngineTuning,
    replace: (link: Link, nowMs: number) => void,
  ) {
    this.#identity = identity;
    this.#links = links;
    this.#tuning = tuning;
    this.#replace = replace;
  }

  /** Why this hello is not welcome, if it is not. An older link that loses against it is closed. */
  refusalOf(link: Link, hello: HelloFrame, nowMs: number): Refusal | undefined {
    const { member } = hello;
    const stranger = this.#strangeness(hello) ?? this.#usurpation(member);
    if (stranger !== undefined || hello.probe) return stranger;
    const rival = this.#links.upTo(member.nodeId);
    if (isSuperseded(member, rival)) {
      return {
        reason: 'superseded',
        detail: `node id "${member.nodeId}" has a newer generation`,
      };
    }
    if (!this.#hasRoomFor(member, rival)) {
      return { reason: 'full', detail: `${this.#tuning.inboundLinks} inbound links are taken` };
    }
    return rival === undefined || this.newcomerStays(link, rival, member, nowMs)
      ? undefined
      : { reason: 'duplicate', detail: 'already linked' };
  }

  /**
   * Two links to one member: the newer stays, unless both ends dialled at the same time; then the
   * one dialled by the smaller node id stays, so that both ends choose the same. The loser is closed.
   */
  newcomerStays(newcomer: Link, rival: Link, member: Contact, nowMs: number): boolean {
    const self = this.#identity.own.contact;
    const crossed =
      rival.direction !== newcomer.direction &&
      rival.peer?.generation === member.generation &&
      nowMs - rival.sinceMs < this.#tuning.handshakeMs;
    if (crossed) {
      const smallerDialedNewcomer =
        newcomer.direction === 'outbound'
          ? self.nodeId < member.nodeId
          : member.nodeId < self.nodeId;
      if (!smallerDialedNewcomer) return false;
    }
    this.#replace(rival, nowMs);
    return true;
  }

  #strangeness(hello: HelloFrame): Refusal | undefined {
    const { cluster, protocol } = this.#identity;
    if (hello.cluster !== cluster) {
      return { reason: 'cluster-mismatch', detail: `this member belongs to cluster "${cluster}"` };
    }
    if (hello.protocolMax < protocol.min || hello.protocolMin > protocol.max) {
      return {
        reason: 'protocol-mismatch',
        detail: `this member speaks protocol ${protocol.min} to ${protocol.max}`,
      };
    }
    return undefined;
  }

  #usurpation(member: Contact): Refusal | undefined {
    const self = this.#identity.own.contact;
    if (member.nodeId !== self.nodeId) return undefined;
    return member.generation === self.generation && member.address === self.address
      ? { reason: 'self', detail: 'you dialled yourself' }
      : { reason: 'invalid', detail: `node id "${member.nodeId}" is taken by ${self.address}` };
  }

  /** The place of an inbound link that the newcomer would replace is free for it. */
  #hasRoomFor(member: Contact, rival: Link | undefined): boolean {
    const betweenElectors =
      member.role === 'elector' && this.#identity.own.contact.role === 'elector';
    const room = this.#tuning.inboundLinks + (betweenElectors ? limits.electorLinksMax : 0);
    const freed = rival?.direction === 'inbound' ? 1 : 0;
    return this.#links.countInbound('up') - freed < room;
  }
}

/** Whether the link that stands leads to a later life of this member. */
export function isSuperseded(member: Contact, rival: Link | undefined): boolean {
  return rival?.peer !== undefined && rival.peer.generation > member.generation;
}
