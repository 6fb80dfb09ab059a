/**
 * Decides when two members compare what they hold. Every round a member asks one link (more when a
 * record seems to be missed) whether the hashes are equal; if not, versions follow. So whatever a
 * broken tree or a lost message left out is repaired within about one round. A round also measures
 * the link's round trip and carries a few contacts.
 */
import type { EffectSink } from './effects.ts';
import type { RoundFrame, RoundReplyFrame } from './frames.ts';
import { noteRoundTrip } from './links.ts';
import type { Link } from './links.ts';
import type { LeaderPlane } from './leader-plane.ts';
import type { Overlay } from './overlay.ts';
import { jittered, pickSome } from './random.ts';
import type { Random } from './random.ts';
import { sameHash } from './state-hash.ts';
import type { EngineTuning } from './tuning.ts';

/** Contacts told per round: the address books of a fleet mix within minutes, for some 100 bytes. */
const contactsPerRound = 2;

/** A link's round trip is measured this often; it is the minimum of several that counts. */
const measureEveryMs = 15_000;

/** A pull asks this many links: one of them is likely to know. */
const pullLinks = 3;

/** Pulls come from clients' questions: however many ask, the links see no more than this. */
const pullEveryMs = 100;

export class Rounds {
  readonly #overlay: Overlay;
  readonly #plane: LeaderPlane;
  readonly #tuning: EngineTuning;
  readonly #random: Random;
  readonly #emit: EffectSink;
  #nonce = 0;
  #nextRoundMs: number;
  #nextPullMs = 0;

  constructor(
    overlay: Overlay,
    plane: LeaderPlane,
    tuning: EngineTuning,
    random: Random,
    emit: EffectSink,
    nowMs: number,
  ) {
    this.#overlay = overlay;
    this.#plane = plane;
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
    this.#nextRoundMs = nowMs + jittered(this.#tuning.roundMs, 0.2, this.#random);
    const stale = this.#plane.seemsStale(nowMs);
    const count = stale ? this.#tuning.roundLinksWhenStale : this.#tuning.roundLinks;
    this.#compareWith(count, nowMs);
  }

  /** Somebody knows better than we do: compare at once, unless we just did. */
  pull(nowMs: number): void {
    if (nowMs < this.#nextPullMs) return;
    this.#nextPullMs = nowMs + pullEveryMs;
    this.#compareWith(pullLinks, nowMs);
  }

  begin(link: Link, nowMs: number): void {
    const nonce = this.#nonceFor(link, nowMs);
    this.#emit({
      kind: 'send',
      link: link.id,
      frame: {
        kind: 'round',
        nonce,
        hash: this.#plane.hash,
        contacts: this.#overlay.book.sample(contactsPerRound, link.peer?.nodeId),
      },
    });
  }

  receiveRound(link: Link, frame: RoundFrame): void {
    this.#overlay.learn(frame.contacts);
    if (frame.nonce !== 0) {
      const reply = { kind: 'round-reply', nonce: frame.nonce } as const;
      this.#emit({ kind: 'send', link: link.id, frame: reply });
    }
    if (!sameHash(frame.hash, this.#plane.hash)) this.#plane.sendDigest(link.id);
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

  #compareWith(count: number, nowMs: number): void {
    for (const link of pickSome(this.#overlay.links.up(), count, this.#random))
      this.begin(link, nowMs);
  }
}
