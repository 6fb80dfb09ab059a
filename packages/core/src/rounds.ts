/**
 * Decides when two members compare what they hold. Every round a member asks one link (more when a
 * record seems to be missed) whether the hashes are equal; if not, versions follow. So whatever a
 * broken tree or a lost message left out is repaired within about one round; a renewal, once it is overdue. A
 * round also measures the link's round trip.
 *
 * Rounds are the beats that failures are detected by as well. A member promises one every `beatMs` on the
 * links that it dialled, so that `fanout` others watch it, and now and then on the others; while it has
 * dialled too few, on all of them. A link that would be silent for longer than promised gets one
 * out of turn. What else goes over a link spares it that.
 */
import type { EffectSink } from './effects.ts';
import type { RoundFrame, RoundReplyFrame } from './frames.ts';
import type { Overdue } from './held-records.ts';
import { noteRoundTrip } from './links.ts';
import type { Link } from './links.ts';
import type { LeaderPlane } from './leader-plane.ts';
import { membershipProtocol } from './frames.ts';
import type { MembershipPlane } from './membership-plane.ts';
import type { Overlay } from './overlay.ts';
import type { OwnLag } from './own-lag.ts';
import { jittered } from './random.ts';
import type { Random } from './random.ts';
import { sameHash } from './state-hash.ts';
import type { EngineTuning } from './tuning.ts';

/**
 * Contacts told per round where the link does not carry the membership: the address books of a fleet
 * mix within minutes, for some 100 bytes.
 */
const contactsPerRound = 2;

/** A round comes this much earlier or later than its period, so that members do not act in step. */
const roundJitter = 0.2;

/**
 * A link's round trip is measured this often; it is the minimum of several that counts. Once there are `enoughSamples` it
 * is less likely to be another one, and asked for this much more seldom.
 */
const measureEveryMs = 15_000;
const enoughSamples = 2;
const seldomFactor = 4;

/** What is due within this goes along with what is due now. */
const beatTogetherMs = 150;

/** A pull asks this many links: one of them is likely to know. */
const pullLinks = 3;

/** Pulls come from clients' questions: however many ask, the links see no more than this. */
const pullEveryMs = 100;

export class Rounds {
  readonly #overlay: Overlay;
  readonly #plane: LeaderPlane;
  readonly #membership: MembershipPlane;
  readonly #lag: OwnLag;
  readonly #tuning: EngineTuning;
  readonly #random: Random;
  readonly #emit: EffectSink;
  #nonce = 0;
  #nextRoundMs: number;
  /** No link that stands has to be heard on before that. */
  #nextBeatMs = Infinity;
  #nextPullMs = 0;

  constructor(
    overlay: Overlay,
    plane: LeaderPlane,
    membership: MembershipPlane,
    lag: OwnLag,
    tuning: EngineTuning,
    random: Random,
    emit: EffectSink,
    nowMs: number,
  ) {
    this.#overlay = overlay;
    this.#plane = plane;
    this.#membership = membership;
    this.#lag = lag;
    this.#tuning = tuning;
    this.#random = random;
    this.#emit = emit;
    this.#nextRoundMs = nowMs + tuning.roundMs * random();
  }

