/** What the rooms of one client share. Nothing is decided here. */
import type { ElectionName, Random } from '@herald/core';
import type { Clock } from './clock.ts';
import type { EndpointPool } from './endpoints.ts';
import type { ClientHooks } from './hooks.ts';
import type { RecordKeeper } from './known-record.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { Targets } from './targets.ts';
import type { Transport } from './transport.ts';
import type { FailureReader } from './work-failure.ts';

/** The delays that a user can choose; `defaults` has their meaning. */
export interface Delays {
  readonly timeoutMs: number;
  readonly cacheMs: number;
  readonly attemptTimeoutMs: number;
  readonly hedgeDelayMs: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
}

/** What a client has done since it was created. */
export interface ClientCounters {
  /** Calls of `getLeader`. */
  calls: number;
  /** Of these, answered from what was known, without asking. */
  cacheHits: number;
  /** Calls that ended in an error. */
  failures: number;
  /** Lookups, each shared by all calls that waited for it. */
  lookups: number;
  /** Questions of lookups to nodes. */
  asks: number;
  /** Of these, asked because another one was slow. */
  hedges: number;
  /** Of these, asked at once after a failure, or because another one was slow. */
  retries: number;
  /** Hints followed, of nodes and electors. */
  redirects: number;
  /** Questions to electors. */
  confirms: number;
  /** Runs of the work of `withLeader`. */
  runs: number;
  /** Of these, followed by another try, because the leader refused or was lost. */
  repeats: number;
  /** Records adopted, renewals included. */
  adopted: number;
  /** Watches opened to nodes. */
  watches: number;
}

export interface ClientParts {
  readonly election: ElectionName;
  readonly delays: Delays;
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly keeper: RecordKeeper;
  readonly endpoints: EndpointPool;
  readonly budget: RetryBudget;
  readonly counters: ClientCounters;
  readonly targets: Targets;
  readonly hooks: ClientHooks;
  readonly readFailure: FailureReader;
}

export function newCounters(): ClientCounters {
  return {
    calls: 0,
    cacheHits: 0,
    failures: 0,
    lookups: 0,
    asks: 0,
    hedges: 0,
    retries: 0,
    redirects: 0,
    confirms: 0,
    runs: 0,
    repeats: 0,
    adopted: 0,
    watches: 0,
  };
}
