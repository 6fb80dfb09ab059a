/**
 * Decides which links exist: whom to accept and whom to refuse, which of two links to the same
 * member stays, and when a member is isolated. Whom to dial is decided in `dialling.ts`.
 *
 * The overlay is a random graph: each member dials `fanout` random members and accepts a bounded
 * number. Links carry both ways. Electors are linked to each other on top of that, so that one
 * broadcast tree is good for whichever of them publishes.
 */
import { AddressBook } from './address-book.ts';
import type { BookEntry } from './address-book.ts';
import { Dialling } from './dialling.ts';
import type { EffectSink } from './effects.ts';
import type {
  Contact,
  HelloFrame,
  RefuseFrame,
  RefuseReason,
  Role,
  WelcomeFrame,
} from './frames.ts';
import { protocolVersions } from './frames.ts';
import { linkId } from './ids.ts';
import type { Address, ClusterName, LinkId } from './ids.ts';
import { limits } from './limits.ts';
import { LinkTable, noteRoundTrip } from './links.ts';
import type { Link } from './links.ts';
import type { Random } from './random.ts';
import type { EngineTuning } from './tuning.ts';

/** What the overlay needs from the planes that run over its links. */
export interface OverlayListener {
  /** Whether losing this link would cut a branch of the tree. */
  isEager(link: LinkId): boolean;
  linkUp(link: Link, nowMs: number): void;
  linkDown(link: Link): void;
}

export class Overlay {
  readonly links = new LinkTable();
  readonly book: AddressBook;
  readonly #cluster: ClusterName;
  readonly #self: Contact;
  readonly #tuning: EngineTuning;
  readonly #dialling: Dialling;
  readonly #emit: EffectSink;
  readonly #listener: OverlayListener;
  #lastLinkId = 0;
  #nextHandshakeMs = Infinity;
  #lastLinkedMs: number;
  #isolated = false;

