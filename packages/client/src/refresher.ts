/**
 * Decides when nodes are asked. However many calls wait, there is one lookup at a time, and one
 * back-off between two lookups, which also calls that arrive later have to wait for. While a node is
 * watched and answers, the questions beside it are rare. Each call
 * leaves when its own requirement is met or when it ends; that never disturbs the others.
 */
import type { Version } from '@herald/core';
import { compareVersions, isSameChange, jittered } from '@herald/core';
import type { AttemptLog } from './attempts.ts';
import { Backoff } from './backoff.ts';
import { sleep } from './clock.ts';
import type { Discovery } from './discovery.ts';
import type { KnownRecord } from './known-record.ts';
import { Lookup } from './lookup.ts';
import type { LookupOutcome } from './lookup.ts';
import { abort, newAbort } from './on-abort.ts';
import type { ClientParts } from './parts.ts';
import type { PendingCall } from './pending-call.ts';
import { shortfall } from './requirement.ts';
import { clientLimits, watchTuning } from './tuning.ts';
import { VisitedTargets } from './visited.ts';

interface Waiter {
  readonly call: PendingCall;
  /** Ends the waiting: with a record, or with `undefined` when the call ended first. */
  readonly leave: (known: KnownRecord | undefined) => void;
}

export class Refresher {
  readonly #parts: ClientParts;
  readonly #discovery: Discovery;
  readonly #isTold: () => boolean;
  readonly #waiters = new Set<Waiter>();
  readonly #visited = new VisitedTargets();
  readonly #backoff: Backoff;
  #lookup: Lookup | undefined;
  /** What the last lookup did; calls that arrive during the back-off after it have that in common. */
  #lastLog: AttemptLog | undefined;
  #running: Promise<void> | undefined;
  /** Ends the back-off under way, when nobody waits any longer. */
  #pause: AbortController | undefined;
  #isClosed = false;
  /** No lookup before this. */
  #pausedUntilMs = 0;
  /** And none before this while a node tells all the same. */
  #toldUntilMs = 0;
  #newest: Version | undefined;
  #avoid: ReadonlySet<string> = new Set();

