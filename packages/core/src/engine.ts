/**
 * One gossip member as a pure state machine: inputs and the time in, effects out. It ties together the
 * overlay (which links exist), the leader plane (how records travel over them), the membership plane
 * (what members say of themselves and each other), the failure detection (whom we cannot reach) and
 * the rounds (what repairs all of it), and decides nothing itself. The same engine runs in
 * `@herald/member` over gRPC and in `@herald/simulator` by the thousand.
 */
import { assertNever } from './assert.ts';
import { Alarm } from './alarm.ts';
import type { Contact } from './contact.ts';
import { convergenceOf } from './convergence.ts';
import { DialPace } from './dial-pace.ts';
import type { Effect, Input } from './effects.ts';
import type { ApplicationFacts } from './endpoint-state.ts';
import { FailureDetection } from './failure-detection.ts';
import { membershipProtocol, protocolVersions } from './frames.ts';
import type { Frame, ProtocolRange } from './frames.ts';
import type { ChangeTrace } from './held-records.ts';
import type { Address, ClusterName, ElectionName, LinkId, NodeId } from './ids.ts';
import { LeaderPlane } from './leader-plane.ts';
import type { LeaderPlaneCounters } from './leader-plane.ts';
import { roundTripMs } from './links.ts';
import type { Link, LinkDirection } from './links.ts';
import { MemberTable } from './member-table.ts';
import type { Convergence, MemberCounts, MemberView } from './member-view.ts';
import { MembershipPlane } from './membership-plane.ts';
import type { MembershipCounters } from './membership-plane.ts';
import { Overlay } from './overlay.ts';
import { OwnLag } from './own-lag.ts';
import { OwnState } from './own-state.ts';
import type { Random } from './random.ts';
import type { HeldRecord } from './record.ts';
import { Rounds } from './rounds.ts';
import { defaultTuning } from './tuning.ts';
import type { EngineTuning } from './tuning.ts';
import { changeOf } from './version.ts';

export interface EngineOptions {
  readonly cluster: ClusterName;
  readonly self: Contact;
  readonly seeds: readonly Address[];
  /** What all others are told of this member. */
  readonly application?: Partial<ApplicationFacts>;
  /** Protocol versions to offer; what this build speaks by default. */
  readonly protocol?: ProtocolRange;
  readonly tuning?: Partial<EngineTuning>;
  readonly random: Random;
  readonly nowMs: number;
}

/** A link as others may see it. */
export interface LinkView {
  readonly id: LinkId;
  readonly direction: LinkDirection;
  readonly peer: Contact;
  /** What both ends speak. */
  readonly protocol: number;
  /** Smallest of the latest round trips, milliseconds; 0 when not yet measured. */
  readonly roundTripMs: number;
  readonly eager: boolean;
}

export class Engine {
  readonly #own: OwnState;
  readonly #members: MemberTable;
  readonly #overlay: Overlay;
  readonly #plane: LeaderPlane;
  readonly #membership: MembershipPlane;
  readonly #detection: FailureDetection;
  readonly #rounds: Rounds;
  #effects: Effect[] = [];
  #nowMs: number;
  readonly #lag: OwnLag;

