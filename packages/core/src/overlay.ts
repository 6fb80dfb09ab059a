/**
 * Decides which links exist, how a link comes to stand and how it ends. Whom to dial is decided in
 * `dialling.ts`, who is welcome in `admission.ts`.
 *
 * The overlay is a random graph: each member dials `fanout` random members and accepts a bounded
 * number. Links carry both ways. Electors are linked to each other on top of that, so that one
 * broadcast tree is good for whichever of them publishes.
 */
import { AddressBook } from './address-book.ts';
import type { Alarm } from './alarm.ts';
import { Admission, isSuperseded } from './admission.ts';
import type { Identity, Refusal } from './admission.ts';
import type { Contact, Role } from './contact.ts';
import type { DialPace } from './dial-pace.ts';
import { Dialling } from './dialling.ts';
import type { CloseCause, EffectSink } from './effects.ts';
import type { HelloFrame, RefuseFrame, WelcomeFrame } from './frames.ts';
import { linkId } from './ids.ts';
import type { Address, LinkId } from './ids.ts';
import { Isolation } from './isolation.ts';
import { limits } from './limits.ts';
import { LinkTable, isBrief, noteRoundTrip } from './links.ts';
import type { Dialled, Link } from './links.ts';
import type { MemberTable } from './member-table.ts';
import type { OverlayListener } from './overlay-listener.ts';
import { pickSome } from './random.ts';
import type { Random } from './random.ts';
import type { EngineTuning } from './tuning.ts';
import { impostureOf } from './vouched.ts';
import type { Vouched } from './vouched.ts';

/** For this long after something was lost, whom we dial may be lost too. */
const troubleMs = 10_000;

export class Overlay {
  readonly links = new LinkTable();
  readonly book: AddressBook;
  readonly #pace: DialPace;
  readonly #identity: Identity;
  readonly #members: MemberTable;
  readonly #tuning: EngineTuning;
  readonly #random: Random;
  readonly #admission: Admission;
  readonly #dialling: Dialling;
  readonly #isolation: Isolation;
  readonly #emit: EffectSink;
  readonly #listener: OverlayListener;
  #lastLinkId = 0;
  #nextHandshakeMs = Infinity;
  #troubledUntilMs = -Infinity;