  constructor(
    identity: { readonly cluster: ClusterName; readonly self: Contact },
    tuning: EngineTuning,
    random: Random,
    emit: EffectSink,
    listener: OverlayListener,
    nowMs: number,
  ) {
    this.#cluster = identity.cluster;
    this.#self = identity.self;
    this.#tuning = tuning;
    this.#emit = emit;
    this.#listener = listener;
    this.book = new AddressBook(identity.self, tuning, random);
    this.#lastLinkedMs = nowMs;
    this.#dialling = new Dialling(
      this.#self.role,
      this.links,
      this.book,
      tuning,
      random,
      (entry, replacement, atMs) => {
        this.#dial(entry, replacement, atMs);
      },
      nowMs,
    );
  }

  get isolated(): boolean {
    return this.#isolated;
  }

  get nextWakeMs(): number {
    return Math.min(this.#dialling.nextWakeMs, this.#nextHandshakeMs, this.#nextIsolationMs());
  }

  newLinkId(): LinkId {
    return linkId(++this.#lastLinkId);
  }

  introduce(addresses: readonly Address[], role: Role | undefined): void {
    for (const address of addresses) this.book.addSeed(address, role);
    this.#dialling.lookAgain();
  }

  learn(contacts: readonly Contact[]): void {
    for (const contact of contacts) if (this.book.learn(contact)) this.#dialling.lookAgain();
  }

  accepted(id: LinkId, nowMs: number): void {
    const link = this.links.add(id, 'inbound', undefined, nowMs);
    this.#expectGreeting(nowMs);
    if (this.links.countInbound('greeting') > limits.greetingLinksMax) {
      this.close(link, 'too many links that did not greet yet', nowMs);
    }
  }

  /** The stream that we dialled can be written to: greet. */
  dialed(id: LinkId, nowMs: number): void {
    const link = this.links.get(id);
    if (link?.phase !== 'dialing') return;
    this.#enter(link, 'greeting', nowMs);
    this.#emit({
      kind: 'send',
      link: id,
      frame: {
        kind: 'hello',
        cluster: this.#cluster,
        protocolMin: protocolVersions.min,
        protocolMax: protocolVersions.max,
        member: this.#self,
      },
    });
  }

  closed(id: LinkId, reason: string, nowMs: number): void {
    const link = this.links.get(id);
    if (link === undefined) return;
    const shortLived = link.phase !== 'closing' && nowMs - link.sinceMs < this.#tuning.handshakeMs;
    const failed = link.phase === 'dialing' || link.phase === 'greeting' || shortLived;
    if (failed && link.address !== undefined) this.book.noteFailure(link.address, nowMs);
    if (link.phase === 'up') this.#lost(link, reason, nowMs);
    this.links.delete(id);
    this.#dialling.lookAgain();
  }

  /** Ends a link: the shell writes what was sent, then closes the stream. */
  close(link: Link, reason: string, nowMs: number): void {
    if (link.phase === 'closing') return;
    if (link.phase === 'up') this.#lost(link, reason, nowMs);
    this.#enter(link, 'closing', nowMs);
    this.#emit({ kind: 'close', link: link.id, reason });
  }

  /** The other end broke the protocol: the link ends, and its address is not dialled again at once. */
  violated(link: Link, reason: string, nowMs: number): void {
    if (link.address !== undefined) this.book.noteFailure(link.address, nowMs);
    this.close(link, reason, nowMs);
  }

  receiveHello(link: Link, hello: HelloFrame, nowMs: number): void {
    if (link.direction !== 'inbound' || link.phase !== 'greeting') {
      this.violated(link, 'unexpected hello', nowMs);
      return;
    }
    const refusal = this.#refusalOf(link, hello, nowMs);
    if (refusal !== undefined) {
      this.#refuse(link, refusal.reason, refusal.detail, hello.member, nowMs);
      return;
    }
    this.#emit({
      kind: 'send',
      link: link.id,
      frame: {
        kind: 'welcome',
        protocol: Math.min(protocolVersions.max, hello.protocolMax),
        member: this.#self,
        contacts: this.book.sample(limits.contactsPerFrameMax, hello.member.nodeId),
      },
    });
    this.learn([hello.member]);
    this.#comeUp(link, hello.member, nowMs);
  }

  receiveWelcome(link: Link, welcome: WelcomeFrame, nowMs: number): void {
    if (link.direction !== 'outbound' || link.phase !== 'greeting') {
      this.violated(link, 'unexpected welcome', nowMs);
      return;
    }
    if (welcome.protocol < protocolVersions.min || welcome.protocol > protocolVersions.max) {
      this.violated(link, `protocol ${welcome.protocol} was not offered`, nowMs);
      return;
    }
    if (welcome.member.nodeId === this.#self.nodeId) {
      this.violated(link, 'welcomed by ourselves', nowMs);
      return;
    }
    noteRoundTrip(link, nowMs - link.sinceMs);
    if (link.address !== undefined) this.book.noteSuccess(link.address, welcome.member);
    this.learn([welcome.member, ...welcome.contacts]);
    const rival = this.links.upTo(welcome.member.nodeId);
    if (isSuperseded(welcome.member, rival)) {
      if (link.address !== undefined) this.book.noteFull(link.address, nowMs);
      this.close(link, 'superseded', nowMs);
      return;
    }
    if (rival !== undefined && !this.#newcomerStays(link, rival, welcome.member, nowMs)) {
      this.close(link, 'duplicate', nowMs);
      return;
    }
    this.#comeUp(link, welcome.member, nowMs);
    if (link.replacement) this.#retireFor(link, nowMs);
  }

  receiveRefuse(link: Link, refuse: RefuseFrame, nowMs: number): void {
    this.learn(refuse.contacts);
    const { address } = link;
    if (address !== undefined) {
      switch (refuse.reason) {
        case 'full':
        case 'duplicate':
        case 'superseded':
          this.book.noteFull(address, nowMs);
          break;
        case 'self':
        case 'cluster-mismatch':
        case 'protocol-mismatch':
        case 'invalid':
          this.book.noteUnwelcome(address, nowMs);
          break;
      }
      this.#emit({ kind: 'refused', address, reason: refuse.reason, detail: refuse.detail });
    }
    this.close(link, `refused: ${refuse.reason}`, nowMs);
  }

  wake(nowMs: number): void {
    if (nowMs >= this.#nextHandshakeMs) this.#closeSilentLinks(nowMs);
    this.#dialling.wake(nowMs);
    if (nowMs >= this.#nextIsolationMs()) this.#setIsolated(true);
  }

  /** Why this hello is not welcome, if it is not. Older links that lose against it are closed. */
  #refusalOf(
    link: Link,
    hello: HelloFrame,
    nowMs: number,
  ): { reason: RefuseReason; detail: string } | undefined {
    const { member } = hello;
    if (hello.cluster !== this.#cluster) {
      return {
        reason: 'cluster-mismatch',
        detail: `this member belongs to cluster "${this.#cluster}"`,
      };
    }
    if (hello.protocolMax < protocolVersions.min || hello.protocolMin > protocolVersions.max) {
      const { min, max } = protocolVersions;
      return {
        reason: 'protocol-mismatch',
        detail: `this member speaks protocol ${min} to ${max}`,
      };
    }
    if (member.nodeId === this.#self.nodeId) {
      return member.generation === this.#self.generation
        ? { reason: 'self', detail: 'you dialled yourself' }
        : {
            reason: 'invalid',
            detail: `node id "${member.nodeId}" is taken by ${this.#self.address}`,
          };
    }
    const rival = this.links.upTo(member.nodeId);
    if (isSuperseded(member, rival)) {
      return {
        reason: 'superseded',
        detail: `node id "${member.nodeId}" has a newer generation`,
      };
    }
    if (!this.#hasRoomFor(member, rival)) {
      return { reason: 'full', detail: `${this.#tuning.inboundLinks} inbound links are taken` };
    }
    return rival === undefined || this.#newcomerStays(link, rival, member, nowMs)
      ? undefined
      : { reason: 'duplicate', detail: 'already linked' };
  }

  /** The place of an inbound link that the newcomer would replace is free for it. */
  #hasRoomFor(member: Contact, rival: Link | undefined): boolean {
    const betweenElectors = member.role === 'elector' && this.#self.role === 'elector';
    const room = this.#tuning.inboundLinks + (betweenElectors ? limits.electorLinksMax : 0);
    const freed = rival?.direction === 'inbound' ? 1 : 0;
    return this.links.countInbound('up') - freed < room;
  }

  /**
   * Two links to one member: the newer stays, unless both ends dialled at the same time; then the
   * one dialled by the smaller node id stays, so that both ends choose the same. The loser is closed.
   */
  #newcomerStays(newcomer: Link, rival: Link, member: Contact, nowMs: number): boolean {
    const crossed =
      rival.direction !== newcomer.direction &&
      rival.peer?.generation === member.generation &&
      nowMs - rival.sinceMs < this.#tuning.handshakeMs;
    if (crossed) {
      const smallerDialedNewcomer =
        newcomer.direction === 'outbound'
          ? this.#self.nodeId < member.nodeId
          : member.nodeId < this.#self.nodeId;
      if (!smallerDialedNewcomer) return false;
    }
    this.close(rival, 'replaced by a newer link', nowMs);
    return true;
  }

  #refuse(link: Link, reason: RefuseReason, detail: string, asker: Contact, nowMs: number): void {
    const sameCluster = reason !== 'cluster-mismatch' && reason !== 'protocol-mismatch';
    const contacts = sameCluster ? this.book.sample(limits.contactsPerFrameMax, asker.nodeId) : [];
    if (reason === 'full') this.learn([asker]);
    this.#emit({
      kind: 'send',
      link: link.id,
      frame: { kind: 'refuse', reason, detail, contacts },
    });
    this.close(link, `refused: ${reason}`, nowMs);
  }

  #comeUp(link: Link, peer: Contact, nowMs: number): void {
    link.peer = peer;
    this.#enter(link, 'up', nowMs);
    this.#lastLinkedMs = Infinity;
    this.#setIsolated(false);
    this.#dialling.lookAgain();
    this.#emit({ kind: 'link-up', link: link.id, peer });
    this.#listener.linkUp(link, nowMs);
  }

  #lost(link: Link, reason: string, nowMs: number): void {
    if (link.peer === undefined) return;
    if (this.links.up().length === 1) this.#lastLinkedMs = nowMs; // it was the last one
    this.#listener.linkDown(link);
    this.#emit({ kind: 'link-down', link: link.id, peer: link.peer, reason });
    this.#dialling.lookAgain();
  }

  #enter(link: Link, phase: Link['phase'], nowMs: number): void {
    link.phase = phase;
    link.sinceMs = nowMs;
    if (phase === 'greeting') this.#expectGreeting(nowMs);
  }

  #expectGreeting(nowMs: number): void {
    this.#nextHandshakeMs = Math.min(this.#nextHandshakeMs, nowMs + this.#tuning.handshakeMs);
  }

  #closeSilentLinks(nowMs: number): void {
    this.#nextHandshakeMs = Infinity;
    for (const link of [...this.links.all()]) {
      if (link.phase !== 'greeting' && link.phase !== 'dialing') continue;
      const dueMs = link.sinceMs + this.#tuning.handshakeMs;
      if (dueMs > nowMs) {
        this.#nextHandshakeMs = Math.min(this.#nextHandshakeMs, dueMs);
        continue;
      }
      this.violated(link, 'no greeting in time', nowMs);
    }
  }

  #dial(entry: BookEntry, replacement: boolean, nowMs: number): void {
    const id = this.newLinkId();
    this.links.add(id, 'outbound', entry.address, nowMs, replacement);
    this.#expectGreeting(nowMs);
    this.#emit({ kind: 'dial', link: id, address: entry.address });
  }

  #retireFor(replacement: Link, nowMs: number): void {
    const retired = this.#dialling.retiredFor(replacement, (link) =>
      this.#listener.isEager(link.id),
    );
    if (retired !== undefined) this.close(retired, 'rotated', nowMs);
  }

  #nextIsolationMs(): number {
    if (this.#isolated || this.#lastLinkedMs === Infinity || this.book.size === 0) return Infinity;
    return this.#lastLinkedMs + this.#tuning.isolationMs;
  }

  #setIsolated(isolated: boolean): void {
    if (this.#isolated === isolated) return;
    this.#isolated = isolated;
    this.#emit({ kind: 'isolation', isolated });
  }
}

/** Whether the link that stands leads to a later life of this member. */
function isSuperseded(member: Contact, rival: Link | undefined): boolean {
  return rival?.peer !== undefined && rival.peer.generation > member.generation;
}
