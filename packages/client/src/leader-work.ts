/**
 * `withLeader`: decides when work is repeated, and where. What was refused before it ran is done again
 * wherever the leader is; what may have run, only if it is declared idempotent. Errors that are the work's
 * own are its caller's.
 *
 *   find ──leader──► run ──returned──────────────────────────────► done
 *    ▲                ├──threw an error of its own───────────────► rethrown
 *    │                ├──lost, overtaken; and not idempotent─────► UNREACHABLE, ABORTED
 *    └───follow, or───┴──does not lead, not sent; or idempotent
 *        back off
 */
import { isSameChange } from '@herald/core';
import type { AttemptOutcome } from './attempts.ts';
import type { WithLeaderOptions } from './client-options.ts';
import { electorOf } from './confirmation.ts';
import { HeraldClientError } from './errors.ts';
import type { ClientErrorCode } from './errors.ts';
import { hear } from './heard-record.ts';
import type { KnownRecord } from './known-record.ts';
import type { LeaderSearch, SearchRooms } from './leader-search.ts';
import type { ClientParts } from './parts.ts';
import type { PendingCall } from './pending-call.ts';
import { pursue } from './pursuit.ts';
import type { Step } from './pursuit.ts';
import type { LeaderResult } from './results.ts';
import type { WorkFailure } from './work-failure.ts';
import { WorkRun } from './work-run.ts';
import type { Work } from './work-run.ts';

const tryLater = { kind: 'try-later', retryAfterMs: 0, isPushback: false } as const;

export class LeaderWork<T> {
  readonly #parts: ClientParts;
  readonly #rooms: SearchRooms;
  readonly #search: LeaderSearch;
  readonly #work: Work<T>;
  readonly #isIdempotent: boolean;
  readonly #isVerifying: boolean;
  #runs = 0;

  constructor(
    parts: ClientParts,
    rooms: SearchRooms,
    search: LeaderSearch,
    work: Work<T>,
    options: WithLeaderOptions,
  ) {
    this.#parts = parts;
    this.#rooms = rooms;
    this.#search = search;
    this.#work = work;
    this.#isIdempotent = options.idempotent ?? false;
    this.#isVerifying = options.verify ?? false;
  }

