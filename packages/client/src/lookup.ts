/**
 * One lookup: decides whom to ask, when a second node is asked as well, which hint is followed, and
 * when there is an answer. It is shared by all calls that wait for it, and it is short: it ends with
 * the first answer that tells something, or when asking on at once makes no sense. To wait and try
 * again is decided by the refresher.
 */
import type { Address, Version } from '@herald/core';
import type { LeaderAnswer } from '@herald/wire';
import { AttemptLog } from './attempts.ts';
import type { Attempt, AttemptOutcome } from './attempts.ts';
import type { CancelTimer } from './clock.ts';
import { HeraldClientError } from './errors.ts';
import { knowsLess, transitMs } from './known-record.ts';
import { abort, newAbort } from './on-abort.ts';
import type { ClientParts } from './parts.ts';
import { objectionTo } from './targets.ts';
import { clientLimits } from './tuning.ts';
import type { VisitedTargets } from './visited.ts';

export interface LookupPlan {
  /** The newest version known; a node that holds an older one answers *behind*. */
  readonly minVersion: Version | undefined;
  /** Hints that may still be followed. */
  readonly redirectsMax: number;
  /** Endpoints whose last answer did not help. */
  readonly avoid: ReadonlySet<string>;
  readonly visited: VisitedTargets;
}

/**
 * - `leader`: a node that is not behind names a leader.
 * - `no-leader`: a node that is not behind knows none, or none to be believed.
 * - `behind`: all that answered know less than the client.
 * - `failed`: nobody answered.
 */
export type LookupOutcome = 'leader' | 'no-leader' | 'behind' | 'failed';

interface Ask {
  readonly endpoint: Address;
  readonly startedAtMs: number;
  readonly controller: AbortController;
  cancelTimeout: CancelTimer;
}

export class Lookup {
  readonly log: AttemptLog;
  readonly #parts: ClientParts;
  readonly #plan: LookupPlan;
  readonly #asked = new Set<Address>();
  readonly #open = new Set<Ask>();
  #asks = 0;
  #anyAnswer = false;
  /** Those that were asked so far are not to be reached. */
  #isAstray = false;
  #cancelHedge: CancelTimer = () => undefined;
  #resolve: ((outcome: LookupOutcome) => void) | undefined;

  constructor(parts: ClientParts, plan: LookupPlan) {
    this.#parts = parts;
    this.#plan = plan;
    this.log = new AttemptLog(parts.hooks.onAttempt);
  }

  /** Who named the leader, once somebody did. */
  leaderFrom: Address | undefined;
  /** Who gave a hint to somebody who is not listed, if anybody did. */
  unlistedFrom: Address | undefined;

  /** The endpoints asked so far. */
  get asked(): ReadonlySet<Address> {
    return this.#asked;
  }

  /** The questions still open, for a call that ends before they do. */
  get pending(): readonly Attempt[] {
    const nowMs = this.#parts.clock.nowMs();
    return [...this.#open].map((ask) => attemptOf(ask, nowMs, 'pending'));
  }

  run(): Promise<LookupOutcome> {
    this.#parts.counters.lookups++;
    return new Promise((resolve) => {
      this.#resolve = resolve;
      const first = this.#pick(this.#plan.avoid);
      if (first === undefined) this.#finish('failed');
      else this.#ask(first);
    });
  }

  /** Ends the lookup without blame on anybody. */
  abort(): void {
    this.#finish('failed', false);
  }

  #pick(avoid?: ReadonlySet<string>): Address | undefined {
    const { endpoints, clock } = this.#parts;
    return endpoints.pick(clock.nowMs(), this.#asked, avoid, this.#isAstray);
  }

  #ask(endpoint: Address): void {
    const { clock, counters, delays } = this.#parts;
    const controller = newAbort();
    const ask: Ask = {
      endpoint,
      startedAtMs: clock.nowMs(),
      controller,
      cancelTimeout: clock.startTimer(delays.attemptTimeoutMs, () => {
        this.#failed(ask, 'timeout');
      }),
    };
    this.#asks++;
    counters.asks++;
    this.#asked.add(endpoint);
    this.#plan.visited.add(endpoint, this.#plan.minVersion);
    this.#open.add(ask);
    this.#armHedge();
    void this.#converse(ask);
  }

  async #converse(ask: Ask): Promise<void> {
    const { transport, election } = this.#parts;
    const request = { election, minVersion: this.#plan.minVersion };
    let answer: LeaderAnswer;
    try {
      answer = await transport.lookup(ask.endpoint, request, { signal: ask.controller.signal });
    } catch (thrown) {
      const error = HeraldClientError.from(thrown);
      const outcome = error.code === 'REJECTED' ? 'rejected' : 'unreachable';
      this.#failed(ask, outcome, error.message, error.retryAfterMs);
      return;
    }
    this.#answered(ask, answer);
  }

