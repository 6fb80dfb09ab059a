/**
 * Decides what is known of one election in etcd. A watch only says *that* something changed; what
 * holds is then read, linearizably, in one piece. So no state is ever put together from events, and
 * a watch that breaks, is compacted away or falls silent costs one more read and nothing else.
 *
 * The one watch serves both the candidate that waits and the news for the tier. etcd's recipe has a
 * waiter watch its predecessor only, so that a thousand waiters do not all wake at once; here every
 * elector wants every change anyway, and an elector tier is a handful.
 */
import type { HeldRecord, Random } from '@herald/core';
import { electorLimits, pace } from '../config.ts';
import { isElectorError } from '../errors.ts';
import type { EtcdKeyspace } from '../etcd/keyspace.ts';
import type { EtcdSession } from '../etcd/session.ts';
import { watchPrefix } from '../etcd/watch.ts';
import type { Deletion, WatchBatch } from '../etcd/watch.ts';
import type { Clock } from '../clock.ts';
import type { History } from '../history/history.ts';
import type { TroubleLog } from '../trouble.ts';
import { Backoff, pause } from '../wait.ts';
import { isUrgent } from './urgency.ts';
import { toView } from './view.ts';
import type { CandidateKey, ElectionView } from './view.ts';

export interface ObserverOptions {
  /** What all keys of the election start with. */
  readonly candidatesPrefix: string;
  readonly session: EtcdSession;
  readonly keyspace: EtcdKeyspace;
  readonly history: History;
  readonly clock: Clock;
  readonly random: Random;
  /** Paces the reads that nothing asked for. */
  readonly ttlMs: number;
  readonly trouble: TroubleLog;
  /** What the tier says of this election now. */
  readonly tier: () => HeldRecord | undefined;
  /** Whether the key is this elector's. */
  readonly isOwn: (key: CandidateKey) => boolean;
  /** Called with every read, in the order of the reads, before whoever asked for it goes on. */
  readonly onView: (view: ElectionView) => void;
}

export class Observer {
  readonly #options: ObserverOptions;
  readonly #deletions = new Map<bigint, bigint>();
  #view: ElectionView | undefined;
  #readAtMs = -Infinity;
  #reading: Promise<ElectionView> | undefined;
  #nextReading: Promise<ElectionView> | undefined;
  /** The read of a bystander that is to come, and what it has to show. */
  #later: NodeJS.Timeout | undefined;
  #laterRevision = 0n;

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  /** The newest read; undefined before the first. */
  get view(): ElectionView | undefined {
    return this.#view;
  }

  /** Revision at which the key with that create revision was seen to be deleted. */
  deletionOf(epoch: bigint): bigint | undefined {
    return this.#deletions.get(epoch);
  }

  /**
   * Notes a deletion of our own, so that the vacancy it may leave has its revision, and sees what is
   * left: at once if it may be for us to say, else a moment later.
   *
   * @throws ElectorError
   */
  async deleted(createRevision: bigint, revision: bigint): Promise<void> {
    const deletions = [{ createRevision, revision }];
    this.#remember(deletions);
    await this.#see({ revision, deletions });
  }

