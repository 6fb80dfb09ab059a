/**
 * Decides what this elector tells the gossip tier about one election, and issues the records: the
 * own leadership and its renewals, what was seen of other leaders, vacancies, and vouchers.
 *
 * Several electors issue the same version; that is meant. News enters at several places, and equal
 * versions make the same claim.
 */
import { assertNever, formatVersion, isSameChange } from '@herald/core';
import type {
  ElectionName,
  HeldRecord,
  Leader,
  LeaderRecord,
  NodeId,
  Random,
  Version,
} from '@herald/core';
import { monotonicNowMs } from '@herald/process';
import type { Logger } from '@herald/process';
import type { EtcdLeases } from './etcd/leases.ts';
import type { History } from './history/history.ts';
import { reconcile } from './observe/reconcile.ts';
import type { CandidateKey, ElectionView } from './observe/view.ts';
import { Voucher } from './observe/voucher.ts';
import type { Tier } from './tier.ts';
import type { TroubleLog } from './trouble.ts';

export interface PublisherOptions {
  readonly election: ElectionName;
  readonly issuer: NodeId;
  readonly ttlMs: number;
  readonly tier: Pick<Tier, 'nowMs' | 'publish' | 'leader' | 'signingKeyId'>;
  readonly leases: Pick<EtcdLeases, 'life'>;
  readonly random: Random;
  readonly logger: Logger;
  readonly trouble: TroubleLog;
  readonly deletionOf: (epoch: bigint) => bigint | undefined;
  /** Whether the key is this elector's: its candidacy speaks for itself. */
  readonly isOwn: (key: CandidateKey) => boolean;
  readonly history: Pick<History, 'refusal' | 'lose'>;
}

/** A leader as etcd has it. */
export interface LeaderFact {
  readonly lineage: number;
  readonly epoch: bigint;
  readonly sequence: bigint;
  readonly leader: Leader;
  /** How long its lease can still live, in milliseconds. */
  readonly validityMs: number;
}

export class Publisher implements Disposable {
  readonly #options: PublisherOptions;
  readonly #voucher: Voucher;
  #isClosed = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { leases, random, trouble, ttlMs, tier, election } = options;
    this.#voucher = new Voucher({
      ...{ leases, random, trouble, ttlMs },
      held: () => tier.leader(election),
      nowMs: () => tier.nowMs(),
      vouch: ({ lineage, key }, validityMs) => {
        this.renew({ lineage, ...factOf(key), validityMs });
      },
    });
  }

  /** Takes every read of the election. */
  onView(view: ElectionView): void {
    if (this.#isSilent()) return;
    const { election, tier, deletionOf, isOwn, history } = this.#options;
    const { lineage } = view;
    const verdict = reconcile({ view, tierNow: tier.leader(election), deletionOf });
    switch (verdict.kind) {
      case 'announce':
        if (!isOwn(verdict.key)) this.#announce(lineage, verdict.key);
        break;
      case 'vacate':
        this.#vacate({ lineage, epoch: verdict.epoch, sequence: verdict.sequence, renewal: 0 });
        break;
      case 'history-lost':
        history.lose(verdict.detail, verdict.lineage);
        return;
      case 'settled':
        this.#signAnew(tier.leader(election));
        break;
      case 'ahead':
        break;
      default:
        assertNever(verdict);
    }
    const leader = view.candidates[0];
    const isOthers = leader !== undefined && !isOwn(leader);
    this.#voucher.watchOver(isOthers ? { lineage, key: leader } : undefined);
  }

  /** Nothing is vouched for any more, until the next read. */
  fallSilent(): void {
    this.#voucher.watchOver(undefined);
  }

  /** Publishes that the leader leads on: as news, or as one renewal more than the tier knows. */
  renew({ lineage, epoch, sequence, leader, validityMs }: LeaderFact): void {
    const { election, issuer } = this.#options;
    const version = this.#nextVersion({ lineage, epoch, sequence, renewal: 0 });
    this.#publish({ kind: 'leader', election, version, leader, validityMs, issuer });
  }

  /** Publishes that the leader of the version's epoch is gone, as of its sequence. */
  #vacate(version: Version): void {
    const { election, issuer } = this.#options;
    this.#publish({ kind: 'vacancy', election, version, issuer });
  }

  /**
   * A leader's renewals are signed with whatever key is in force, but a vacancy is said once and may last.
   * Whoever said it says it again under its new key, so that the old one can be taken out of use.
   */
  #signAnew(held: HeldRecord | undefined): void {
    const { issuer, tier } = this.#options;
    if (held === undefined || held.sealed.keyId === tier.signingKeyId) return;
    const { record } = held.sealed;
    if (record.kind !== 'vacancy' || record.issuer !== issuer) return;
    const { version } = record;
    this.#publish({ ...record, version: { ...version, renewal: version.renewal + 1 } });
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#voucher[Symbol.dispose]();
  }

  #isSilent(): boolean {
    return this.#isClosed || this.#options.history.refusal !== undefined;
  }

  /**
   * News of another leader. One of ours says for how long its lease lives at most without a renewal.
   * One of another make does not: the voucher asks etcd, and what it says is the news.
   */
  #announce(lineage: number, key: CandidateKey): void {
    const { ttlSeconds } = key.candidate;
    if (ttlSeconds === undefined) return;
    const { election, issuer } = this.#options;
    const { epoch, sequence, leader } = factOf(key);
    const version = { lineage, epoch, sequence, renewal: 0 };
    const validityMs = ttlSeconds * 1_000;
    this.#publish({ kind: 'leader', election, version, leader, validityMs, issuer });
  }

  /** The first renewal that is news for the tier: 0, or one more than it knows of the same change. */
  #nextVersion(version: Version): Version {
    const { tier, election } = this.#options;
    const known = tier.leader(election)?.sealed.record.version;
    if (known === undefined || !isSameChange(known, version)) return version;
    return { ...version, renewal: known.renewal + 1 };
  }

  #publish(record: LeaderRecord): void {
    if (this.#isSilent()) return;
    const { tier, logger, election } = this.#options;
    const known = tier.leader(election)?.sealed.record.version;
    const monotonicMs = monotonicNowMs();
    if (!tier.publish(record)) return;
    const { version, kind } = record;
    const fields = {
      election,
      version: formatVersion(version),
      epoch: version.epoch,
      kind,
      ...(record.kind === 'leader' ? { leaderId: record.leader.id } : {}),
      monotonicMs,
    };
    // A leader renews every few seconds for years: only news is worth a line by default.
    const isRenewal = known !== undefined && isSameChange(known, version);
    logger[isRenewal ? 'debug' : 'info'](fields, 'leader record published');
  }
}

function factOf({ createRevision, modRevision, candidate }: CandidateKey) {
  return { epoch: createRevision, sequence: modRevision, leader: candidate.leader };
}
