/** What users give to the client, and the rules it obeys. Decides nothing else. */
import { InvalidValueError, parseAddress, parseElectionName } from '@herald/core';
import type { Address, ElectionName, Random } from '@herald/core';
import type { Clock } from './clock.ts';
import { HeraldClientError } from './errors.ts';
import type { ClientHooks } from './hooks.ts';
import type { Delays } from './parts.ts';
import type { Requirement } from './requirement.ts';
import type { AllowTargets } from './targets.ts';
import type { Transport } from './transport.ts';
import { clientLimits, defaults } from './tuning.ts';
import type { FailureReader } from './work-failure.ts';

export interface ClientOptions {
  /** `host:port` of some nodes. One that lives is enough: the client learns others from it. */
  readonly seeds: readonly string[];
  /** The election whose leader is looked for. */
  readonly election: string;
  /** How long a call may take when it does not say; 5 s unless given. */
  readonly timeoutMs?: number;
  /**
   * For how long an answer is reused without asking again; 1 s unless given, 0 to ask each time. It
   * bounds how long the client can miss a new leader while the old one's record is still valid.
   * While a `watchLeader` is open, what is known is kept fresh by it, and nothing is asked.
   */
  readonly cacheMs?: number;
  /** When a single question is given up; 1 s unless given. */
  readonly attemptTimeoutMs?: number;
  /** When a second node is asked because the first is slow; 50 ms unless given. */
  readonly hedgeDelayMs?: number;
  /** First and longest back-off; 20 ms and 500 ms unless given. */
  readonly backoffBaseMs?: number;
  readonly backoffCapMs?: number;
  /**
   * Where leaders may be, beside what the members vouch for: `host:port` with `*` for any characters but
   * a colon, or a function of such an address. When given, a record whose leader is elsewhere is not
   * believed. Without it a leader may be anywhere, as long as its elector is a member.
   */
  readonly allowTargets?: AllowTargets;
  /** Told as things happen, for metrics and traces. */
  readonly hooks?: ClientHooks;
  /**
   * Understands errors that the work of `withLeader` throws, before the client's own readers do: for
   * protocols that say "I do not lead" or "nothing was sent" in words of their own.
   */
  readonly readFailure?: FailureReader;
  /** gRPC unless given. The client disposes it. */
  readonly transport?: Transport;
  /** The platform's monotonic clock unless given. */
  readonly clock?: Clock;
  /** Uniform in [0, 1); `Math.random` unless given. */
  readonly random?: Random;
}

export interface CallOptions {
  /** Ends this call, and no other. */
  readonly signal?: AbortSignal;
  /** How long the call may take, in milliseconds. */
  readonly timeoutMs?: number;
}

export interface GetLeaderOptions extends CallOptions {
  /** Waits for a leader of at least this epoch: what an error NOT_LEADER of a service may name. */
  readonly minEpoch?: bigint;
  /**
   * Takes no record older than this. Records are renewed about every third of the lease's TTL, so
   * that anything shorter waits for the next renewal.
   */
  readonly maxAgeMs?: number;
  /**
   * Also asks the elector beside the leader, each time: one more question, and the answer is as true
   * as any can be. Concurrent calls do not share it.
   */
  readonly verify?: boolean;
  /** Returns the best address known even when its record has expired; `status` tells. */
  readonly allowExpired?: boolean;
}

export interface WithLeaderOptions extends GetLeaderOptions {
  /**
   * The work may be done twice without harm: then it is also repeated when it may have run, because the
   * connection was lost or a newer leader became known meanwhile. False unless given.
   */
  readonly idempotent?: boolean;
}

export interface WatchLeaderOptions {
  /** Ends the watch. */
  readonly signal?: AbortSignal;
  /** Also gives each renewal, so that a reader sees age and validity move. */
  readonly includeRenewals?: boolean;
}

/** @throws HeraldClientError `INVALID_ARGUMENT` */
export function parseSeeds(seeds: readonly string[]): readonly Address[] {
  const { seedsMax } = clientLimits;
  if (seeds.length === 0 || seeds.length > seedsMax) {
    throw invalid(
      'seeds',
      `must be 1 to ${String(seedsMax)} addresses, got ${String(seeds.length)}`,
    );
  }
  return [...new Set(seeds.map((seed, index) => parseEndpoint(seed, `seeds[${String(index)}]`)))];
}

/** @throws HeraldClientError `INVALID_ARGUMENT` */
export function parseEndpoint(text: string, field: string): Address {
  return parsed(field, () => parseAddress(text, field));
}

/** @throws HeraldClientError `INVALID_ARGUMENT` */
export function parseElection(text: string): ElectionName {
  return parsed('election', () => parseElectionName(text));
}

/** @throws HeraldClientError `INVALID_ARGUMENT` */
export function parseDelays(options: Partial<ClientOptions>): Delays {
  const delays: Delays = {
    timeoutMs: checkDuration('timeoutMs', options.timeoutMs ?? defaults.timeoutMs, 1),
    cacheMs: checkDuration('cacheMs', options.cacheMs ?? defaults.cacheMs, 0),
    attemptTimeoutMs: checkDuration(
      'attemptTimeoutMs',
      options.attemptTimeoutMs ?? defaults.attemptTimeoutMs,
      1,
    ),
    hedgeDelayMs: checkDuration('hedgeDelayMs', options.hedgeDelayMs ?? defaults.hedgeDelayMs, 1),
    backoffBaseMs: checkDuration(
      'backoffBaseMs',
      options.backoffBaseMs ?? defaults.backoffBaseMs,
      clientLimits.backoffMinMs,
    ),
    backoffCapMs: checkDuration('backoffCapMs', options.backoffCapMs ?? defaults.backoffCapMs, 2),
  };
  if (delays.backoffCapMs < delays.backoffBaseMs) {
    throw invalid('backoffCapMs', 'must not be less than backoffBaseMs');
  }
  return delays;
}

/** @throws HeraldClientError `INVALID_ARGUMENT` */
export function parseTimeout(timeoutMs: number | undefined, fallbackMs: number): number {
  return timeoutMs === undefined ? fallbackMs : checkDuration('timeoutMs', timeoutMs, 1);
}

/** @throws HeraldClientError `INVALID_ARGUMENT` */
export function parseRequirement(options: GetLeaderOptions): Requirement {
  const { minEpoch = 0n, maxAgeMs = Infinity, allowExpired = false } = options;
  if (typeof minEpoch !== 'bigint' || minEpoch < 0n) {
    throw invalid('minEpoch', `must be a bigint of 0n or more, got ${String(minEpoch)}`);
  }
  if (!(maxAgeMs >= 0)) {
    throw invalid('maxAgeMs', `must be a number of milliseconds ≥ 0, got ${String(maxAgeMs)}`);
  }
  return { minEpoch, maxAgeMs, allowExpired };
}

function checkDuration(field: string, valueMs: number, minMs: number): number {
  const maxMs = clientLimits.durationMsMax;
  if (valueMs >= minMs && valueMs <= maxMs) return valueMs;
  throw invalid(field, `must be from ${String(minMs)} to ${String(maxMs)}, got ${String(valueMs)}`);
}

function parsed<T>(field: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof InvalidValueError)) throw error;
    const rule = error.message.slice(error.field.length + 2);
    throw invalid(field, rule, error);
  }
}

function invalid(field: string, rule: string, cause?: unknown): HeraldClientError {
  return new HeraldClientError('INVALID_ARGUMENT', `${field}: ${rule}`, { cause });
}
