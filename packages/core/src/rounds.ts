/**
 * Decides when two members compare what they hold. Every round a member asks one link (more when a
 * record seems to be missed) whether the hashes are equal; if not, versions follow. So whatever a
 * broken tree or a lost message left out is repaired within about one round. A round also measures
 * the link's round trip.
 *
 * Rounds are the beats that failures are detected by as well. A member promises one every `beatMs` on the
 * links that it dialled, so that `fanout` others watch it, and now and then on the others; while it has
 * dialled too few, on all of them. A link that would be silent for longer than promised until the next
 * round gets one now. What else goes over a link spares it that.
 */
import type { EffectSink } from './effects.ts';
import type { RoundFrame, RoundReplyFrame } from './frames.ts';
import { noteRoundTrip } from './links.ts';
import type { Link } from './links.ts';
import type { LeaderPlane } from './leader-plane.ts';
import { membershipProtocol } from './frames.ts';
import type { MembershipPlane } from './membership-plane.ts';
import type { Overlay } from './overlay.ts';
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

/** A link's round trip is measured this often; it is the minimum of several that counts. */
const measureEveryMs = 15_000;

/** A pull asks this many links: one of them is likely to know. */
const pullLinks = 3;

/** Pulls come from clients' questions: however many ask, the links see no more than this. */
const pullEveryMs = 100;

export class Rounds {
  readonly #overlay: Overlay;
  readonly #plane: LeaderPlane;
  readonly #membership: MembershipPlane;
  readonly #tuning: EngineTuning;
  readonly #random: Random;
  readonly #emit: EffectSink;
  #nonce = 0;
  #nextRoundMs: number;
  #nextPullMs = 0;

  constructor(
    overlay: Overlay,
    plane: LeaderPlane,
    membership: MembershipPlane,
    tuning: EngineTuning,
    random: Random,
    emit: EffectSink,
    nowMs: number,
  ) {
    this.#overlay = overlay;
    this.#plane = plane;
    this.#membership = membership;
    this.#tuning = tuning;
    this.#random = random;
    this.#emit = emit;
    this.#nextRoundMs = nowMs + tuning.roundMs * random();
  }

  get nextWakeMs(): number {
    return this.#nextRoundMs;
  }

  wake(nowMs: number): void {
    if (nowMs < this.#nextRoundMs) return;
    this.#nextRoundMs = nowMs + jittered(this.#tuning.roundMs, roundJitter, this.#random);
    const stale = this.#plane.seemsStale(nowMs);
    const count = stale ? this.#tuning.roundLinksWhenStale : this.#tuning.roundLinks;
    this.#compareWith(count, nowMs);
    this.#beat(nowMs);
  }

  /** Somebody knows better than we do: compare at once, unless we just did. */
  pull(nowMs: number): void {
    if (nowMs < this.#nextPullMs) return;
    this.#nextPullMs = nowMs + pullEveryMs;
    this.#compareWith(pullLinks, nowMs);
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
    link.measureAtMs = nowMs + measureEveryMs;
    return this.#nonce;
  }

  #ask(link: Link, nonce: number, nowMs: number): void {
    link.roundAtMs = nowMs;
    const carriesMembers = link.protocol >= membershipProtocol;
    if (carriesMembers) link.promisedMs = this.#promiseMs(link);
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

  /** With those links that are due first, each in its turn. */
  #compareWith(count: number, nowMs: number): void {
    const dueMs = ({ roundAtMs, promisedMs }: Link): number => roundAtMs + promisedMs;
    const links = this.#overlay.links.up().sort((a, b) => dueMs(a) - dueMs(b));
    for (const link of links.slice(0, count)) this.begin(link, nowMs);
  }

  /** Whatever would be silent for longer than promised until the next round is not left silent. */
  #beat(nowMs: number): void {
    const { beatMs, roundMs } = this.#tuning;
    const nextMs = nowMs + roundMs * (1 + roundJitter);
    for (const link of this.#overlay.links.up()) {
      if (link.protocol < membershipProtocol) continue;
      const promisedMs = link.promisedMs === 0 ? beatMs : link.promisedMs;
      if (nextMs > link.sentAtMs + promisedMs) this.begin(link, nowMs);
    }
  }

  /** Enough others watch a member by the links that it dialled; while these are too few, all must. */
  #promiseMs(link: Link): number {
    const { beatMs, fanout, slowBeatMs } = this.#tuning;
    if (link.direction === 'outbound') return beatMs;
    return this.#overlay.links.countOutbound('up') < fanout ? beatMs : slowBeatMs;
  }
}
