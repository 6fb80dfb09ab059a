/**
 * `getLeader`: decides whether a call is answered from what is known or by asking, and what is a result.
 */
import { isSameChange } from '@herald/core';
import { parseRequirement, parseTimeout } from './client-options.ts';
import type { CallOptions, GetLeaderOptions } from './client-options.ts';
import { confirmLeader } from './confirmation.ts';
import type { Confirmed } from './confirmation.ts';
import type { Discovery } from './discovery.ts';
import { HeraldClientError } from './errors.ts';
import { failureOf } from './failure.ts';
import type { Follower } from './follower.ts';
import type { CallStart } from './hooks.ts';
import type { KnownRecord } from './known-record.ts';
import type { ClientParts } from './parts.ts';
import { PendingCall } from './pending-call.ts';
import type { Refresher } from './refresher.ts';
import { anyLeader, shortfall } from './requirement.ts';
import type { Requirement } from './requirement.ts';
import { leaderResult } from './results.ts';
import type { LeaderResult } from './results.ts';
import { clientLimits } from './tuning.ts';

export const noOptions: GetLeaderOptions = {};
const fromCache = {
  verified: false,
  cached: true,
  attempts: [],
  redirects: 0,
  retries: 0,
} as const;

export interface SearchRooms {
  readonly refresher: Refresher;
  readonly follower: Follower;
  readonly discovery: Discovery;
  /** Aborts when the client is closed. */
  readonly closing: AbortSignal;
}

export class LeaderSearch {
  readonly #parts: ClientParts;
  readonly #rooms: SearchRooms;

  constructor(parts: ClientParts, rooms: SearchRooms) {
    this.#parts = parts;
    this.#rooms = rooms;
  }

  /** The answer from what is known, if it is fresh and good enough. The hot path. */
  recall(options: GetLeaderOptions): LeaderResult | undefined {
    if (options.verify === true || options.signal?.aborted === true) return undefined;
    const nowMs = this.#parts.clock.nowMs();
    const known = this.#fresh(options === noOptions ? anyLeader : parseRequirement(options), nowMs);
    const record = known?.sealed.record;
    if (known === undefined || record?.kind !== 'leader') return undefined;
    return leaderResult(known, record, nowMs, fromCache);
  }

  async find(options: GetLeaderOptions): Promise<LeaderResult> {
    const endStandBy = this.#rooms.follower.standBy();
    try {
      using call = this.begin('getLeader', options);
      return await call.observe(async () => {
        for (;;) {
          const found = await this.locate(call);
          if (found === undefined) throw this.failed(call);
          const isVerifying = options.verify === true;
          const result = isVerifying ? await this.verify(call, found) : this.result(call);
          if (result !== undefined) return call.ledTo(result);
        }
      });
    } catch (error) {
      this.#parts.counters.failures++;
      throw error;
    } finally {
      endStandBy();
    }
  }

  begin(what: CallStart['what'], options: GetLeaderOptions): PendingCall {
    const asked = parseRequirement(options);
    // Whether a record has expired is a guess about its elector, who is going to be asked.
    const requirement = options.verify === true ? { ...asked, allowExpired: true } : asked;
    return this.beginWith(what, options, requirement);
  }

  beginWith(what: CallStart['what'], options: CallOptions, requirement: Requirement): PendingCall {
    const { clock, delays, election, hooks } = this.#parts;
    if (!this.#rooms.refresher.hasRoom) {
      const { waitingCallsMax } = clientLimits;
      throw new HeraldClientError('REJECTED', `${String(waitingCallsMax)} calls wait already`);
    }
    return new PendingCall({
      clock,
      requirement,
      timeoutMs: parseTimeout(options.timeoutMs, delays.timeoutMs),
      signal: options.signal,
      closing: this.#rooms.closing,
      start: { what, election },
      hooks,
    });
  }

  /**
   * What is known if it is fresh, else what nodes say.
   *
   * @returns `undefined` when the call ended first.
   */
  locate(call: PendingCall): Promise<KnownRecord | undefined> | KnownRecord | undefined {
    if (call.endReason !== undefined) return undefined;
    const fresh = this.#fresh(call.requirement, this.#parts.clock.nowMs());
    return fresh ?? this.#rooms.refresher.wait(call);
  }

  /**
   * The result of a call that found something. It is made from what is known at the very moment it is
   * given, and not from what was found: otherwise another call could be given a newer one before (P2).
   *
   * @returns `undefined` when that is no longer good enough, so that the call has to go on.
   */
  result(call: PendingCall): LeaderResult | undefined {
    const { clock, keeper } = this.#parts;
    const { known } = keeper;
    const record = known?.sealed.record;
    const nowMs = clock.nowMs();
    if (known === undefined || record?.kind !== 'leader') return undefined;
    if (shortfall(known, call.requirement, nowMs) !== undefined) return undefined;
    const { attempts, redirects, retries } = call.log;
    if (attempts.length === 0) return leaderResult(known, record, nowMs, fromCache);
    // What the call does from here on is not how this result came about.
    const origin = { verified: false, cached: false, attempts: [...attempts], redirects, retries };
    return leaderResult(known, record, nowMs, origin);
  }

  /** As `result`, after the elector of what is known has confirmed it. */
  async verify(call: PendingCall, found: KnownRecord): Promise<LeaderResult | undefined> {
    const { discovery, refresher } = this.#rooms;
    const confirmed = await confirmLeader(this.#parts, refresher, discovery, call, found);
    if (confirmed === undefined) throw this.failed(call);
    return this.#verifiedResult(call, confirmed);
  }

  failed(call: PendingCall, what?: string): HeraldClientError {
    const { clock, election, keeper } = this.#parts;
    const question = what ?? `the leader of ${election}`;
    return failureOf({ election, question, call, known: keeper.known, nowMs: clock.nowMs() });
  }

  #verifiedResult(call: PendingCall, confirmed: Confirmed): LeaderResult | undefined {
    const result = this.result(call);
    if (result === undefined) return undefined;
    // Meanwhile another change became known: that one has to be confirmed.
    if (!isSameChange(result.version, confirmed.known.sealed.record.version)) return undefined;
    return { ...result, status: 'current', validForMs: confirmed.leadingForMs, verified: true };
  }

  /** What is known, if it meets the requirement and needs no asking. */
  #fresh(requirement: Requirement, nowMs: number): KnownRecord | undefined {
    const { delays, keeper } = this.#parts;
    const { closing, follower } = this.#rooms;
    const { known } = keeper;
    if (known === undefined || delays.cacheMs === 0 || closing.aborted) return undefined;
    const isFresh = follower.isLive || nowMs - known.checkedAtMs < delays.cacheMs;
    return isFresh && shortfall(known, requirement, nowMs) === undefined ? known : undefined;
  }
}
