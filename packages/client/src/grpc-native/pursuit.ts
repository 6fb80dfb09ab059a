/**
 * One call on its way to the leader. Decides whether, and when, a call that was refused is sent again:
 * at once when the channels lead elsewhere by now, else as soon as they do, or after a back-off to the
 * same leader, in case the refusal was of the moment; not when its time or its attempts are used up.
 */
import type { Metadata } from '@grpc/grpc-js';
import { isNewer, isSameChange } from '@herald/core';
import type { Version } from '@herald/core';
import { callerMetadata } from '@herald/wire';
import type { NotLeader } from '@herald/wire';
import { Backoff } from '../backoff.ts';
import { systemClock } from '../clock.ts';
import type { CancelTimer } from '../clock.ts';
import type { LeaderFacts } from '../results.ts';
import { clientLimits } from '../tuning.ts';
import { feedOf } from './leader-feed.ts';
import type { LeaderFeed } from './leader-feed.ts';
import type { ClientSource } from './sources.ts';
import { followTuning as tuning } from './tuning.ts';

export interface PursuitOptions {
  readonly source: ClientSource;
  readonly allowExpired: boolean;
  readonly waitForReady: boolean;
  /** Milliseconds that the call has from now on; `Infinity` when it has no deadline. */
  readonly timeLeftMs: number;
}

/** Why a refused call is not sent again. */
export type GiveUpReason = 'deadline' | 'no-news' | 'attempts' | 'cannot-follow';

/** What a refused call does next: one of the two is called, once, perhaps at once. */
export interface NextStep {
  readonly sendAgain: () => void;
  readonly giveUp: (why: GiveUpReason) => void;
}

export class Pursuit {
  readonly #options: PursuitOptions;
  readonly #backoff = new Backoff({
    baseMs: tuning.backoffBaseMs,
    capMs: tuning.backoffCapMs,
    random: Math.random,
  });
  readonly #startedAtMs = systemClock.nowMs();
  #sentAtMs = 0;
  /** What the channels had been told when the call was sent last. */
  #sentBy: Version | undefined;
  #attempts = 0;
  #stopWaiting: () => void = () => undefined;

  constructor(options: PursuitOptions) {
    this.#options = options;
  }

  /** Times the call was sent. */
  get attempts(): number {
    return this.#attempts;
  }

  /** The call is sent: adds to its metadata what the client knows. */
  send(metadata: Metadata): Metadata {
    const { source, waitForReady } = this.#options;
    this.#attempts++;
    this.#sentAtMs = systemClock.nowMs();
    if (waitForReady) metadata.setOptions({ ...metadata.getOptions(), waitForReady });
    const client = source.peek();
    this.#sentBy = client && feedOf(client).told?.version;
    const known = client?.leader?.version;
    if (client === undefined || known === undefined) return metadata;
    const { epoch, lineage } = known;
    return callerMetadata({ election: client.election, lineage, epoch }, metadata);
  }

  /** Lets the client know what a refusal says. */
  hear({ known }: NotLeader, peer: string): void {
    if (known === undefined) return;
    const roundTripMs = systemClock.nowMs() - this.#sentAtMs;
    this.#options.source.peek()?.hear({ carried: known, endpoint: peer, roundTripMs });
  }

  /** @param peer Who refused, `host:port`. */
  follow(refusal: NotLeader, peer: string, { giveUp, sendAgain }: NextStep): void {
    const client = this.#options.source.peek();
    if (client?.election !== refusal.election) giveUp('cannot-follow');
    else if (this.#attempts >= tuning.attemptsMax) giveUp('attempts');
    else if (this.#leadsElsewhere(feedOf(client), peer)) sendAgain();
    else this.#wait(feedOf(client), refusal, peer, { giveUp, sendAgain });
  }

  /** Ends the waiting: neither of the two is called any longer. */
  cancel(): void {
    this.#stopWaiting();
  }

  #wait(feed: LeaderFeed, { retryAfterMs = 0 }: NotLeader, peer: string, next: NextStep): void {
    const cancels: CancelTimer[] = [];
    const stopThen = (step: () => void): void => {
      this.#stopWaiting();
      step();
    };
    let hasPaused = false;
    const consider = (): void => {
      if (feed.view.trouble?.code === 'CLOSED') {
        stopThen(() => next.giveUp('cannot-follow'));
        return;
      }
      const mayRepeat = hasPaused && this.#leaderOf(feed) !== undefined;
      if (mayRepeat || this.#leadsElsewhere(feed, peer)) stopThen(next.sendAgain);
    };
    this.#stopWaiting = () => {
      for (const cancel of cancels.splice(0)) cancel();
    };
    const pauseMs = Math.max(this.#backoff.nextMs(), Math.min(retryAfterMs, tuning.backoffCapMs));
    const { isBounded, leftMs } = this.#timeLeft();
    cancels.push(
      systemClock.startTimer(pauseMs, () => {
        hasPaused = true;
        consider();
      }),
      systemClock.startTimer(leftMs, () => {
        stopThen(() => next.giveUp(isBounded ? 'deadline' : 'no-news'));
      }),
      feed.follow(consider),
    );
  }

  #timeLeft(): { readonly isBounded: boolean; readonly leftMs: number } {
    const { timeLeftMs } = this.#options;
    const isBounded = timeLeftMs <= clientLimits.durationMsMax;
    const wholeMs = isBounded ? timeLeftMs : tuning.withoutDeadlineMs;
    const passedMs = systemClock.nowMs() - this.#startedAtMs;
    return { isBounded, leftMs: Math.max(0, wholeMs - passedMs) };
  }

  /** Where the channels lead now; `undefined` while they fail calls. */
  #leaderOf({ told }: LeaderFeed): LeaderFacts | undefined {
    if (told === undefined || told.status === 'vacant') return undefined;
    return told.status === 'current' || this.#options.allowExpired ? told : undefined;
  }

  /** Whether the channels lead to another server than the one that refused, or to it anew. */
  #leadsElsewhere(feed: LeaderFeed, peer: string): boolean {
    const leader = this.#leaderOf(feed);
    if (leader === undefined) return false;
    if (leader.address !== peer) return true;
    const before = this.#sentBy;
    if (before === undefined || isSameChange(leader.version, before)) return false;
    return isNewer(leader.version, before);
  }
}