  /** @throws HeraldClientError when the call ended first; what the work threw, when that is its own. */
  async doFor(call: PendingCall): Promise<T> {
    const { refresher } = this.#rooms;
    const first = await this.#search.locate(call);
    const done =
      first &&
      (await pursue(this.#parts, refresher, call, first, {
        targetOf: ({ sealed: { record } }) =>
          record.kind === 'leader' ? record.leader.address : undefined,
        attempt: (known) => this.#attempt(call, known),
      }));
    if (done === undefined) throw this.#search.failed(call);
    return done.result;
  }

  async #attempt(call: PendingCall, found: KnownRecord): Promise<Step<T>> {
    const leader = this.#isVerifying
      ? await this.#search.verify(call, found)
      : this.#search.result(call);
    const { known } = this.#parts.keeper;
    // What is known changed in the same turn: that is where to go.
    if (leader === undefined || known === undefined) return { kind: 'moved' };
    if (!this.#mayGoTo(leader) && !(await this.#isListed(call, known, leader))) return tryLater;
    return this.#runAt(call, known, call.ledTo(leader));
  }

  /** Whether the leader is one that may be gone to, as far as is known without asking. */
  #mayGoTo({ address, electorAddress }: LeaderResult): boolean {
    const { targets } = this.#parts;
    // A leader that is no elector of Herald has nobody who could be a member for it.
    if (electorAddress === undefined || targets.mayAsk(electorAddress)) return true;
    return targets.allows(address);
  }

  async #isListed(call: PendingCall, known: KnownRecord, leader: LeaderResult): Promise<boolean> {
    const elector = electorOf(known);
    const { discovery, refresher } = this.#rooms;
    const { endpoint } = known.source;
    if (elector === undefined || (await discovery.mayAsk(elector, endpoint))) return true;
    const { address } = leader;
    const detail = `its elector ${elector} is not among the members`;
    call.log.add({ endpoint: address, what: 'work', durationMs: 0, outcome: 'not-listed', detail });
    refresher.doubt(endpoint);
    return false;
  }

  async #runAt(call: PendingCall, known: KnownRecord, leader: LeaderResult): Promise<Step<T>> {
    const { clock, counters } = this.#parts;
    counters.runs++;
    const startedAtMs = clock.nowMs();
    using run = new WorkRun(this.#parts, call, known, ++this.#runs);
    const end = await run.do(this.#work, leader);
    const write = (outcome: AttemptOutcome, error?: unknown): void => {
      const durationMs = clock.nowMs() - startedAtMs;
      const attempt = { endpoint: leader.address, what: 'work', durationMs, outcome } as const;
      call.log.add(error === undefined ? attempt : { ...attempt, detail: messageOf(error) });
    };
    switch (end.kind) {
      case 'returned':
        write('done');
        return { kind: 'done', result: end.value };
      case 'left':
        call.mayHaveRun = true;
        write('pending');
        return tryLater;
      case 'threw': {
        const failure = this.#read(run, end.error, leader);
        write(outcomeOf(failure), end.error);
        if (failure === undefined) throw end.error;
        const tookMs = clock.nowMs() - startedAtMs;
        return this.#afterFailure(call, { known, leader, tookMs }, failure, end.error);
      }
    }
  }

  /** What an error says that is not the work's own; `undefined` when it is. */
  #read(run: WorkRun, error: unknown, { address }: LeaderResult): WorkFailure | undefined {
    if (run.isOwnAbort(error)) return { kind: 'cancelled' };
    const failure = this.#parts.readFailure(error, address);
    // Who leads in another election is what the work asked for on its own.
    const { election } = this.#parts;
    if (failure?.kind === 'not-leader' && (failure.election ?? election) !== election) {
      return undefined;
    }
    // Given up for a reason of its own.
    if (failure?.kind === 'cancelled' && !run.isOvertaken) return undefined;
    if (failure?.kind === 'busy' && !this.#isIdempotent) return undefined;
    return failure;
  }

  #afterFailure(
    call: PendingCall,
    at: { readonly known: KnownRecord; readonly leader: LeaderResult; readonly tookMs: number },
    failure: WorkFailure,
    error: unknown,
  ): Step<T> {
    const { keeper } = this.#parts;
    call.workError = error;
    if (failure.kind === 'not-leader') this.#hear(call, at.leader, failure, at.tookMs);
    if (failure.kind !== 'not-leader' && failure.kind !== 'not-sent') {
      call.mayHaveRun = true;
      if (!this.#isIdempotent) throw this.#notRepeated(call, at.leader, failure, error);
    }
    this.#parts.counters.repeats++;
    const retryAfterMs = 'retryAfterMs' in failure ? failure.retryAfterMs : 0;
    const isPushback = failure.kind !== 'not-leader' && retryAfterMs > 0;
    const newest = keeper.known?.sealed.record.version;
    const isMoved = newest !== undefined && !isSameChange(newest, at.known.sealed.record.version);
    if (isMoved && !isPushback) return { kind: 'moved' };
    // Whoever named this leader may be behind, or may not speak the truth.
    this.#rooms.refresher.doubt(at.known.source.endpoint);
    return { kind: 'try-later', retryAfterMs, isPushback };
  }

  /** Takes over what a refusal says, if that is newer: forward only. */
  #hear(
    call: PendingCall,
    leader: LeaderResult,
    { epoch, known: carried }: Extract<WorkFailure, { kind: 'not-leader' }>,
    tookMs: number,
  ): void {
    if (epoch > call.heardOfEpoch) call.heardOfEpoch = epoch;
    // Nobody knows when within the run the refusal was made.
    if (carried !== undefined) hear(this.#parts, { carried, endpoint: leader.address }, tookMs);
  }

  #notRepeated(
    call: PendingCall,
    { address, epoch }: LeaderResult,
    failure: WorkFailure,
    cause: unknown,
  ): HeraldClientError {
    const { attempts, redirects, retries } = call.log;
    const isOvertaken = failure.kind === 'cancelled';
    const code: ClientErrorCode = isOvertaken ? 'ABORTED' : 'UNREACHABLE';
    const who = `the leader of ${this.#parts.election} at ${address} (epoch ${String(epoch)})`;
    const what = isOvertaken
      ? `${who} was overtaken during the work`
      : `the connection to ${who} was lost during the work: ${messageOf(cause)}`;
    const message = `${what}; the work may have run and is not declared idempotent, so that it is not repeated: find out whether it ran`;
    const details = { cause, attempts, redirects, retries, mayHaveRun: true };
    return new HeraldClientError(code, message, details);
  }
}

function outcomeOf(failure: WorkFailure | undefined): AttemptOutcome {
  switch (failure?.kind) {
    case undefined:
      return 'failed';
    case 'not-leader':
      return 'not-leading';
    case 'not-sent':
      return 'unreachable';
    case 'cancelled':
      return 'overtaken';
    case 'lost':
    case 'busy':
      return failure.kind;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
