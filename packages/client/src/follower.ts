/**
 * Follows the election through one watch to one node, shared by all `watchLeader` of the client, and
 * by calls that have to wait.
 * Decides when that node is left for another: when the stream ends, when it does not begin, and when
 * what it says is not a current leader for some time, for the node itself may be cut off.
 */
import { validForMs } from '@herald/core';
import type { Address } from '@herald/core';
import { Backoff } from './backoff.ts';
import { sleep } from './clock.ts';
import type { CancelTimer } from './clock.ts';
import type { LeaderWatch } from './leader-watch.ts';
import { NodeWatch } from './node-watch.ts';
import { abort, newAbort } from './on-abort.ts';
import type { ClientParts } from './parts.ts';
import { watchTuning } from './tuning.ts';

const neverStarted: CancelTimer = () => undefined;

export class Follower {
  readonly #parts: ClientParts;
  readonly #watches = new Set<LeaderWatch>();
  /** Calls that have waited long enough to be told as soon as there is news. */
  #vigils = 0;
  #isClosed = false;
  readonly #backoff: Backoff;
  #running: Promise<void> | undefined;
  /** Aborts when nobody wants to follow any longer. */
  #unwanted = newAbort();
  #cancelExpiry = neverStarted;
  #isLive = false;
  #isTold = false;
  #avoid: ReadonlySet<Address> = new Set();
  #trouble: string | undefined;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#backoff = new Backoff({
      baseMs: parts.delays.backoffBaseMs,
      capMs: watchTuning.backoffCapMs,
      random: parts.random,
    });
    parts.keeper.onAdopted(() => {
      if (this.#watches.size > 0) this.#announce();
    });
  }

  /** A node is telling every change and every renewal, so that what is known needs no asking. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** A node that is not behind is telling what it learns, though that may be that nobody leads. */
  get isTold(): boolean {
    // A watch that nobody wants any longer ends a moment later.
    return this.#isTold && this.#isWanted();
  }

  /** Why the last node was left, for people. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  get watches(): number {
    return this.#watches.size;
  }

  add(watch: LeaderWatch): void {
    this.#watches.add(watch);
    this.#announce();
    this.#start();
  }

  remove(watch: LeaderWatch): void {
    this.#watches.delete(watch);
    if (this.#watches.size === 0) this.#cancelExpiry();
    this.#stopIfUnwanted();
  }

  /**
   * Follows for a call that still waits after a moment: in a failover it then hears of the successor
   * within a hop, while questions go on at the pace of their back-off.
   *
   * @returns Ends it.
   */
  standBy(): () => void {
    let isKept = false;
    const cancelTimer = this.#parts.clock.startTimer(watchTuning.standByAfterMs, () => {
      isKept = true;
      this.#vigils++;
      this.#start();
    });
    return () => {
      cancelTimer();
      if (!isKept) return;
      isKept = false;
      this.#vigils--;
      this.#stopIfUnwanted();
    };
  }

  /** Ends all watches. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const watch of [...this.#watches]) watch.end();
    abort(this.#unwanted);
    await this.#running;
  }

  #isWanted(): boolean {
    return !this.#isClosed && this.#watches.size + this.#vigils > 0;
  }

  #start(): void {
    if (this.#running !== undefined || !this.#isWanted()) return;
    this.#unwanted = newAbort();
    this.#running = this.#run(this.#unwanted.signal);
  }

  #stopIfUnwanted(): void {
    if (!this.#isWanted()) abort(this.#unwanted);
  }

  async #run(unwanted: AbortSignal): Promise<void> {
    const { clock, endpoints } = this.#parts;
    while (!unwanted.aborted) {
      const endpoint = endpoints.pick(clock.nowMs(), undefined, this.#avoid);
      if (endpoint !== undefined) {
        await this.#follow(endpoint, unwanted);
        this.#avoid = new Set([endpoint]);
      }
      await sleep(clock, this.#backoff.nextMs(), unwanted);
    }
    this.#running = undefined;
    // Whoever came after the last one had left needs a run of its own.
    this.#start();
  }

  async #follow(endpoint: Address, unwanted: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const openedAtMs = clock.nowMs();
    const watch = new NodeWatch(this.#parts, endpoint, ({ isInformed, isUseful }) => {
      this.#isLive = isUseful;
      this.#isTold = isInformed;
    });
    const trouble = await watch.run(unwanted);
    this.#isLive = false;
    this.#isTold = false;
    if (unwanted.aborted) return;
    this.#trouble = `${endpoint}: ${trouble}`;
    if (clock.nowMs() - openedAtMs >= watchTuning.stableAfterMs) this.#backoff.reset();
  }

  /** Tells all readers, and again when the record expires. */
  #announce(): void {
    this.#cancelExpiry();
    const { clock, keeper } = this.#parts;
    // Reckoned before the readers look: who then still saw a valid record is told again.
    const leftMs = keeper.known === undefined ? 0 : validForMs(keeper.known, clock.nowMs());
    for (const watch of this.#watches) watch.offer();
    if (leftMs <= 0 || this.#watches.size === 0) return;
    this.#cancelExpiry = clock.startTimer(leftMs, () => {
      this.#announce();
    });
  }
}
