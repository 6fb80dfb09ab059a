/**
 * What one elector holds of etcd's history: the one that it accepted, or why it refuses. All its elections
 * share it, since they share etcd. Decides that a refusal holds until an operator has raised the lineage,
 * whatever etcd says meanwhile: the revision of an etcd that was wiped grows past the old one some day, and
 * that day would make nothing well.
 */
import { compareVersions } from '@herald/core';
import type { Address, ElectionName, Version } from '@herald/core';
import type { Logger } from '@herald/process';
import { Changes } from '../changes.ts';
import { ElectorError } from '../errors.ts';
import type { EtcdKeyspace, HistoryRead } from '../etcd/keyspace.ts';
import type { ClusterIdentity } from '../etcd/session.ts';
import type { Tier } from '../tier.ts';
import { pause } from '../wait.ts';
import { judgeHistory } from './judge.ts';
import type { AcceptedHistory, KnownBefore } from './judge.ts';
import { formatMark, markKey } from './mark.ts';

export interface HistoryOptions {
  readonly prefix: string;
  /** Where this elector answers: it tells people whom to give the command to. */
  readonly electorAddress: Address;
  readonly elections: readonly ElectionName[];
  readonly identity: ClusterIdentity;
  readonly keyspace: EtcdKeyspace;
  readonly tier: Pick<Tier, 'leader'>;
  readonly logger: Logger;
}

interface Refusal {
  readonly detail: string;
  readonly isElsewhere: boolean;
  readonly lineage: number;
}

export class History {
  readonly markKey: string;
  readonly elections: readonly ElectionName[];
  readonly #options: HistoryOptions;
  readonly #changes = new Changes();
  readonly #onRefused = new Set<() => void>();
  /** Kept while refusing: what went before is what the next read is compared with. */
  #accepted: AcceptedHistory | undefined;
  #refusal: Refusal | undefined;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.markKey = markKey(options.prefix);
    this.elections = options.elections;
  }

  /** The history that this elector goes by; undefined while it refuses. */
  get accepted(): AcceptedHistory | undefined {
    return this.#refusal === undefined ? this.#accepted : undefined;
  }

  /** Lineage of the history that was accepted last; 0 before the first. */
  get lineage(): number {
    return this.#accepted?.lineage ?? 0;
  }

  /** Why this elector neither campaigns nor publishes, and the way out, for people. */
  get refusal(): string | undefined {
    if (this.#refusal === undefined) return undefined;
    return (
      `etcd's history was lost: ${this.#refusal.detail}. This elector neither campaigns nor publishes. ` +
      `If this etcd is the one to go on with: herald lineage raise --elector ${this.#options.electorAddress}`
    );
  }

  /** Only a higher lineage than this one ends the refusal; undefined while there is none. */
  get refusedLineage(): number | undefined {
    return this.#refusal?.lineage;
  }

  /** Calls `listener` whenever this elector begins to refuse, before anything else happens. */
  onRefused(listener: () => void): void {
    this.#onRefused.add(listener);
  }

  /** Resolves when this elector begins or ceases to refuse. */
  changed(signal?: AbortSignal): Promise<void> {
    return this.#changes.next(signal);
  }

  /** The newest version that the tier holds of this elector's elections. */
  newestInTier(): Version | undefined {
    let newest: Version | undefined;
    for (const election of this.elections) {
      const version = this.#options.tier.leader(election)?.sealed.record.version;
      if (version === undefined) continue;
      if (newest === undefined || compareVersions(version, newest) > 0) newest = version;
    }
    return newest;
  }

  /** To be asked for before a read is begun, and handed in with it. */
  before(): KnownBefore {
    return { accepted: this.#accepted, tier: this.newestInTier() };
  }

  /**
   * Takes a read of etcd.
   *
   * @returns the lineage that it shows; undefined when a later read has shown a higher one meanwhile
   * @throws ElectorError `HISTORY_LOST`
   */
  take(read: HistoryRead, before: KnownBefore): number | undefined {
    const verdict = judgeHistory(read, before);
    const shown = verdict.kind === 'accepted' ? verdict.accepted.lineage : -1;
    const isOvertaken = (before.accepted?.lineage ?? -1) < (this.#accepted?.lineage ?? -1);
    if (isOvertaken && shown < this.lineage) return undefined;
    if (verdict.kind === 'accepted') {
      this.#accept(verdict.accepted);
      return shown;
    }
    // Whoever starts marks a new etcd first, so that a mark that is missing now was there.
    if (verdict.kind === 'unmarked') this.#refuse({ ...wiped, lineage: this.lineage });
    else this.#refuse(verdict);
    throw this.#error();
  }

  /** An election shows that etcd is not what the tier's records, of that lineage, came from. */
  lose(detail: string, lineage: number): void {
    this.#refuse({ detail, isElsewhere: false, lineage: Math.max(lineage, this.lineage) });
  }

  /**
   * The first look at etcd: marks it where it is new, and refuses where it is not what the tier knows.
   *
   * @param foundingDelayMs How long the tier is listened to before an etcd is taken for new.
   * @throws ElectorError when etcd cannot be asked
   */
  async open(foundingDelayMs = 0, signal?: AbortSignal): Promise<void> {
    const { keyspace } = this.#options;
    const before = this.before();
    const read = await keyspace.readHistory(this.markKey);
    if (judgeHistory(read, before).kind === 'unmarked') {
      if (foundingDelayMs > 0) {
        await pause(foundingDelayMs, signal ?? new AbortController().signal);
        return this.open(0, signal);
      }
      const { clusterId } = read;
      // Another elector may be first, and then its mark counts.
      await keyspace.putUnlessChanged(this.markKey, 0n, formatMark({ lineage: 0, clusterId }));
      return this.open();
    }
    try {
      this.take(read, before);
    } catch (error) {
      // That it refuses is a way to start, too: an operator finds it waiting for the command.
      if (this.#refusal === undefined) throw error;
    }
  }

  #accept(accepted: AcceptedHistory): void {
    const refusal = this.#refusal;
    const isRaised = accepted.lineage > (refusal?.lineage ?? -1);
    if (refusal !== undefined && !isRaised && !refusal.isElsewhere) throw this.#error();
    const last = this.#accepted;
    const isSame = last?.clusterId === accepted.clusterId && last.lineage === accepted.lineage;
    const revision =
      isSame && last.revision > accepted.revision ? last.revision : accepted.revision;
    this.#accepted = { ...accepted, revision };
    this.#refusal = undefined;
    if (last !== undefined && isSame && refusal === undefined) return;
    this.#options.identity.adopt(accepted.clusterId);
    const { lineage, clusterId } = accepted;
    this.#options.logger.info({ lineage, clusterId }, "etcd's history accepted");
    this.#changes.notify();
  }

  #refuse(refusal: Refusal): void {
    const before = this.#refusal;
    // The first reason is the one to look into; what is certain counts more than a wrong endpoint may.
    if (before !== undefined && !before.isElsewhere) return;
    if (before?.isElsewhere === true && refusal.isElsewhere) return;
    this.#refusal = refusal;
    const { detail, lineage } = refusal;
    this.#options.logger.error({ detail, lineage }, this.refusal ?? '');
    for (const listener of this.#onRefused) listener();
    this.#changes.notify();
  }

  #error(): ElectorError {
    return new ElectorError('HISTORY_LOST', this.#refusal?.detail ?? '');
  }
}

const wiped = { detail: 'its mark is gone, so that it was wiped', isElsewhere: false };
