/**
 * Decides how an elector campaigns in one election, for as long as it lives: get a lease, create the
 * key, wait until it is the lowest, verify, lead, end, and begin again. One loop does it all: a failure
 * leads back to its start, never to a second campaign beside the first.
 *
 * What holds is always read from etcd: a view of the election (from the observer, linearizable), the
 * own key (before saying that it leads), a renewal *and* a read begun after it (before the deadline is
 * moved). What is remembered is only ever used to say "no".
 */
import { assertNever } from '@herald/core';
import type { ElectionName, Random } from '@herald/core';
import { monotonicNowMs } from '@herald/process';
import type { Logger } from '@herald/process';
import type { Clock } from '../clock.ts';
import { pace } from '../config.ts';
import { ElectorError, isElectorError } from '../errors.ts';
import type { EtcdKeyspace } from '../etcd/keyspace.ts';
import type { EtcdLeases } from '../etcd/leases.ts';
import type { History } from '../history/history.ts';
import type { Meter } from '../meter.ts';
import type { Observer } from '../observe/observer.ts';
import type { ElectionView } from '../observe/view.ts';
import type { Publisher } from '../publisher.ts';
import type { TroubleLog } from '../trouble.ts';
import { Backoff, pause, untilAborted } from '../wait.ts';
import { formatCandidate, toLeader } from './candidate.ts';
import type { Profile } from './candidate.ts';
import { Changes } from '../changes.ts';
import { candidateKey } from './election-keys.ts';
import { askHealth } from './fitness.ts';
import type { HealthCheck } from './fitness.ts';
import { standingOf } from './standing.ts';
import { describeEnd, Tenure } from './tenure.ts';
import type { TenureEnd, TenurePhase } from './tenure.ts';

export interface CampaignOptions {
  readonly election: ElectionName;
  readonly prefix: string;
  readonly profile: Profile;
  readonly leases: EtcdLeases;
  readonly keyspace: EtcdKeyspace;
  readonly history: Pick<History, 'accepted' | 'refusal' | 'changed' | 'markKey'>;
  readonly observer: Observer;
  readonly publisher: Publisher;
  readonly health: HealthCheck | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly trouble: TroubleLog;
  readonly meter: Meter;
}

export type CampaignState = 'joining' | 'waiting' | 'leading' | 'refusing' | 'stopped';

export class Campaign {
  readonly #options: CampaignOptions;
  readonly #closing = new AbortController();
  readonly #changes = new Changes();
  readonly #renewBackoff: Backoff;
  /** What still has to be told to etcd about tenures that are over. */
  readonly #farewells = new Set<Promise<void>>();
  #profile: Profile;
  /** The value that the key of the present tenure has, as far as is known. */
  #written = '';
  #tenure: Tenure | undefined;
  #verifying: Tenure | undefined;
  #isStopped = false;

  constructor(options: CampaignOptions) {
    this.#options = options;
    this.#profile = options.profile;
    const ttlMs = options.profile.ttlSeconds * 1_000;
    this.#renewBackoff = new Backoff(pace.renewBackoff(ttlMs), options.random);
  }