  /**
   * @param discovery Told after each lookup who named a leader, or somebody who is not listed.
   * @param isTold Whether a node tells the client what it learns, unasked.
   */
  constructor(parts: ClientParts, discovery: Discovery, isTold: () => boolean) {
    this.#parts = parts;
    this.#discovery = discovery;
    this.#isTold = isTold;
    this.#backoff = new Backoff({
      baseMs: parts.delays.backoffBaseMs,
      capMs: parts.delays.backoffCapMs,
      random: parts.random,
    });
    parts.keeper.onAdopted(() => {
      this.#noteChange();
      this.#settle();
    });
  }

  /** Calls that wait now. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Whether one more call may wait. */
  get hasRoom(): boolean {
    return this.#waiters.size < clientLimits.waitingCallsMax;
  }

  /**
   * Waits until a lookup that ended after this moment, or anything newly adopted, left the client
   * with a record that meets the call's requirement. While there is a back-off, because the last
   * lookup brought nothing, what is known is good enough: a record within its validity is not
   * withheld because nodes are in trouble.
   *
   * @returns `undefined` when the call ended first.
   */
  wait(call: PendingCall): Promise<KnownRecord | undefined> {
    return new Promise((resolve) => {
      const nowMs = this.#parts.clock.nowMs();
      if (this.#isClosed || call.endReason !== undefined) {
        resolve(undefined);
        return;
      }
      if (nowMs < this.#quietUntilMs()) {
        const { known } = this.#parts.keeper;
        if (shortfall(known, call.requirement, nowMs) === undefined) {
          resolve(known);
          return;
        }
        // What the last lookup found is what this call has to wait for: it counts as asked with it.
        if (this.#lastLog !== undefined && call.log.attempts.length === 0) {
          call.log.append(this.#lastLog);
        }
      }
      const waiter: Waiter = {
        call,
        leave: (known) => {
          this.#waiters.delete(waiter);
          stopListening();
          this.#tell(call);
          if (this.#waiters.size === 0) this.#endPause();
          resolve(known);
        },
      };
      const stopListening = call.onEnd(() => {
        waiter.leave(undefined);
      });
      this.#waiters.add(waiter);
      this.#running ??= this.#run();
    });
  }

  /** What `endpoint` said led nowhere: the next lookup rather asks others. */
  doubt(endpoint: string): void {
    this.#avoid = new Set([endpoint]);
  }

  /** Ends the lookup; calls that still wait must have been ended before. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endPause();
    this.#lookup?.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiters.size > 0 && !this.#isClosed) {
      const { clock } = this.#parts;
      const pauseMs = this.#quietUntilMs() - clock.nowMs();
      if (pauseMs > 0) {
        // Looked at again in between: who told may have fallen silent.
        await this.#sleep(Math.min(pauseMs, this.#longestSleepMs()));
        continue;
      }
      const lookup = new Lookup(this.#parts, {
        minVersion: this.#minVersion(),
        redirectsMax: this.#redirectsLeft(),
        avoid: this.#avoid,
        visited: this.#visited,
      });
      this.#lookup = lookup;
      const outcome = await lookup.run();
      this.#lookup = undefined;
      this.#conclude(lookup, outcome);
    }
    this.#visited.clear();
    this.#running = undefined;
  }

  /** After news that satisfied nobody, others are soon asked about it. */
  #noteChange(): void {
    const version = this.#parts.keeper.known?.sealed.record.version;
    const before = this.#newest;
    this.#newest = version;
    if (before === undefined || version === undefined || !isSameChange(before, version)) {
      this.#toldUntilMs = 0;
    }
  }

  /** Until when nobody is asked, as things stand. */
  #quietUntilMs(): number {
    return this.#isTold() ? Math.max(this.#pausedUntilMs, this.#toldUntilMs) : this.#pausedUntilMs;
  }

  #longestSleepMs(): number {
    return this.#isTold() ? this.#parts.delays.backoffCapMs : Infinity;
  }

  async #sleep(pauseMs: number): Promise<void> {
    this.#pause = newAbort();
    await sleep(this.#parts.clock, pauseMs, this.#pause.signal);
    this.#pause = undefined;
  }

  #endPause(): void {
    if (this.#pause !== undefined) abort(this.#pause);
  }

  /** After a lookup: those it satisfied leave; for the others there is a back-off. */
  #conclude(lookup: Lookup, outcome: LookupOutcome): void {
    this.#lastLog = lookup.log;
    for (const { call } of this.#waiters) call.log.append(lookup.log);
    this.#settle();
    const { leaderFrom, unlistedFrom } = lookup;
    if (leaderFrom !== undefined) this.#discovery.consider(leaderFrom);
    if (unlistedFrom !== undefined) this.#discovery.considerUnlisted(unlistedFrom);
    if (outcome === 'leader' && this.#waiters.size === 0) {
      this.#backoff.reset();
      this.#avoid = new Set();
      this.#pausedUntilMs = 0;
      this.#toldUntilMs = 0;
    } else {
      this.#avoid = lookup.asked;
      const { clock, endpoints, random } = this.#parts;
      const nowMs = clock.nowMs();
      this.#toldUntilMs = nowMs + jittered(watchTuning.askMeanwhileMs, 0.5, random);
      const pauseMs = Math.max(this.#backoff.nextMs(), endpoints.pushbackMs(nowMs));
      this.#pausedUntilMs = nowMs + pauseMs;
    }
  }

  /** Lets those go whose requirement is met. */
  #settle(): void {
    const { clock, keeper } = this.#parts;
    const nowMs = clock.nowMs();
    for (const waiter of this.#waiters) {
      if (shortfall(keeper.known, waiter.call.requirement, nowMs) === undefined) {
        waiter.leave(keeper.known);
      }
    }
  }

  /** What the lookup that is under way has done so far belongs to the log of a call that leaves. */
  #tell(call: PendingCall): void {
    if (this.#lookup !== undefined) call.log.append(this.#lookup.log, this.#lookup.pending);
  }

  /** The newest known version, or the epoch that a caller asks for or heard of if that is newer. */
  #minVersion(): Version | undefined {
    const known = this.#parts.keeper.known?.sealed.record.version;
    let version = known && { ...known, renewal: 0 };
    for (const { call } of this.#waiters) {
      const { heardOfEpoch, requirement } = call;
      const epoch = requirement.minEpoch > heardOfEpoch ? requirement.minEpoch : heardOfEpoch;
      if (epoch === 0n) continue;
      const wanted = { lineage: known?.lineage ?? 0, epoch, sequence: 0n, renewal: 0 };
      if (version === undefined || compareVersions(wanted, version) > 0) version = wanted;
    }
    return version;
  }

  /** No call may be led through more hints than it is allowed, so the most led one decides. */
  #redirectsLeft(): number {
    let most = 0;
    for (const { call } of this.#waiters) most = Math.max(most, call.log.redirects);
    return Math.max(0, clientLimits.redirectsMax - most);
  }
}
