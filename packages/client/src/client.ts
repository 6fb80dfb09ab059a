/**
 * The client: finds the leader of one election and keeps on knowing it. Decides nothing but which of the
 * rooms that it puts together does what a call asks for.
 */
import { isSameChange } from '@herald/core';
import type { ElectionName, Version } from '@herald/core';
import type { ConvergenceAnswer, MemberList } from '@herald/wire';
import { askInTurn } from './ask-in-turn.ts';
import { parseDelays, parseElection, parseSeeds } from './client-options.ts';
import type {
  CallOptions,
  ClientOptions,
  GetLeaderOptions,
  WatchLeaderOptions,
  WithLeaderOptions,
} from './client-options.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { Discovery } from './discovery.ts';
import { EndpointPool } from './endpoints.ts';
import type { EndpointInfo } from './endpoints.ts';
import { HeraldClientError } from './errors.ts';
import { Follower } from './follower.ts';
import { hear } from './heard-record.ts';
import type { HeardRecord } from './heard-record.ts';
import { harmlessHooks } from './hooks.ts';
import { RecordKeeper, transitMs } from './known-record.ts';
import { LeaderSearch, noOptions } from './leader-search.ts';
import type { SearchRooms } from './leader-search.ts';
import { LeaderWatch } from './leader-watch.ts';
import { LeaderWork } from './leader-work.ts';
import { abort, newAbort } from './on-abort.ts';
import { newCounters } from './parts.ts';
import type { ClientCounters, ClientParts } from './parts.ts';
import { Refresher } from './refresher.ts';
import { anyLeader } from './requirement.ts';
import { leaderUpdate } from './results.ts';
import type { LeaderResult, LeaderUpdate } from './results.ts';
import { RetryBudget } from './retry-budget.ts';
import { Targets, parseAllowTargets } from './targets.ts';
import type { Transport } from './transport.ts';
import { clientLimits } from './tuning.ts';
import { firstOf, readSocketFailure } from './work-failure.ts';
import type { Work } from './work-run.ts';

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
   * Does `work` at the leader, and again at its successor where that is safe: when it was refused before
   * it ran, because whoever was asked does not lead (a refusal of Herald's guard, or a `NotLeaderError`)
   * or no connection came about; and, if it is declared `idempotent`, also when it may have run. Follows
   * refusals forward only, backs off in between, and ends at its deadline, whatever the work does.
   *
   * Errors of the work that say nothing of the kind are rethrown as they are.
   *
   * @throws HeraldClientError (as a rejection) for all else, with the attempts; `mayHaveRun` says whether
   * the work may have run.
   */
  withLeader<T>(work: Work<T>, options?: WithLeaderOptions): Promise<T>;
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

/** `createClient` without a default transport: this file and all it imports are platform-free. */
export function createClientOver(
  options: ClientOptions & { readonly transport: Transport },
): Client {
  return new HeraldClient(options);
}

class HeraldClient implements Client {
  readonly #parts: ClientParts;
  readonly #rooms: SearchRooms;
  readonly #search: LeaderSearch;
  readonly #closing = newAbort();
  #closed: Promise<void> | undefined;

  constructor(options: ClientOptions & { readonly transport: Transport }) {
    this.#parts = furnish(options);
    const closing = this.#closing.signal;
    const discovery = new Discovery(this.#parts, closing);
    const follower = new Follower(this.#parts);
    const refresher = new Refresher(this.#parts, discovery, () => follower.isTold);
    this.#rooms = { refresher, follower, discovery, closing };
    this.#search = new LeaderSearch(this.#parts, this.#rooms);
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
      const cached = this.#search.recall(options);
      if (cached === undefined) return this.#search.find(options);
      counters.cacheHits++;
      return Promise.resolve(cached);
    } catch (error) {
      counters.failures++;
      return Promise.reject(HeraldClientError.from(error));
    }
  }

  async withLeader<T>(work: Work<T>, options: WithLeaderOptions = {}): Promise<T> {
    const { counters } = this.#parts;
    // Also tells work that takes longer of a newer epoch.
    const endStandBy = this.#rooms.follower.standBy();
    try {
      using call = this.#search.begin('withLeader', options);
      const errand = new LeaderWork(this.#parts, this.#rooms, this.#search, work, options);
      return await call.observe(() => errand.doFor(call));
    } catch (error) {
      counters.failures++;
      throw error;
    } finally {
      endStandBy();
    }
  }

  watchLeader(options: WatchLeaderOptions = {}): AsyncIterableIterator<LeaderUpdate, undefined> {
    const { clock, keeper } = this.#parts;
    const { includeRenewals = false, signal } = options;
    const { watchesMax } = clientLimits;
    const { follower } = this.#rooms;
    if (follower.watches >= watchesMax) {
      throw new HeraldClientError('REJECTED', `more than ${String(watchesMax)} watches are open`);
    }
    const onEnd = (ended: LeaderWatch): void => {
      this.#rooms.follower.remove(ended);
    };
    const watch = new LeaderWatch({ clock, keeper, includeRenewals, signal, onEnd });
    if (this.#closed !== undefined || signal?.aborted === true) watch.end();
    else this.#rooms.follower.add(watch);
    return watch;
  }

  hear(heard: HeardRecord): void {
    if (this.#closed === undefined) hear(this.#parts, heard, transitMs(heard.roundTripMs, 0));
  }

  async listMembers(options: CallOptions = {}): Promise<MemberList> {
    const { transport } = this.#parts;
    using call = this.#search.beginWith('listMembers', options, anyLeader);
    return await call.observe(async () => {
      const list = await askInTurn(this.#parts, call, 'members', (endpoint, sent) =>
        transport.members(endpoint, sent),
      );
      if (list === undefined) throw this.#search.failed(call, 'the list of members');
      return list;
    });
  }

  async convergence(options: CallOptions = {}): Promise<ConvergenceAnswer> {
    const { election, transport } = this.#parts;
    using call = this.#search.beginWith('convergence', options, anyLeader);
    return await call.observe(async () => {
      const answer = await askInTurn(this.#parts, call, 'convergence', (endpoint, sent) =>
        transport.convergence(endpoint, { election }, sent),
      );
      if (answer === undefined) throw this.#search.failed(call, 'how far the change has spread');
      return answer;
    });
  }

  stats(): ClientStats {
    const { clock, counters, endpoints } = this.#parts;
    return {
      ...counters,
      ejections: endpoints.ejections,
      waiting: this.#rooms.refresher.waiting,
      openWatches: this.#rooms.follower.watches,
      watchTrouble: this.#rooms.follower.trouble,
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
    const { discovery, follower, refresher } = this.#rooms;
    await Promise.all([refresher.close(), follower.close(), discovery.settled()]);
    await this.#parts.transport[Symbol.asyncDispose]();
  }
}

/** What the rooms share, from what the user gave. */
function furnish(options: ClientOptions & { readonly transport: Transport }): ClientParts {
  const { clock = systemClock, random = Math.random, readFailure, transport } = options;
  const seeds = parseSeeds(options.seeds);
  const targets = new Targets(seeds, parseAllowTargets(options.allowTargets));
  const hooks = harmlessHooks(options.hooks);
  const keeper = new RecordKeeper((record) => targets.admits(record));
  const counters = newCounters();
  keeper.onAdopted(() => counters.adopted++);
  if (hooks.onChange !== undefined) tellChanges(keeper, clock, hooks.onChange);
  return {
    election: parseElection(options.election),
    delays: parseDelays(options),
    clock,
    random,
    transport,
    keeper,
    endpoints: new EndpointPool(seeds, random),
    budget: new RetryBudget(clock.nowMs()),
    counters,
    targets,
    hooks,
    readFailure: firstOf(...(readFailure === undefined ? [] : [readFailure]), readSocketFailure),
  };
}

function tellChanges(
  keeper: RecordKeeper,
  clock: Clock,
  onChange: (update: LeaderUpdate) => void,
): void {
  let told: Version | undefined;
  keeper.onAdopted(() => {
    const { known } = keeper;
    if (known === undefined) return;
    const { version } = known.sealed.record;
    if (told !== undefined && isSameChange(told, version)) return;
    told = version;
    onChange(leaderUpdate(known, clock.nowMs()));
  });
}
