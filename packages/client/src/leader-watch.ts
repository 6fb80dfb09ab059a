/**
 * One `watchLeader`: decides what its reader gets to see. It holds no queue: what comes next is made
 * from the belief at the moment of the question, so that the latest wins and nothing goes back. An
 * update is due when the change or its status differs from what was given last.
 */
import { isNewer, isSameChange } from '@herald/core';
import type { Version } from '@herald/core';
import type { Clock } from './clock.ts';
import { HeraldClientError } from './errors.ts';
import type { RecordKeeper } from './known-record.ts';
import { onAbort } from './on-abort.ts';
import { leaderUpdate } from './results.ts';
import type { LeaderUpdate } from './results.ts';

export interface LeaderWatchOptions {
  readonly clock: Clock;
  readonly keeper: RecordKeeper;
  readonly includeRenewals: boolean;
  readonly signal: AbortSignal | undefined;
  /** Called once, when the watch ended, for whatever reason. */
  readonly onEnd: (watch: LeaderWatch) => void;
}

type Step = IteratorResult<LeaderUpdate, undefined>;
const done: Step = { done: true, value: undefined };

export class LeaderWatch implements AsyncIterableIterator<LeaderUpdate, undefined> {
  readonly #options: LeaderWatchOptions;
  #given: { readonly version: Version; readonly status: LeaderUpdate['status'] } | undefined;
  #reader: ((step: Step) => void) | undefined;
  #isEnded = false;
  #stopListening: () => void = () => undefined;

  constructor(options: LeaderWatchOptions) {
    this.#options = options;
    if (options.signal === undefined) return;
    this.#stopListening = onAbort(options.signal, () => {
      this.end();
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @throws HeraldClientError when another `next` is still waiting: one reader per watch. */
  next(): Promise<Step> {
    if (this.#isEnded) return Promise.resolve(done);
    if (this.#reader !== undefined) {
      return Promise.reject(
        new HeraldClientError(
          'INVALID_ARGUMENT',
          'a watch has one reader: next() is still pending',
        ),
      );
    }
    const update = this.#due();
    if (update !== undefined) return Promise.resolve({ done: false, value: update });
    return new Promise((resolve) => {
      this.#reader = resolve;
    });
  }

  return(): Promise<Step> {
    this.end();
    return Promise.resolve(done);
  }

  /** Something may have changed: tells the reader if it waits. */
  offer(): void {
    if (this.#reader === undefined) return;
    const update = this.#due();
    if (update === undefined) return;
    this.#answerReader({ done: false, value: update });
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#stopListening();
    this.#answerReader(done);
    this.#options.onEnd(this);
  }

  #answerReader(step: Step): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.(step);
  }

  /** The update to give now, if one is due; it then counts as given. */
  #due(): LeaderUpdate | undefined {
    const { clock, includeRenewals, keeper } = this.#options;
    if (keeper.known === undefined) return undefined;
    const update = leaderUpdate(keeper.known, clock.nowMs());
    const given = this.#given;
    const isDue =
      given?.status !== update.status ||
      !isSameChange(given.version, update.version) ||
      (includeRenewals && isNewer(update.version, given.version));
    if (!isDue) return undefined;
    this.#given = { version: update.version, status: update.status };
    return update;
  }
}