  get state(): CampaignState {
    if (this.#isStopped) return 'stopped';
    if (this.#options.history.refusal !== undefined) return 'refusing';
    switch (this.#tenure?.phase) {
      case 'leading':
        // Asks the clock: a deadline that has passed ends the tenure here and now.
        return this.isLeader() ? 'leading' : 'joining';
      case 'waiting':
        return 'waiting';
      default:
        return 'joining';
    }
  }

  get profile(): Profile {
    return this.#profile;
  }

  /** The present tenure, if it is not over. */
  get tenure(): Tenure | undefined {
    return this.#tenure?.stands() === true ? this.#tenure : undefined;
  }

  isLeader(): boolean {
    return this.#tenure?.isLeading() === true;
  }

  /** Resolves at the next change of the state. */
  changed(signal?: AbortSignal): Promise<void> {
    return this.#changes.next(signal);
  }

  /** Campaigns until it is closed. Never rejects. */
  async run(): Promise<void> {
    const { signal } = this.#closing;
    const { clock, random, trouble } = this.#options;
    const backoff = new Backoff(pace.campaignBackoff, random);
    while (!signal.aborted) {
      const startMs = clock.nowMs();
      try {
        await this.#untilAccepted(signal);
        await this.#untilFit(signal);
        const tenure = await this.#standOnce(signal);
        if (tenure?.ending?.kind === 'stepped-down') await this.#holdBack(tenure, signal);
        // A tenure that did not even last until its first renewal must not be followed by the next
        // at once, for ever.
        if (clock.nowMs() - startMs > this.#renewIntervalMs) backoff.reset();
        else await pause(backoff.nextDelayMs(), signal);
      } catch (error) {
        trouble.note('campaigning', error);
        await pause(backoff.nextDelayMs(), signal);
      }
    }
    this.#isStopped = true;
    this.#changes.notify();
    await Promise.allSettled([...this.#farewells]);
  }

  /** Ends the campaign; `run` then resolves once etcd was told, or did not answer. */
  close(): void {
    this.#closing.abort();
    this.#tenure?.end({ kind: 'closing' });
  }

  /** etcd is not what it was: ends what goes on; `run` waits until it is accepted again. */
  refuse(): void {
    this.#tenure?.end({ kind: 'history-lost' });
    this.#changes.notify();
  }

  /** Ends the leadership, if there is one; resolves when etcd was told, or did not answer. */
  async stepDown(detail: string): Promise<{ readonly epoch: bigint } | undefined> {
    const tenure = this.#tenure;
    if (tenure?.isLeading() !== true) return undefined;
    tenure.end({ kind: 'stepped-down', detail });
    await Promise.allSettled([...this.#farewells]);
    return { epoch: tenure.epoch };
  }

  /**
   * Changes what the candidate says of itself; at once where it has a key, else with its next one.
   * When etcd cannot be told now, this rejects, and the next renewal tells it.
   *
   * @throws ElectorError
   */
  async proclaim(profile: Profile): Promise<void> {
    this.#profile = profile;
    if (this.tenure !== undefined) await this.#writeProfile(this.tenure);
  }

  /** Takes every read of the election. */
  onView(view: ElectionView): void {
    const tenure = this.tenure;
    if (tenure !== undefined && tenure.phase !== 'entering' && view.lineage !== tenure.lineage) {
      tenure.end({ kind: 'lineage-raised' });
      return;
    }
    // A read of before the key was created says nothing about it.
    if (tenure === undefined || tenure.phase === 'entering' || view.revision < tenure.epoch) return;
    const own = { key: tenure.key, createRevision: tenure.epoch };
    const standing = standingOf(view.candidates, own).own;
    switch (standing.kind) {
      case 'absent':
        if (!view.isTruncated) tenure.end({ kind: 'key-lost' });
        return;
      case 'leading':
        if (tenure.phase === 'waiting' && this.#verifying !== tenure) void this.#verify(tenure);
        return;
      case 'waiting':
        return;
      default:
        assertNever(standing);
    }
  }

  get #ttlMs(): number {
    return this.#profile.ttlSeconds * 1_000;
  }

  get #renewIntervalMs(): number {
    return pace.renewIntervalMs(this.#tenure?.ttlMs ?? this.#ttlMs);
  }

  async #untilAccepted(signal: AbortSignal): Promise<void> {
    const { history } = this.#options;
    while (!signal.aborted && history.refusal !== undefined) await history.changed(signal);
  }

  async #untilFit(signal: AbortSignal): Promise<void> {
    const { trouble, health } = this.#options;
    while (!signal.aborted) {
      const fitness = await askHealth(health, pace.healthTimeoutMs(this.#ttlMs));
      if (fitness.kind === 'fit') return;
      trouble.note('campaigning', new ElectorError('UNHEALTHY', fitness.detail));
      await pause(this.#renewIntervalMs, signal);
    }
  }

  /** Alone in the election, one that stepped down would lead again at once. */
  async #holdBack({ key }: Tenure, signal: AbortSignal): Promise<void> {
    // The farewell has just read the election.
    const candidates = this.#options.observer.view?.candidates ?? [];
    const isAlone = candidates.every((candidate) => candidate.key === key);
    await pause(isAlone ? pace.holdBackMs(this.#ttlMs) : pace.rejoinMs, signal);
  }

  /** One tenure, from the grant of its lease to its end. */
  async #standOnce(closing: AbortSignal): Promise<Tenure | undefined> {
    const { leases, election, prefix, clock } = this.#options;
    const sentAtMs = clock.nowMs();
    const lease = await untilAborted(leases.grant(this.#profile.ttlSeconds), closing);
    // A lease that is granted too late for us has no key, and runs out by itself.
    if (lease === undefined || closing.aborted) return undefined;
    const tenure = new Tenure({
      ...{ lease, sentAtMs, clock },
      key: candidateKey(prefix, election, lease.leaseId),
      onEnd: (...ended) => {
        this.#onEnd(...ended);
      },
    });
    this.#tenure = tenure;
    await Promise.all([this.#enter(tenure), this.#keepRenewing(tenure, sentAtMs)]);
    await Promise.allSettled([...this.#farewells]);
    return tenure;
  }

  /** Creates the key; again as long as the lease stands, since it may be there already. */
  async #enter(tenure: Tenure): Promise<void> {
    const { keyspace, observer, trouble, history } = this.#options;
    const { key, leaseId, signal } = tenure;
    while (tenure.stands()) {
      const { accepted } = history;
      if (accepted === undefined) {
        tenure.end({ kind: 'history-lost' });
        return;
      }
      try {
        const value = formatCandidate(this.#profile);
        // An etcd that was exchanged since it was looked at has another mark, or none.
        const unchanged = { key: history.markKey, modRevision: accepted.markRevision };
        const created = await keyspace.createOrRead({ key, value, leaseId, unchanged });
        if (created.leaseId !== leaseId) {
          tenure.end({ kind: 'key-lost' });
          return;
        }
        this.#written = created.value;
        tenure.enter(accepted.lineage, created.createRevision, created.modRevision);
        trouble.clear('campaigning');
        this.#changes.notify();
        await observer.refresh();
        return;
      } catch (error) {
        this.#noteFailure(tenure, error);
        // The key stands in line; the next renewal, or the watch, reads the election.
        if (tenure.phase !== 'entering') return;
        await pause(this.#renewBackoff.nextDelayMs(), signal);
      }
    }
  }

  /** Renews the lease until the tenure is over. */
  async #keepRenewing(tenure: Tenure, grantedAtMs: number): Promise<void> {
    const { clock } = this.#options;
    const intervalMs = pace.renewIntervalMs(tenure.ttlMs);
    let dueMs = grantedAtMs + intervalMs;
    for (;;) {
      await pause(dueMs - clock.nowMs(), tenure.signal);
      if (!tenure.stands()) return;
      const startMs = clock.nowMs();
      const [isRenewed] = await Promise.all([this.#renewOnce(tenure), this.#checkHealth(tenure)]);
      dueMs = isRenewed ? startMs + intervalMs : clock.nowMs() + this.#renewBackoff.nextDelayMs();
    }
  }

  /** @returns whether the deadline was moved */
  async #renewOnce(tenure: Tenure): Promise<boolean> {
    const { leases, observer, clock, meter, trouble, election } = this.#options;
    const timeoutMs = pace.renewTimeoutMs(tenure.ttlMs);
    const sentAtMs = clock.nowMs();
    try {
      const ttlMs = await untilAborted(leases.renew(tenure.leaseId, { timeoutMs }), tenure.signal);
      if (ttlMs === undefined) return false;
      // A lease that lives is not enough: the key must be there, and etcd must have a quorum, for
      // which no renewal asks. The read also makes up for a watch that has fallen silent.
      await observer.refresh();
      if (!tenure.renewed(sentAtMs, ttlMs)) return false;
      meter.renewed(election, 'ok', clock.nowMs() - sentAtMs);
      this.#renewBackoff.reset();
      trouble.clear('campaigning');
      if (formatCandidate(this.#profile) === this.#written) this.#publishOwn(tenure);
      else await this.#writeProfile(tenure);
      return true;
    } catch (error) {
      meter.renewed(election, 'failed', clock.nowMs() - sentAtMs);
      this.#noteFailure(tenure, error);
      return false;
    }
  }

  async #checkHealth(tenure: Tenure): Promise<void> {
    const fitness = await askHealth(this.#options.health, pace.healthTimeoutMs(tenure.ttlMs));
    if (fitness.kind === 'unfit') tenure.end({ kind: 'unhealthy', detail: fitness.detail });
  }

  /** The last word before it says that it leads: the own key, as etcd has it, and the own deadline. */
  async #verify(tenure: Tenure): Promise<void> {
    const { keyspace, election, logger } = this.#options;
    this.#verifying = tenure;
    try {
      const key = await keyspace.read(tenure.key);
      if (key?.createRevision !== tenure.epoch) {
        tenure.end({ kind: 'key-lost' });
        return;
      }
      if (!tenure.lead(key.modRevision)) return;
      const { lineage, epoch } = tenure;
      const fields = {
        ...{ election, lineage, epoch },
        monotonicMs: monotonicNowMs(),
        leaderUntilMs: tenure.untilMs,
      };
      logger.info(fields, 'leadership started');
      this.#publishOwn(tenure);
      this.#changes.notify();
    } catch (error) {
      // The next read of the election begins this anew.
      this.#noteFailure(tenure, error);
    } finally {
      if (this.#verifying === tenure) this.#verifying = undefined;
    }
  }

  async #writeProfile(tenure: Tenure): Promise<void> {
    const { keyspace } = this.#options;
    const value = formatCandidate(this.#profile);
    if (tenure.phase === 'entering' || value === this.#written) return;
    try {
      const sequence = await keyspace.putFenced(tenure.key, tenure.epoch, value);
      this.#written = value;
      tenure.changed(sequence);
    } catch (error) {
      if (isElectorError(error, 'FENCED')) tenure.end({ kind: 'key-lost' });
      throw error;
    }
    this.#publishOwn(tenure);
  }

  #publishOwn(tenure: Tenure): void {
    if (!tenure.isLeading()) return;
    const { lineage, epoch, sequence } = tenure;
    const validityMs = tenure.validityMs();
    const leader = toLeader(this.#profile);
    this.#options.publisher.renew({ lineage, epoch, sequence, leader, validityMs });
  }

  /** Some failures end the tenure at once; with the others the deadline goes on running. */
  #noteFailure(tenure: Tenure, error: unknown): void {
    this.#options.trouble.note('campaigning', error);
    if (isElectorError(error, 'LEASE_LOST')) tenure.end({ kind: 'lease-lost' });
    if (isElectorError(error, 'HISTORY_LOST')) tenure.end({ kind: 'history-lost' });
  }

  #onEnd(tenure: Tenure, end: TenureEnd, before: TenurePhase): void {
    const { election, logger } = this.#options;
    const fields = {
      election,
      epoch: tenure.epoch,
      reason: describeEnd(end),
      monotonicMs: monotonicNowMs(),
      // It led no longer than this, however late a process that was paused comes to say so.
      leaderUntilMs: tenure.untilMs,
    };
    if (before === 'leading') logger.info(fields, 'leadership ended');
    else logger.debug(fields, 'candidacy ended');
    const farewell = this.#sayFarewell(tenure).finally(() => {
      this.#farewells.delete(farewell);
    });
    this.#farewells.add(farewell);
    this.#changes.notify();
  }

  /**
   * Takes the key away, so that the next in line need not wait for the lease to run out, and looks what
   * is left, for the tier. One attempt: what etcd does not hear now, it learns from the lease.
   */
  async #sayFarewell(tenure: Tenure): Promise<void> {
    const { keyspace, leases, observer, trouble } = this.#options;
    const timeoutMs = pace.renewTimeoutMs(tenure.ttlMs);
    const note = (error: unknown): void => {
      if (!isElectorError(error, 'FENCED', 'CLOSED')) trouble.note('campaigning', error);
    };
    const revoke = (): Promise<void> => leases.revoke(tenure.leaseId, { timeoutMs }).catch(note);
    if (tenure.epoch === 0n) {
      await revoke();
      return;
    }
    // etcd that did not answer in time probably does not now; its silence is waited for only once.
    const early = tenure.ending?.kind === 'deadline' ? revoke() : undefined;
    try {
      const deletedAt = await keyspace.deleteFenced(tenure.key, tenure.epoch, { timeoutMs });
      await observer.deleted(tenure.epoch, deletedAt);
      // The read tells the tier who is next in line, or that nobody is. A vacancy milliseconds before
      // the successor's record would only flood the tier twice. Who goes for good looks in any case: it
      // may be the last to go, and those it takes for the next in line may go as well.
      if (this.#closing.signal.aborted) await observer.refresh();
    } catch (error) {
      note(error);
    }
    await (early ?? revoke());
  }
}
