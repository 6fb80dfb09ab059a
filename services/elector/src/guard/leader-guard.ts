/**
 * The guard at the door of the leader's own server: decides whether a call may begin. It may while this
 * elector leads at the very moment, by its own deadline, and the caller knows of no later leadership.
 *
 * What it cannot decide is whether the call may still take effect when it ends: for that there are the
 * leadership's signal and, where it matters, a fence (`fence.ts`).
 */
import type { ServerInterceptor } from '@grpc/grpc-js';
import type { ElectionName, NodeId, Version } from '@herald/core';
import type { Caller, NotLeader } from '@herald/wire';
import type { Candidacy } from '../candidacy.ts';
import type { Leadership } from '../campaign/leadership.ts';
import { retryAfterMs } from '../retry-after.ts';
import type { Tier } from '../tier.ts';
import { compareTokens } from './fence.ts';
import { guardInterceptor } from './interceptor.ts';
import type { GuardInterceptorOptions } from './interceptor.ts';

/** What a guard needs of an elector; an `Elector` is one. */
export interface GuardedElector {
  readonly id: NodeId;
  election(name: string): GuardedCandidacy;
  readonly member: Pick<Tier, 'answer'>;
}

export type GuardedCandidacy = Pick<
  Candidacy,
  'election' | 'version' | 'currentLeadership' | 'profile'
>;

export class LeaderGuard {
  readonly #elector: GuardedElector;
  readonly #candidacy: GuardedCandidacy;

  /** Use `leaderGuard`. */
  constructor(elector: GuardedElector, candidacy: GuardedCandidacy) {
    this.#elector = elector;
    this.#candidacy = candidacy;
  }

  get election(): ElectionName {
    return this.#candidacy.election;
  }

  /**
   * Undefined when a call may begin now, else why not: hand it to `notLeaderStatus` to refuse a gRPC
   * call, or tell it in whatever protocol the server speaks. Costs a look at the clock and waits for
   * nothing.
   *
   * @param caller what the caller knows, as `readCaller` finds it; a caller that says nothing is judged
   *   by this elector's own standing alone
   */
  check(caller?: Caller): NotLeader | undefined {
    const isMeant = caller === undefined || caller.election === this.election;
    const own = this.#candidacy.version;
    const isCallerAhead =
      caller !== undefined && own !== undefined && compareTokens(caller, own) > 0;
    if (isMeant && own !== undefined && !isCallerAhead) return undefined;
    return this.#refusal(caller);
  }

  /**
   * The leadership that goes on at this moment, for a handler that begins: its epoch and lineage are the
   * fencing token of what the handler writes, its signal aborts when the handler should stop. Undefined
   * when there is none.
   */
  leadership(): Leadership | undefined {
    return this.#candidacy.currentLeadership();
  }

  /**
   * The guard in front of the methods of a grpc-js server: `new Server({ interceptors: [guard.interceptor()] })`.
   */
  interceptor(options: GuardInterceptorOptions = {}): ServerInterceptor {
    return guardInterceptor(this, options);
  }

  /** A caller that means the leader of another election is told who that is, as far as the tier knows. */
  #refusal(caller: Caller | undefined): NotLeader {
    const election = caller?.election ?? this.election;
    const best = this.#elector.member.answer(election, caller && startOf(caller));
    const ttlMs = this.#candidacy.profile.ttlSeconds * 1_000;
    const waitMs = retryAfterMs(best, { id: this.#elector.id, ttlMs });
    return { election, known: best.carried, retryAfterMs: waitMs === 0 ? undefined : waitMs };
  }
}

/**
 * A guard for one election of an elector.
 *
 * @throws ElectorError `UNKNOWN_ELECTION` when the elector does not take part in it.
 */
export function leaderGuard(elector: GuardedElector, election: string): LeaderGuard {
  return new LeaderGuard(elector, elector.election(election));
}

/** The least version of a leadership: a member that knows of it at all is not behind. */
function startOf({ lineage, epoch }: Caller): Version {
  return { lineage, epoch, sequence: 0n, renewal: 0 };
}