  /** Observes until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await Promise.all([this.#keepWatching(signal), this.#keepReading(signal)]);
    } finally {
      clearTimeout(this.#later);
    }
  }

  /**
   * Reads the election. The read is begun after this call, so that it shows all that was committed
   * before it; calls that come while another read is under way share the next one.
   *
   * @throws ElectorError
   */
  refresh(): Promise<ElectionView> {
    if (this.#reading === undefined) return this.#read();
    this.#nextReading ??= this.#reading
      .catch(() => undefined) // Whoever asked for that read has its error.
      .then(() => {
        this.#nextReading = undefined;
        return this.#read();
      });
    return this.#nextReading;
  }

  #read(): Promise<ElectionView> {
    this.#reading = this.#readOnce().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOnce(): Promise<ElectionView> {
    const { clock, trouble, onView } = this.#options;
    let view = await this.#readView();
    // A raise that came in between makes another read worth while, and no more than one each.
    while (view === undefined) view = await this.#readView();
    if (view.lineage !== this.#view?.lineage) this.#deletions.clear();
    this.#view = view;
    this.#readAtMs = clock.nowMs();
    trouble.clear('observing');
    onView(view);
    return view;
  }

  /** Undefined when the history that was read is over by now. */
  async #readView(): Promise<ElectionView | undefined> {
    const { keyspace, candidatesPrefix, ttlMs, session, history } = this.#options;
    const tierBefore = this.#options.tier();
    const before = history.before();
    const timeoutMs = Math.min(session.callTimeoutMs, pace.renewTimeoutMs(ttlMs));
    const { candidatesMax } = electorLimits;
    const { markKey } = history;
    const read = await keyspace.readElection(candidatesPrefix, candidatesMax, markKey, {
      timeoutMs,
    });
    try {
      const lineage = history.take(read, before);
      return lineage === undefined ? undefined : toView(read, lineage, tierBefore);
    } catch (error) {
      // Another endpoint may belong to the right cluster: one wrong entry in the list must not decide.
      if (isElectorError(error, 'HISTORY_LOST')) session.distrust();
      throw error;
    }
  }

  async #keepWatching(signal: AbortSignal): Promise<void> {
    const { session, candidatesPrefix, random, trouble } = this.#options;
    const backoff = new Backoff(pace.watchBackoff, random);
    while (!signal.aborted) {
      try {
        const { revision } = await this.refresh();
        for await (const batch of watchPrefix(session, candidatesPrefix, revision + 1n, signal)) {
          backoff.reset();
          await this.#see(batch);
        }
      } catch (error) {
        trouble.note('observing', error);
        await pause(backoff.nextDelayMs(), signal);
      }
    }
  }

  /** Reads what a change left, now or a moment later, unless a read has shown it already. */
  async #see(batch: WatchBatch): Promise<void> {
    const known = new Set(this.#deletions.keys());
    this.#remember(batch.deletions);
    if (this.#isShown(batch.revision)) return;
    if (isUrgent(batch, this.#view, { isOwn: this.#options.isOwn, known })) await this.refresh();
    else this.#readLater(batch.revision);
  }

  #isShown(revision: bigint): boolean {
    return revision <= (this.#view?.revision ?? 0n);
  }

  #readLater(revision: bigint): void {
    this.#laterRevision = revision;
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      if (this.#isShown(this.#laterRevision)) return;
      this.refresh().catch((error: unknown) => {
        this.#options.trouble.note('observing', error); // the periodic read makes up for it
      });
    }, pace.bystanderDelayMs);
  }

  /** For a watch that has fallen silent without an error, and for records that came to the tier. */
  async #keepReading(signal: AbortSignal): Promise<void> {
    const { clock, ttlMs, trouble } = this.#options;
    const intervalMs = pace.rereadIntervalMs(ttlMs);
    let triedAtMs = clock.nowMs();
    while (!signal.aborted) {
      const waitMs = Math.max(this.#readAtMs, triedAtMs) + intervalMs - clock.nowMs();
      if (waitMs > 0) {
        await pause(waitMs, signal);
        continue;
      }
      triedAtMs = clock.nowMs();
      try {
        await this.refresh();
      } catch (error) {
        trouble.note('observing', error);
      }
    }
  }

  #remember(deletions: readonly Deletion[]): void {
    for (const { createRevision, revision } of deletions) {
      this.#deletions.set(createRevision, revision);
    }
    // A map keeps the order of insertion: the first are the oldest.
    for (const epoch of this.#deletions.keys()) {
      if (this.#deletions.size <= electorLimits.deletionsRememberedMax) return;
      this.#deletions.delete(epoch);
    }
  }
}