  /** @throws InvalidValueError when what is said of this member breaks a bound. */
  constructor(options: EngineOptions) {
    const { random, nowMs, cluster } = options;
    const tuning = { ...defaultTuning, ...options.tuning };
    const emit = (effect: Effect): void => {
      this.#emit(effect);
    };
    this.#nowMs = nowMs;
    this.#lag = new OwnLag(tuning, nowMs);
    this.#own = new OwnState(options.self, options.application);
    this.#members = new MemberTable();
    this.#plane = new LeaderPlane(tuning, random, emit);
    const alarm = new Alarm(this.#members, tuning);
    this.#membership = new MembershipPlane(
      this.#own,
      this.#members,
      alarm,
      this.#lag,
      tuning,
      random,
      emit,
      {
        isEager: (link) => this.#plane.isEager(link),
        isLinked: (nodeId) => this.#overlay.links.upTo(nodeId) !== undefined,
        memberKnown: (contact, restarted) => {
          this.#overlay.memberKnown(contact, restarted);
        },
        stateChanged: (entry, atMs) => {
          this.#detection.stateChanged(entry, atMs);
        },
        standingChanged: (entry, atMs) => {
          this.#detection.standingChanged(entry, atMs);
        },
        forgotten: (nodeId, atMs) => {
          this.#detection.forgotten(nodeId, atMs);
        },
      },
      nowMs,
    );
    this.#overlay = new Overlay(
      { cluster, own: this.#own, protocol: offered(options.protocol, tuning) },
      this.#members,
      alarm,
      new DialPace(tuning, this.#lag),
      tuning,
      random,
      emit,
      {
        isEager: (link) => this.#plane.isEager(link),
        linkUp: (link, atMs) => {
          this.#linkUp(link, atMs);
        },
        linkDown: (link, cause, atMs) => {
          this.#plane.linkDown(link.id);
          this.#membership.linkDown(link.id);
          this.#detection.linkDown(link, cause, atMs);
        },
        dialAnswered: (target, atMs) => {
          this.#detection.reached(target, atMs);
        },
        dialAccepted: (target) => {
          this.#detection.accepted(target);
        },
        dialFailed: (target, cause, atMs) => {
          this.#detection.dialFailed(target, cause, atMs);
        },
        namesake: (theirs, atMs) => {
          this.#membership.namesake(theirs, atMs);
        },
      },
      nowMs,
    );
    this.#rounds = new Rounds(
      this.#overlay,
      this.#plane,
      this.#membership,
      this.#lag,
      tuning,
      random,
      emit,
      nowMs,
    );
    this.#detection = new FailureDetection(
      this.#own,
      this.#membership,
      this.#overlay,
      alarm,
      this.#lag,
      this.#rounds,
      tuning,
      random,
    );
    this.#overlay.introduce(options.seeds, undefined);
  }

  /** Takes one input and returns what is to be done about it, in order. Time never goes back. */
  handle(input: Input, nowMs: number): readonly Effect[] {
    this.#effects = [];
    this.#detection.noteLag(this.#lag.at(input.kind === 'wake', nowMs), nowMs);
    this.#nowMs = nowMs;
    switch (input.kind) {
      case 'link-accepted':
        this.#overlay.accepted(input.link, nowMs, input.vouched);
        break;
      case 'link-dialed':
        this.#overlay.dialed(input.link, nowMs, input.vouched);
        break;
      case 'link-closed':
        this.#overlay.closed(input.link, input.reason, input.cause, nowMs);
        break;
      case 'frame':
        this.#receive(input.link, input.frame, nowMs);
        break;
      case 'publish':
        this.#plane.publish(input.sealed, input.ageMs, nowMs);
        break;
      case 'disown':
        this.#plane.disown(input.elections);
        break;
      case 'pull':
        this.#rounds.pull(nowMs);
        break;
      case 'set-application':
        this.#membership.setFacts(input.facts, nowMs);
        break;
      case 'drain':
        this.#membership.drain(nowMs);
        break;
      case 'leave':
        this.#plane.sendLastWords(nowMs);
        this.#membership.leave(nowMs);
        break;
      case 'introduce':
        this.#overlay.introduce(input.addresses, input.role);
        break;
      case 'wake':
        this.#wake(nowMs);
        break;
      default:
        assertNever(input);
    }
    this.#lag.handled(this.nextWakeMs, nowMs);
    return this.#effects;
  }

  /** When `wake` is due at the latest. */
  get nextWakeMs(): number {
    if (this.#own.status === 'left') return this.#plane.nextWakeMs;
    return Math.min(
      this.#plane.nextWakeMs,
      this.#overlay.nextWakeMs,
      this.#rounds.nextWakeMs,
      this.#membership.nextWakeMs,
      this.#detection.nextWakeMs,
    );
  }

  /** A handle for a stream that somebody opened to us. */
  newLinkId(): LinkId {
    return this.#overlay.newLinkId();
  }

  held(election: ElectionName): HeldRecord | undefined {
    return this.#plane.held(election);
  }

  elections(): readonly ElectionName[] {
    return this.#plane.elections();
  }

  /** How the last change of this election came here and went on. */
  trace(election: ElectionName): ChangeTrace | undefined {
    return this.#plane.trace(election);
  }

  get counters(): Readonly<LeaderPlaneCounters> {
    return this.#plane.counters;
  }

  get membershipCounters(): MembershipCounters {
    return this.#membership.counters;
  }

  get isolated(): boolean {
    return this.#overlay.isolated;
  }

  /** Who this member is; its generation rises when it has to take its node id back. */
  get self(): Contact {
    return this.#own.contact;
  }

  /** Links that carry frames now. */
  links(): readonly LinkView[] {
    return this.#overlay.links.up().flatMap((link) =>
      link.peer === undefined
        ? []
        : [
            {
              id: link.id,
              direction: link.direction,
              peer: link.peer,
              protocol: link.protocol,
              roundTripMs: roundTripMs(link),
              eager: this.#plane.isEager(link.id),
            },
          ],
    );
  }

  /** All members that this one has states of, itself and those that left lately included. */
  members(): readonly MemberView[] {
    return Array.from(this.#members.entries(), (entry) => this.#membership.view(entry));
  }

  member(nodeId: NodeId): MemberView | undefined {
    const entry = this.#members.get(nodeId);
    return entry === undefined ? undefined : this.#membership.view(entry);
  }

  get memberCounts(): MemberCounts {
    return {
      live: this.#members.of('live').length,
      unreachable: this.#members.of('unreachable').length,
      left: this.#members.of('left').length,
    };
  }

  /** How many of the live members have applied the newest change of this election, and who has not. */
  convergence(election: ElectionName): Convergence {
    const version = this.#plane.held(election)?.sealed.record.version;
    const own = version === undefined ? undefined : changeOf(version);
    return convergenceOf(this.#members, this.#own.contact.nodeId, election, own);
  }

  /** Everyone this member could dial: the members that did not leave, and whom it has heard of besides. */
  contacts(): readonly Contact[] {
    const members = [...this.#members.of('live'), ...this.#members.of('unreachable')]
      .map(({ state }) => state.contact)
      .filter(({ nodeId }) => nodeId !== this.#own.contact.nodeId);
    const heardOf = this.#overlay.book
      .contacts()
      .filter(({ nodeId }) => this.#members.get(nodeId) === undefined);
    return [...members, ...heardOf];
  }

  #wake(nowMs: number): void {
    this.#plane.wake(nowMs);
    if (this.#own.status === 'left') return;
    this.#overlay.wake(nowMs);
    this.#detection.wake(nowMs);
    this.#membership.wake(nowMs);
    this.#rounds.wake(nowMs);
  }

  #emit(effect: Effect): void {
    if (effect.kind === 'send') {
      const link = this.#overlay.links.get(effect.link);
      if (link !== undefined) link.sentAtMs = this.#nowMs;
    } else if (effect.kind === 'applied' && effect.isChange) {
      const { election, version } = effect.held.sealed.record;
      this.#membership.noteApplied(election, version, this.#nowMs);
    } else if (effect.kind === 'disowned') {
      this.#membership.noteApplied(effect.election, undefined, this.#nowMs);
    }
    this.#effects.push(effect);
  }

  #receive(id: LinkId, frame: Frame, nowMs: number): void {
    const link = this.#overlay.links.get(id);
    if (link === undefined || link.phase === 'closing') return;
    switch (frame.kind) {
      case 'hello':
        this.#overlay.receiveHello(link, frame, nowMs);
        return;
      case 'welcome':
        this.#overlay.receiveWelcome(link, frame, nowMs);
        return;
      case 'refuse':
        this.#overlay.receiveRefuse(link, frame, nowMs);
        return;
      case 'push':
      case 'prune':
      case 'graft':
      case 'round':
      case 'round-reply':
      case 'digest':
      case 'want':
      case 'member-hashes':
      case 'member-digest':
      case 'member-delta':
      case 'accusations':
      case 'who-else':
        if (link.phase === 'up') this.#receiveOnUpLink(link, frame, nowMs);
        else this.#overlay.violated(link, `${frame.kind} before the greeting`, nowMs);
        return;
      default:
        assertNever(frame);
    }
  }

  #receiveOnUpLink(
    link: Link,
    frame: Exclude<Frame, { kind: 'hello' | 'welcome' | 'refuse' }>,
    nowMs: number,
  ): void {
    this.#detection.heard(link, nowMs);
    switch (frame.kind) {
      case 'push':
        this.#plane.receivePush(link.id, frame, roundTripMs(link) / 2, nowMs);
        return;
      case 'prune':
        this.#plane.receivePrune(link.id);
        return;
      case 'graft':
        this.#plane.receiveGraft(link.id);
        this.#membership.receiveGraft(link.id, nowMs);
        return;
      case 'round':
        this.#detection.promised(link, frame.beatMs);
        this.#rounds.receiveRound(link, frame, nowMs);
        return;
      case 'round-reply':
        this.#rounds.receiveReply(link, frame, nowMs);
        return;
      case 'digest':
        this.#plane.receiveDigest(link.id, frame, nowMs);
        return;
      case 'want':
        this.#plane.receiveWant(link.id, frame, nowMs);
        return;
      case 'member-hashes':
        this.#membership.receiveHashes(link.id, frame, nowMs);
        return;
      case 'member-digest':
        this.#membership.receiveDigest(link.id, frame, nowMs);
        return;
      case 'member-delta':
        this.#membership.receiveDelta(link.id, frame, nowMs);
        return;
      case 'accusations':
        this.#membership.receiveAccusations(link.id, frame, nowMs);
        return;
      case 'who-else':
        this.#membership.receiveWhoElse(link.id, frame, nowMs);
        return;
      default:
        assertNever(frame);
    }
  }

  /** The acceptor opens the first round, so that both ends compare and measure at once. */
  #linkUp(link: Link, nowMs: number): void {
    const { peer } = link;
    this.#plane.linkUp(link.id, link.direction);
    if (peer !== undefined) {
      if (link.protocol >= membershipProtocol) this.#membership.linkUp(link.id, peer, nowMs);
      this.#detection.linkUp(link, peer, nowMs);
    }
    this.#rounds.linkUp(link, nowMs);
  }
}

/** Without a membership a member speaks the protocol of the leader plane. */
function offered(range: ProtocolRange | undefined, tuning: EngineTuning): ProtocolRange {
  const { min, max } = range ?? protocolVersions;
  return tuning.membership ? { min, max } : { min, max: Math.min(max, membershipProtocol - 1) };
}