  get nextWakeMs(): number {
    return Math.min(this.#nextRoundMs, this.#nextBeatMs);
  }

  wake(nowMs: number): void {
    const isRound = nowMs >= this.#nextRoundMs;
    if (isRound) {
      const { roundMs, roundLinks, roundLinksWhenStale } = this.#tuning;
      this.#nextRoundMs = nowMs + jittered(roundMs, roundJitter, this.#random);
      const overdue = this.#plane.overdue(nowMs);
      const isHasty = overdue === 'lately' && !this.#lag.isBehind(nowMs);
      this.#compareWith(isHasty ? roundLinksWhenStale : roundLinks, overdue, nowMs);
    }
    if (isRound || nowMs >= this.#nextBeatMs) this.#beat(nowMs);
  }

  /** Who dialled beats, from now on. */
  linkUp(link: Link, nowMs: number): void {
    if (link.protocol >= membershipProtocol) this.#beatBy(nowMs + this.#tuning.beatMs);
    if (link.direction === 'inbound') this.begin(link, nowMs);
  }

  /** Somebody knows better than we do: compare at once, unless we just did. */
  pull(nowMs: number): void {
    if (nowMs < this.#nextPullMs) return;
    this.#nextPullMs = nowMs + pullEveryMs;
    this.#compareWith(pullLinks, this.#plane.overdue(nowMs), nowMs);
  }

  begin(link: Link, nowMs: number): void {
    this.#ask(link, this.#nonceFor(link, nowMs), nowMs);
  }

  /** Asks the other end whether it is there: it answers at once. */
  ping(link: Link, nowMs: number): void {
    link.measureAtMs = 0;
    link.round = undefined;
    this.begin(link, nowMs);
  }

  receiveRound(link: Link, frame: RoundFrame, nowMs: number): void {
    this.#overlay.learn(frame.contacts);
    if (frame.nonce !== 0) {
      const reply = { kind: 'round-reply', nonce: frame.nonce } as const;
      this.#emit({ kind: 'send', link: link.id, frame: reply });
    }
    if (!sameHash(frame.hash, this.#plane.hash)) this.#plane.sendDigest(link.id);
    if (frame.members !== undefined) {
      this.#membership.receiveSummary(link.id, frame.members, nowMs);
    }
  }

  receiveReply(link: Link, frame: RoundReplyFrame, nowMs: number): void {
    if (link.round?.nonce !== frame.nonce) return;
    noteRoundTrip(link, nowMs - link.round.sentAtMs);
    link.round = undefined;
  }

  /** A reply is asked for now and then only: equal hashes need no answer, and answers cost. */
  #nonceFor(link: Link, nowMs: number): number {
    if (link.round !== undefined && nowMs - link.round.sentAtMs < measureEveryMs) return 0;
    if (nowMs < link.measureAtMs) return 0;
    this.#nonce = (this.#nonce % 0xffff_ffff) + 1;
    link.round = { nonce: this.#nonce, sentAtMs: nowMs };
    const isKnown = link.roundTripsMs.length >= enoughSamples;
    link.measureAtMs = nowMs + measureEveryMs * (isKnown ? seldomFactor : 1);
    return this.#nonce;
  }

  #ask(link: Link, nonce: number, nowMs: number): void {
    link.roundAtMs = nowMs;
    const carriesMembers = link.protocol >= membershipProtocol;
    if (carriesMembers) {
      link.promisedMs = this.#promiseMs(link);
      this.#beatBy(nowMs + link.promisedMs);
    }
    this.#emit({
      kind: 'send',
      link: link.id,
      frame: {
        kind: 'round',
        nonce,
        hash: this.#plane.hash,
        contacts: carriesMembers ? [] : this.#overlay.contactsFor(link.peer, contactsPerRound),
        members: carriesMembers ? this.#membership.summary : undefined,
        beatMs: link.promisedMs,
      },
    });
  }

  /**
   * With those links that are due first, each in its turn. Changes are compared by their hash; whose renewals
   * are overdue says right away which ones it has.
   */
  #compareWith(count: number, overdue: Overdue, nowMs: number): void {
    const dueMs = ({ roundAtMs, promisedMs }: Link): number => roundAtMs + promisedMs;
    const links = this.#overlay.links.up().sort((a, b) => dueMs(a) - dueMs(b));
    for (const link of links.slice(0, count)) {
      this.begin(link, nowMs);
      if (overdue !== 'no') this.#plane.sendDigest(link.id);
    }
  }

  /** Whatever would be silent for longer than promised is not left silent. */
  #beat(nowMs: number): void {
    this.#nextBeatMs = Infinity;
    for (const link of this.#overlay.links.up()) {
      if (link.protocol < membershipProtocol) continue;
      if (nowMs + beatTogetherMs >= this.#heardUntilMs(link)) this.begin(link, nowMs);
      this.#beatBy(this.#heardUntilMs(link));
    }
  }

  #beatBy(atMs: number): void {
    this.#nextBeatMs = Math.min(this.#nextBeatMs, atMs);
  }

  /** When this end has to say something on the link again. */
  #heardUntilMs({ sentAtMs, promisedMs }: Link): number {
    return sentAtMs + (promisedMs === 0 ? this.#tuning.beatMs : promisedMs);
  }

  /** Enough others watch a member by the links that it dialled; while these are too few, all must. */
  #promiseMs(link: Link): number {
    const { beatMs, fanout, slowBeatMs } = this.#tuning;
    if (link.direction === 'outbound') return beatMs;
    return this.#overlay.links.countOutbound('up') < fanout ? beatMs : slowBeatMs;
  }
}
