/**
 * The client: finds the leader of one election and keeps on knowing it. Decides whether a call is
 * answered from what is known or by asking; everything else is in the rooms it puts together.
 */
import { isSameChange } from '@herald/core';
import type { ElectionName } from '@herald/core';
import type { ConvergenceAnswer, MemberList } from '@herald/wire';
import { askInTurn } from './ask-in-turn.ts';
import {
  parseDelays,
  parseElection,
  parseRequirement,
  parseSeeds,
  parseTimeout,
} from './client-options.ts';
import type {
  CallOptions,
  ClientOptions,
  GetLeaderOptions,
  WatchLeaderOptions,
} from './client-options.ts';
import { systemClock } from './clock.ts';
import { confirmLeader } from './confirmation.ts';
import type { Confirmed } from './confirmation.ts';
import { Discovery } from './discovery.ts';
import { EndpointPool } from './endpoints.ts';
import type { EndpointInfo } from './endpoints.ts';
import { HeraldClientError } from './errors.ts';
import { failureOf } from './failure.ts';
import { Follower } from './follower.ts';
import { hear } from './heard-record.ts';
import type { HeardRecord } from './heard-record.ts';
import { RecordKeeper, transitMs } from './known-record.ts';
import type { KnownRecord } from './known-record.ts';
import { LeaderWatch } from './leader-watch.ts';
import { abort, newAbort } from './on-abort.ts';
import { newCounters } from './parts.ts';
import type { ClientCounters, ClientParts } from './parts.ts';
import { PendingCall } from './pending-call.ts';
import { Refresher } from './refresher.ts';
import { anyLeader, shortfall } from './requirement.ts';
import type { Requirement } from './requirement.ts';
import { leaderResult, leaderUpdate } from './results.ts';
import type { LeaderResult, LeaderUpdate } from './results.ts';
import { RetryBudget } from './retry-budget.ts';
import type { Transport } from './transport.ts';
import { clientLimits } from './tuning.ts';

/** Counters since the client was created, and what it holds now. */
export interface ClientStats extends Readonly<ClientCounters> {
  /** Times an endpoint was left alone for a while. */
  readonly ejections: number;
  /** Calls that wait now. */
  readonly waiting: number;
  /** Open `watchLeader`. */
  readonly openWatches: number;
  /** Why the last node that was watched was left, for people. */
  readonly watchTrouble: string | undefined;
  readonly endpoints: readonly EndpointInfo[];
}

export interface Client extends AsyncDisposable {
  readonly election: ElectionName;
  /** What is known now, without asking; `undefined` while nothing is. Never older than before. */
  readonly leader: LeaderUpdate | undefined;
  /**
   * The leader. Returns at once while what is known is fresh (`cacheMs`); else asks a node, and goes
   * on asking until there is a leader that meets the options, or the time is up. Never returns a
   * version older than one it returned before (P2).
   *
   * @throws HeraldClientError (as a rejection) with the attempts, before the deadline.
   */
  getLeader(options?: GetLeaderOptions): Promise<LeaderResult>;
  /**
   * What is known, at once if anything is, and then each change: another leader, a vacancy, a record
   * that expired or is current again. The latest wins: a slow reader skips what was overtaken. Goes
   * from node to node by itself. Open from the call on until its reader breaks off, its signal aborts,
   * or the client is closed.
   */
  watchLeader(options?: WatchLeaderOptions): AsyncIterableIterator<LeaderUpdate, undefined>;
  /**
   * Takes in what a service told, e.g. with a refusal NOT_LEADER: adopted if it is strictly newer than
   * what is known (P2), and told to all watches. A record of another election is left alone.
   */
  hear(heard: HeardRecord): void;
  /** The members that one of the nodes knows: what they say of themselves, and who is unreachable. */
  listMembers(options?: CallOptions): Promise<MemberList>;
  /**
   * How many of the live members have applied the newest change of this election, and who has not, as
   * far as one of the nodes knows. Members tell it with some delay.
   */
  convergence(options?: CallOptions): Promise<ConvergenceAnswer>;
  stats(): ClientStats;
  /** Ends all calls with `CLOSED` and all watches, and frees every timer and connection. */
  close(): Promise<void>;
}

const noOptions: GetLeaderOptions = {};
const fromCache = {
  verified: false,
  cached: true,
  attempts: [],
  redirects: 0,
  retries: 0,
} as const;