  #answered(ask: Ask, answer: LeaderAnswer): void {
    if (!this.#open.has(ask)) return;
    const { clock, endpoints, keeper } = this.#parts;
    const { carried, status } = answer;
    const objection = carried && objectionTo(carried.sealed.record, this.#parts);
    if (objection !== undefined) {
      this.#failed(ask, 'rejected', objection);
      return;
    }
    const receivedAtMs = clock.nowMs();
    const roundTripMs = receivedAtMs - ask.startedAtMs;
    const inTransitMs = transitMs(roundTripMs, endpoints.roundTripMs(ask.endpoint));
    endpoints.answered(ask.endpoint, roundTripMs);
    this.#anyAnswer = true;
    const isBehind = answer.behind || knowsLess(carried, keeper.known);
    // Before the record is adopted, so that a call which is released by it has this in its log.
    this.#close(ask, isBehind ? 'behind' : status);
    const source = { endpoint: ask.endpoint, nodeId: answer.nodeId, via: 'lookup' } as const;
    if (carried !== undefined) {
      keeper.observe({ carried, receivedAtMs, transitMs: inTransitMs, source });
    }
    if (isBehind) {
      this.#follow(ask.endpoint, answer.ask);
    } else if (status === 'current') {
      endpoints.prefer(ask.endpoint);
      this.leaderFrom = ask.endpoint;
      this.#finish('leader');
    } else {
      this.#finish('no-leader');
    }
  }

  /** Goes where a node that is behind says, unless it was asked already or hints are used up. */
  #follow(adviser: Address, named: readonly Address[]): void {
    const { clock, counters, endpoints, targets } = this.#parts;
    const { minVersion, redirectsMax, visited } = this.#plan;
    const hints = named.filter((address) => targets.mayAsk(address));
    if (hints.length < named.length) this.unlistedFrom = adviser;
    endpoints.learn(hints, clock.nowMs());
    const target = hints.find((address) => !visited.has(address, minVersion));
    const isAllowed =
      this.log.redirects < redirectsMax && this.#asks < clientLimits.asksPerLookupMax;
    if (target === undefined || !isAllowed) {
      this.#tryAnother();
      return;
    }
    this.log.redirects++;
    counters.redirects++;
    this.#ask(target);
  }

  #failed(
    ask: Ask,
    outcome: 'timeout' | 'unreachable' | 'rejected',
    detail?: string,
    retryAfterMs = 0,
  ): void {
    if (!this.#open.has(ask)) return;
    this.#close(ask, outcome, detail);
    abort(ask.controller);
    this.#isAstray = !this.#anyAnswer;
    this.#parts.endpoints.failed(ask.endpoint, this.#parts.clock.nowMs(), retryAfterMs);
    this.#tryAnother();
  }

  /** After a question that brought nothing: the open ones are waited for, else one more is asked. */
  #tryAnother(): void {
    if (this.#open.size > 0) return;
    if (!this.#askExtra()) this.#finish(this.#anyAnswer ? 'behind' : 'failed');
  }

  #armHedge(): void {
    const { clock, counters, delays } = this.#parts;
    this.#cancelHedge();
    if (this.#open.size >= clientLimits.asksAtOnceMax) return;
    this.#cancelHedge = clock.startTimer(delays.hedgeDelayMs, () => {
      if (this.#askExtra()) counters.hedges++;
    });
  }

  /** Asks one more endpoint, if there is one, and the budget allows it. */
  #askExtra(): boolean {
    const { budget, clock, counters } = this.#parts;
    if (this.#asks >= clientLimits.asksPerLookupMax) return false;
    const endpoint = this.#pick();
    if (endpoint === undefined || !budget.trySpend(clock.nowMs())) return false;
    this.log.retries++;
    counters.retries++;
    this.#ask(endpoint);
    return true;
  }

  #close(ask: Ask, outcome: AttemptOutcome, detail?: string): void {
    if (!this.#open.delete(ask)) return;
    ask.cancelTimeout();
    this.log.add(attemptOf(ask, this.#parts.clock.nowMs(), outcome, detail));
  }

  #finish(outcome: LookupOutcome, blameSlow = true): void {
    const { budget, clock, delays, endpoints } = this.#parts;
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    this.#resolve = undefined;
    this.#cancelHedge();
    const nowMs = clock.nowMs();
    for (const ask of [...this.#open]) {
      this.#close(ask, 'cancelled');
      abort(ask.controller);
      // It made us hedge and was overtaken: it costs that once, not in every lookup.
      const isSlow = nowMs - ask.startedAtMs >= delays.hedgeDelayMs;
      if (blameSlow && isSlow) endpoints.failed(ask.endpoint, nowMs);
    }
    if (outcome === 'leader') budget.earn();
    resolve(outcome);
  }
}

function attemptOf(ask: Ask, nowMs: number, outcome: AttemptOutcome, detail?: string): Attempt {
  const { endpoint, startedAtMs } = ask;
  const attempt = { endpoint, what: 'lookup', durationMs: nowMs - startedAtMs, outcome } as const;
  return detail === undefined ? attempt : { ...attempt, detail };
}
