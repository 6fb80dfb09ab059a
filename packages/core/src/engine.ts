/**
 * One gossip member as a pure state machine: inputs and the time in, effects out. It ties the
 * overlay (which links exist), the leader plane (how records travel over them) and the rounds (what
 * repairs them) together, and decides nothing itself. The same engine runs in `@herald/member` over
 * gRPC and in `@herald/simulator` by the thousand.
 *
 * The membership plane and the failure detector will stand beside the leader plane here: a third
 * listener of the overlay's links, fed by the same rounds.
 */
import { assertNever } from './assert.ts';
import type { Effect, Input } from './effects.ts';
import type { Contact, Frame } from './frames.ts';
import type { Address, ClusterName, ElectionName, LinkId } from './ids.ts';
import { LeaderPlane } from './leader-plane.ts';
import type { LeaderPlaneCounters } from './leader-plane.ts';
import type { ChangeTrace } from './held-records.ts';
import { roundTripMs } from './links.ts';
import type { Link, LinkDirection } from './links.ts';
import { Overlay } from './overlay.ts';
import type { Random } from './random.ts';
import type { HeldRecord } from './record.ts';
import { Rounds } from './rounds.ts';
import { defaultTuning } from './tuning.ts';
import type { EngineTuning } from './tuning.ts';

export interface EngineOptions {
  readonly cluster: ClusterName;
  readonly self: Contact;
  readonly seeds: readonly Address[];
  readonly tuning?: Partial<EngineTuning>;
  readonly random: Random;
  readonly nowMs: number;
}

/** A link as others may see it. */
export interface LinkView {
  readonly id: LinkId;
  readonly direction: LinkDirection;
  readonly peer: Contact;
  /** Smallest of the latest round trips, milliseconds; 0 when not yet measured. */
  readonly roundTripMs: number;
  readonly eager: boolean;
}

export class Engine {
  readonly #overlay: Overlay;
  readonly #plane: LeaderPlane;
  readonly #rounds: Rounds;
  #effects: Effect[] = [];

  constructor(options: EngineOptions) {
    const { random, nowMs } = options;
    const tuning = { ...defaultTuning, ...options.tuning };
    const emit = (effect: Effect): void => {
      this.#effects.push(effect);
    };
    this.#plane = new LeaderPlane(tuning, random, emit);
    this.#overlay = new Overlay(
      options,
      tuning,
      random,
      emit,
      {
        isEager: (link) => this.#plane.isEager(link),
        linkUp: (link, atMs) => {
          this.#linkUp(link, atMs);
        },
        linkDown: (link) => {
          this.#plane.linkDown(link.id);
        },
      },
      nowMs,
    );
    this.#rounds = new Rounds(this.#overlay, this.#plane, tuning, random, emit, nowMs);
    this.#overlay.introduce(options.seeds, undefined);
  }

  /** Takes one input and returns what is to be done about it, in order. Time never goes back. */
  handle(input: Input, nowMs: number): readonly Effect[] {
    this.#effects = [];
    switch (input.kind) {
      case 'link-accepted':
        this.#overlay.accepted(input.link, nowMs);
        break;
      case 'link-dialed':
        this.#overlay.dialed(input.link, nowMs);
        break;
      case 'link-closed':
        this.#overlay.closed(input.link, input.reason, nowMs);
        break;
      case 'frame':
        this.#receive(input.link, input.frame, nowMs);
        break;
      case 'publish':
        this.#plane.publish(input.sealed, input.ageMs, nowMs);
        break;
      case 'pull':
        this.#rounds.pull(nowMs);
        break;
      case 'leave':
        this.#plane.sendLastWords(nowMs);
        break;
      case 'introduce':
        this.#overlay.introduce(input.addresses, input.role);
        break;
      case 'wake':
        this.#plane.wake(nowMs);
        this.#overlay.wake(nowMs);
        this.#rounds.wake(nowMs);
        break;
      default:
        assertNever(input);
    }
    return this.#effects;
  }

  /** When `wake` is due at the latest. */
  get nextWakeMs(): number {
    return Math.min(this.#plane.nextWakeMs, this.#overlay.nextWakeMs, this.#rounds.nextWakeMs);
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

  get isolated(): boolean {
    return this.#overlay.isolated;
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
              roundTripMs: roundTripMs(link),
              eager: this.#plane.isEager(link.id),
            },
          ],
    );
  }

  /** Everyone this member has heard of, linked or not; not itself. */
  contacts(): readonly Contact[] {
    return this.#overlay.book.contacts();
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
    switch (frame.kind) {
      case 'push':
        this.#plane.receivePush(link.id, frame, roundTripMs(link) / 2, nowMs);
        return;
      case 'prune':
        this.#plane.receivePrune(link.id);
        return;
      case 'graft':
        this.#plane.receiveGraft(link.id);
        return;
      case 'round':
        this.#rounds.receiveRound(link, frame);
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
      default:
        assertNever(frame);
    }
  }

  /** The acceptor opens the first round, so that both ends compare and measure at once. */
  #linkUp(link: Link, nowMs: number): void {
    this.#plane.linkUp(link.id, link.direction);
    if (link.direction === 'inbound') this.#rounds.begin(link, nowMs);
  }
}