  constructor(
    identity: Identity,
    members: MemberTable,
    alarm: Alarm,
    pace: DialPace,
    tuning: EngineTuning,
    random: Random,
    emit: EffectSink,
    listener: OverlayListener,
    nowMs: number,
  ) {
    this.#identity = identity;
    this.#members = members;
    this.#tuning = tuning;
    this.#pace = pace;
    this.#random = random;
    this.#emit = emit;
    this.#listener = listener;
    const self = identity.own.contact;
    this.book = new AddressBook(self, tuning, random);
    this.#admission = new Admission(identity, this.links, tuning, (link, atMs) => {
      this.close(link, 'replaced by a newer link', atMs);
    });
    this.#dialling = new Dialling(
      self,
      this.links,
      this.book,
      members,
      alarm,
      pace,
      tuning,
      random,
      (dialled, atMs) => {
        this.#dial(dialled, atMs);
      },
      nowMs,
    );
    this.#isolation = new Isolation(
      tuning.isolationMs,
      () => this.book.size > 0 || members.size > 1,
      (isolated) => {
        emit({ kind: 'isolation', isolated });
      },
      nowMs,
    );
  }

  get isolated(): boolean {
    return this.#isolation.isIsolated;
  }

  get nextWakeMs(): number {
    return Math.min(this.#dialling.nextWakeMs, this.#nextHandshakeMs, this.#isolation.nextWakeMs);
  }

  newLinkId(): LinkId {
    return linkId(++this.#lastLinkId);
  }

  introduce(addresses: readonly Address[], role: Role | undefined): void {
    for (const address of addresses) this.book.addSeed(address, role, this.#members.at(address));
    this.#dialling.lookAgain();
  }

  /** Takes what others tell of whom to dial. Whom the membership knows already it knows better. */
  learn(contacts: readonly Contact[]): void {
    for (const contact of contacts) {
      const known = this.#members.get(contact.nodeId)?.state.contact;
      if (known !== undefined && known.generation >= contact.generation) continue;
      if (this.book.learn(contact)) this.#dialling.lookAgain();
    }
  }

  /** The membership knows this member, and where it is to be found in its present life. */
  memberKnown(contact: Contact, restarted: boolean): void {
    this.book.handOver(contact, restarted);
    const link = this.links.upTo(contact.nodeId);
    const claimedAnew =
      link?.peer?.address === contact.address && link.peer.generation < contact.generation;
    if (claimedAnew) link.peer = contact;
    this.#dialling.lookAgain();
  }

  /** Dials a member only to know whether it answers; returns false when there is no dial to spare. */
  probe(contact: Contact, nowMs: number): boolean {
    return this.#dialling.dialBeside(contact, 'probe', nowMs);
  }

  /** Looks whether anybody accepts a dial where this member should be. */
  glance(contact: Contact, nowMs: number): boolean {
    return this.#dialling.dialBeside(contact, 'glance', nowMs);
  }

  /** Dials up to `count` live members, by chance, to take the place of links that may lead nowhere. */
  dialStrangers(count: number, nowMs: number): void {
    this.#dialling.dialStrangers(count, nowMs);
  }

  /** Up to `count` random members to tell others about: of the live ones, and of those that only the book knows. */
  contactsFor(asker: Contact | undefined, count: number): Contact[] {
    const live = this.#dialling.liveContacts(count, asker?.nodeId);
    const heardOf = this.book
      .sample(count, asker?.nodeId)
      .filter(({ nodeId }) => this.#members.get(nodeId) === undefined);
    return pickSome([...live, ...heardOf], count, this.#random);
  }

  accepted(id: LinkId, nowMs: number, vouched?: Vouched): void {
    const link = this.links.add(id, undefined, nowMs);
    link.vouched = vouched;
    this.#expectGreeting(nowMs);
    if (this.links.countInbound('greeting') > limits.greetingLinksMax) {
      this.close(link, 'too many links that did not greet yet', nowMs);
    }
  }

  /** The stream that we dialled can be written to: greet. */
  dialed(id: LinkId, nowMs: number, vouched?: Vouched): void {
    const link = this.links.get(id);
    if (link?.phase !== 'dialing') return;
    link.vouched = vouched;
    if (link.purpose === 'glance') {
      this.#accepted(link, nowMs);
      this.close(link, 'somebody is there', nowMs);
      return;
    }
    this.#enter(link, 'greeting', nowMs);
    this.#emit({
      kind: 'send',
      link: id,
      frame: {
        kind: 'hello',
        cluster: this.#identity.cluster,
        protocolMin: this.#identity.protocol.min,
        protocolMax: this.#identity.protocol.max,
        member: this.#identity.own.contact,
        probe: link.purpose === 'probe',
      },
    });
  }

  closed(id: LinkId, reason: string, cause: CloseCause, nowMs: number): void {
    const link = this.links.get(id);
    if (link === undefined) return;
    const { phase } = link;
    const shortLived = phase !== 'closing' && nowMs - link.sinceMs < this.#tuning.handshakeMs;
    const opening = phase === 'dialing' || phase === 'greeting';
    const isAnswered = link.purpose === 'glance' && cause === 'ended';
    if ((opening || shortLived) && !isAnswered && link.address !== undefined) {
      this.book.noteFailure(link.address, nowMs);
    }
    if (phase === 'up') this.#lost(link, reason, cause, nowMs);
    if (cause !== 'ended') this.#troubledUntilMs = nowMs + troubleMs;
    this.links.delete(id);
    const hasFailed = opening && cause !== 'ended';
    if (hasFailed) this.#unanswered(link, cause, nowMs);
    if (opening && isAnswered) this.#accepted(link, nowMs);
    if (isBrief(link)) return; // none is missing because of it
    if (hasFailed && cause === 'lost') this.#pace.gaveUp(nowMs);
    if (hasFailed) this.#dialling.lookSoon(nowMs);
    else this.#dialling.lookAgain();
  }

  /** Ends a link: the shell writes what was sent, then closes the stream. */
  close(link: Link, reason: string, nowMs: number): void {
    if (link.phase === 'closing') return;
    if (link.phase === 'up') this.#lost(link, reason, undefined, nowMs);
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
    const imposture = impostureOf(link.vouched, hello.member);
    if (imposture === undefined) this.#noteNamesake(hello.member, nowMs);
    const refusal: Refusal | undefined =
      imposture === undefined
        ? this.#admission.refusalOf(link, hello, nowMs)
        : { reason: 'invalid', detail: imposture };
    if (refusal !== undefined) {
      this.#refuse(link, refusal, hello.member, nowMs);
      return;
    }
    const contacts = hello.probe ? [] : this.contactsFor(hello.member, limits.contactsPerFrameMax);
    link.protocol = Math.min(this.#identity.protocol.max, hello.protocolMax);
    this.#emit({
      kind: 'send',
      link: link.id,
      frame: {
        kind: 'welcome',
        protocol: link.protocol,
        member: this.#identity.own.contact,
        contacts,
      },
    });
    this.learn([hello.member]);
    if (hello.probe) this.close(link, 'probed', nowMs);
    else this.#comeUp(link, hello.member, nowMs);
  }

  receiveWelcome(link: Link, welcome: WelcomeFrame, nowMs: number): void {
    const { min, max } = this.#identity.protocol;
    const { member } = welcome;
    if (link.direction !== 'outbound' || link.phase !== 'greeting') {
      this.violated(link, 'unexpected welcome', nowMs);
      return;
    }
    if (welcome.protocol < min || welcome.protocol > max) {
      this.violated(link, `protocol ${welcome.protocol} was not offered`, nowMs);
      return;
    }
    const imposture = impostureOf(link.vouched, member);
    if (imposture !== undefined) {
      this.violated(link, imposture, nowMs);
      return;
    }
    if (member.nodeId === this.#identity.own.contact.nodeId) {
      this.#noteNamesake(member, nowMs);
      this.violated(link, 'welcomed by ourselves', nowMs);
      return;
    }
    noteRoundTrip(link, nowMs - link.sinceMs);
    link.protocol = welcome.protocol;
    if (link.address !== undefined) this.book.noteSuccess(link.address, member);
    this.learn([member, ...welcome.contacts]);
    this.#answered(link, member, nowMs);
    if (link.purpose === 'probe') this.close(link, 'probed', nowMs);
    else this.#welcomed(link, member, nowMs);
  }

  receiveRefuse(link: Link, refuse: RefuseFrame, nowMs: number): void {
    this.learn(refuse.contacts);
    for (const contact of refuse.contacts) this.#noteNamesake(contact, nowMs);
    const { address, target } = link;
    if (address !== undefined && link.phase === 'greeting') {
      this.#pace.answered();
      const elsewhere = refuse.reason === 'cluster-mismatch' || refuse.reason === 'self';
      if (elsewhere) this.#unanswered(link, 'refused', nowMs);
      else if (target !== undefined) this.#listener.dialAnswered(target, nowMs);
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
    this.#isolation.wake(nowMs);
  }

  /** A link of ours was welcomed: it stands, unless one to a later life, or one that crossed it, does. */
  #welcomed(link: Link, member: Contact, nowMs: number): void {
    const rival = this.links.upTo(member.nodeId);
    if (isSuperseded(member, rival)) {
      if (link.address !== undefined) this.book.noteFull(link.address, nowMs);
      this.close(link, 'superseded', nowMs);
      return;
    }
    if (rival !== undefined && !this.#admission.newcomerStays(link, rival, member, nowMs)) {
      this.close(link, 'duplicate', nowMs);
      return;
    }
    this.#comeUp(link, member, nowMs);
    if (link.purpose === 'replacement') this.#retireFor(link, nowMs);
  }

  /** Who answered may be another one than we dialled: then that one is not there. */
  #answered({ target }: Link, member: Contact, nowMs: number): void {
    if (target !== undefined && target.nodeId !== member.nodeId) {
      this.#listener.dialFailed(target, 'refused', nowMs);
    }
    this.#pace.answered();
    this.#listener.dialAnswered(member, nowMs);
  }

  #noteNamesake(contact: Contact, nowMs: number): void {
    const { nodeId, address } = this.#identity.own.contact;
    if (contact.nodeId === nodeId && contact.address !== address) {
      this.#listener.namesake(contact, nowMs);
    }
  }

  #accepted({ target }: Link, nowMs: number): void {
    if (target !== undefined) this.#listener.dialAccepted(target, nowMs);
  }

  #unanswered({ target }: Link, cause: 'refused' | 'lost', nowMs: number): void {
    if (target !== undefined) this.#listener.dialFailed(target, cause, nowMs);
  }

  #refuse(link: Link, { reason, detail }: Refusal, asker: Contact, nowMs: number): void {
    const sameCluster = reason !== 'cluster-mismatch' && reason !== 'protocol-mismatch';
    let contacts = sameCluster ? this.contactsFor(asker, limits.contactsPerFrameMax) : [];
    const rival = reason === 'superseded' ? this.links.upTo(asker.nodeId)?.peer : undefined;
    if (rival !== undefined) contacts = [rival, ...contacts.slice(1)]; // who has its name now
    if (reason === 'full') this.learn([asker]);
    this.#emit({
      kind: 'send',
      link: link.id,
      frame: { kind: 'refuse', reason, detail, contacts },
    });
    this.close(link, `refused: ${reason}`, nowMs);
  }

  #comeUp(link: Link, peer: Contact, nowMs: number): void {
    this.links.comeUp(link, peer);
    this.#enter(link, 'up', nowMs);
    this.#isolation.linked();
    this.#dialling.lookAgain();
    this.#emit({ kind: 'link-up', link: link.id, peer });
    this.#listener.linkUp(link, nowMs);
  }

  #lost(link: Link, reason: string, cause: CloseCause | undefined, nowMs: number): void {
    if (link.peer === undefined) return;
    if (this.links.up().length === 1) this.#isolation.alone(nowMs);
    this.links.goDown(link);
    this.#listener.linkDown(link, cause, nowMs);
    this.#emit({ kind: 'link-down', link: link.id, peer: link.peer, reason });
    this.#dialling.lookAgain();
  }

  #enter(link: Link, phase: Link['phase'], nowMs: number): void {
    link.phase = phase;
    link.sinceMs = nowMs;
    if (phase === 'greeting') this.#expectGreeting(nowMs);
  }

  #expectGreeting(nowMs: number): void {
    const soonestMs = Math.min(this.#tuning.handshakeMs, this.#tuning.probeTimeoutMs);
    this.#nextHandshakeMs = Math.min(this.#nextHandshakeMs, nowMs + soonestMs);
  }

  #closeSilentLinks(nowMs: number): void {
    this.#nextHandshakeMs = Infinity;
    for (const link of [...this.links.all()]) {
      if (link.phase !== 'greeting' && link.phase !== 'dialing') continue;
      const dueMs =
        link.sinceMs + (isBrief(link) ? this.#tuning.probeTimeoutMs : this.#pace.greetingMs);
      if (dueMs > nowMs) {
        this.#nextHandshakeMs = Math.min(this.#nextHandshakeMs, dueMs);
        continue;
      }
      this.violated(link, 'no greeting in time', nowMs);
      this.#unanswered(link, 'lost', nowMs);
      if (!isBrief(link)) this.#pace.gaveUp(nowMs);
    }
  }

  #dial(dialled: Dialled, nowMs: number): void {
    const id = this.newLinkId();
    this.links.add(id, dialled, nowMs);
    this.#expectGreeting(nowMs);
    const { address, purpose } = dialled;
    const glance = purpose === 'glance';
    // Where somebody is gone, or was lost a moment ago, others may be, too.
    const isTroubled = this.#members.of('unreachable').length > 0 || nowMs < this.#troubledUntilMs;
    const doubtful = glance || purpose === 'probe' || isTroubled;
    this.#emit({ kind: 'dial', link: id, address, doubtful, glance });
  }

  #retireFor(replacement: Link, nowMs: number): void {
    const retired = this.#dialling.retiredFor(replacement, (link) =>
      this.#listener.isEager(link.id),
    );
    if (retired !== undefined) this.close(retired, 'rotated', nowMs);
  }
}