/** `createClient` without a default transport: this file and all it imports are platform-free. */
export function createClientOver(
  options: ClientOptions & { readonly transport: Transport },
): Client {
  return new HeraldClient(options);
}

class HeraldClient implements Client {
  readonly #parts: ClientParts;
  readonly #refresher: Refresher;
  readonly #follower: Follower;
  readonly #discovery: Discovery;
  readonly #closing = newAbort();
  #closed: Promise<void> | undefined;

  constructor(options: ClientOptions & { readonly transport: Transport }) {
    const { clock = systemClock, random = Math.random, transport } = options;
    const keeper = new RecordKeeper();
    const counters = newCounters();
    keeper.onAdopted(() => counters.adopted++);
    this.#parts = {
      election: parseElection(options.election),
      delays: parseDelays(options),
      clock,
      random,
      transport,
      keeper,
      endpoints: new EndpointPool(parseSeeds(options.seeds), random),
      budget: new RetryBudget(clock.nowMs()),
      counters,
    };
    this.#discovery = new Discovery(this.#parts, this.#closing.signal);
    this.#refresher = new Refresher(this.#parts, (endpoint) => {
      this.#discovery.consider(endpoint);
    });
    this.#follower = new Follower(this.#parts);
  }

  get election(): ElectionName {
    return this.#parts.election;
  }

  get leader(): LeaderUpdate | undefined {
    const { clock, keeper } = this.#parts;
    return keeper.known && leaderUpdate(keeper.known, clock.nowMs());
  }

  getLeader(options: GetLeaderOptions = noOptions): Promise<LeaderResult> {
    const { counters } = this.#parts;
    counters.calls++;
    try {
      const cached = this.#recall(options);
      if (cached === undefined) return this.#find(options);
      counters.cacheHits++;
      return Promise.resolve(cached);
    } catch (error) {
      counters.failures++;
      return Promise.reject(HeraldClientError.from(error));
    }
  }

  watchLeader(options: WatchLeaderOptions = {}): AsyncIterableIterator<LeaderUpdate, undefined> {
    const { clock, keeper } = this.#parts;
    const { includeRenewals = false, signal } = options;
    const { watchesMax } = clientLimits;
    if (this.#follower.watches >= watchesMax) {
      throw new HeraldClientError('REJECTED', `more than ${String(watchesMax)} watches are open`);
    }
    const onEnd = (ended: LeaderWatch): void => {
      this.#follower.remove(ended);
    };
    const watch = new LeaderWatch({ clock, keeper, includeRenewals, signal, onEnd });
    if (this.#closed !== undefined || signal?.aborted === true) watch.end();
    else this.#follower.add(watch);
    return watch;
  }

  hear(heard: HeardRecord): void {
    if (this.#closed === undefined) hear(this.#parts, heard, transitMs(heard.roundTripMs, 0));
  }

  async listMembers(options: CallOptions = {}): Promise<MemberList> {
    using call = this.#begin(options, anyLeader);
    const { transport } = this.#parts;
    const list = await askInTurn(this.#parts, call, 'members', (endpoint, sent) =>
      transport.members(endpoint, sent),
    );
    if (list === undefined) throw this.#failed(call, 'the list of members');
    return list;
  }

  async convergence(options: CallOptions = {}): Promise<ConvergenceAnswer> {
    using call = this.#begin(options, anyLeader);
    const { election, transport } = this.#parts;
    const answer = await askInTurn(this.#parts, call, 'convergence', (endpoint, sent) =>
      transport.convergence(endpoint, { election }, sent),
    );
    if (answer === undefined) throw this.#failed(call, 'how far the change has spread');
    return answer;
  }

  stats(): ClientStats {
    const { clock, counters, endpoints } = this.#parts;
    return {
      ...counters,
      ejections: endpoints.ejections,
      waiting: this.#refresher.waiting,
      openWatches: this.#follower.watches,
      watchTrouble: this.#follower.trouble,
      endpoints: endpoints.list(clock.nowMs()),
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    abort(this.#closing);
    await Promise.all([this.#refresher.close(), this.#follower.close(), this.#discovery.settled()]);
    await this.#parts.transport[Symbol.asyncDispose]();
  }

  /** The answer from what is known, if it is fresh and good enough. The hot path. */
  #recall(options: GetLeaderOptions): LeaderResult | undefined {
    if (options.verify === true || options.signal?.aborted === true) return undefined;
    const nowMs = this.#parts.clock.nowMs();
    const known = this.#fresh(options === noOptions ? anyLeader : parseRequirement(options), nowMs);
    const record = known?.sealed.record;
    if (known === undefined || record?.kind !== 'leader') return undefined;
    return leaderResult(known, record, nowMs, fromCache);
  }

  /** What is known, if it meets the requirement and needs no asking. */
  #fresh(requirement: Requirement, nowMs: number): KnownRecord | undefined {
    const { delays, keeper } = this.#parts;
    const { known } = keeper;
    if (known === undefined || delays.cacheMs === 0 || this.#closed !== undefined) return undefined;
    const isFresh = this.#follower.isLive || nowMs - known.checkedAtMs < delays.cacheMs;
    return isFresh && shortfall(known, requirement, nowMs) === undefined ? known : undefined;
  }

  async #find(options: GetLeaderOptions): Promise<LeaderResult> {
    const endStandBy = this.#follower.standBy();
    try {
      const asked = parseRequirement(options);
      const isVerifying = options.verify === true;
      // Whether a record has expired is a guess about its elector, who is going to be asked.
      using call = this.#begin(options, isVerifying ? { ...asked, allowExpired: true } : asked);
      for (;;) {
        const result = isVerifying
          ? this.#verifiedResult(call, await this.#confirm(call))
          : this.#result(call, await this.#refresher.wait(call));
        if (result !== undefined) return result;
      }
    } catch (error) {
      this.#parts.counters.failures++;
      throw error;
    } finally {
      endStandBy();
    }
  }

  #begin(options: CallOptions, requirement: Requirement): PendingCall {
    const { clock, delays } = this.#parts;
    if (!this.#refresher.hasRoom) {
      const { waitingCallsMax } = clientLimits;
      throw new HeraldClientError('REJECTED', `${String(waitingCallsMax)} calls wait already`);
    }
    return new PendingCall({
      clock,
      requirement,
      timeoutMs: parseTimeout(options.timeoutMs, delays.timeoutMs),
      signal: options.signal,
      closing: this.#closing.signal,
    });
  }

  /** Asks the elector of what is known, or of what has to be found first. */
  async #confirm(call: PendingCall): Promise<Confirmed | undefined> {
    const { clock } = this.#parts;
    const fresh = this.#fresh(call.requirement, clock.nowMs());
    const known = fresh ?? (await this.#refresher.wait(call));
    return known && confirmLeader(this.#parts, this.#refresher, call, known);
  }

  /**
   * The result of a call that found something. It is made from what is known at the very moment it is
   * given, and not from what was found: otherwise another call could be given a newer one before (P2).
   *
   * @returns `undefined` when that is no longer good enough, so that the call has to go on.
   */
  #result(call: PendingCall, found: KnownRecord | undefined): LeaderResult | undefined {
    if (found === undefined) throw this.#failed(call);
    const { clock, keeper } = this.#parts;
    const { known } = keeper;
    const record = known?.sealed.record;
    const nowMs = clock.nowMs();
    if (known === undefined || record?.kind !== 'leader') return undefined;
    if (shortfall(known, call.requirement, nowMs) !== undefined) return undefined;
    const { attempts, redirects, retries } = call.log;
    const origin = { verified: false, cached: false, attempts, redirects, retries };
    return leaderResult(known, record, nowMs, origin);
  }

  /** As `#result`, for what an elector has confirmed. */
  #verifiedResult(call: PendingCall, confirmed: Confirmed | undefined): LeaderResult | undefined {
    const result = this.#result(call, confirmed?.known);
    if (result === undefined || confirmed === undefined) return undefined;
    // Meanwhile another change became known: that one has to be confirmed.
    if (!isSameChange(result.version, confirmed.known.sealed.record.version)) return undefined;
    return { ...result, status: 'current', validForMs: confirmed.leadingForMs, verified: true };
  }

  #failed(call: PendingCall, what?: string): HeraldClientError {
    const { clock, election, keeper } = this.#parts;
    const question = what ?? `the leader of ${election}`;
    return failureOf({ election, question, call, known: keeper.known, nowMs: clock.nowMs() });
  }
}
