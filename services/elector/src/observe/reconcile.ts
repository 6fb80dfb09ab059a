/**
 * Decides what an elector that read etcd has to tell the gossip tier, and whether etcd still is the
 * source of what the tier says. A pure function of one read and the tier's records.
 *
 * That a claim of the tier is *ahead* of a read is normal: another elector read later. But a read
 * that was begun when the tier had the claim already must show it or something newer, since the
 * claim came from a committed state of the same etcd. If it does not, etcd's history is not the
 * tier's any more: it was wiped, or restored from a backup.
 */
import type { HeldRecord, Version } from '@herald/core';
import type { CandidateKey, ElectionView } from './view.ts';

export type Verdict =
  /** The tier says what etcd says. */
  | { readonly kind: 'settled' }
  /** The tier does not know this leader yet, or not this change of it. */
  | { readonly kind: 'announce'; readonly key: CandidateKey }
  /** The tier names a leader whose key is gone, and nobody is in line. */
  | { readonly kind: 'vacate'; readonly epoch: bigint; readonly sequence: bigint }
  /** The tier is ahead of this read; the next one will tell. */
  | { readonly kind: 'ahead' }
  /** The tier's claim, of that lineage, is none of this etcd's. */
  | { readonly kind: 'history-lost'; readonly detail: string; readonly lineage: number };

export interface ReconcileInput {
  readonly view: ElectionView;
  /** What the tier says now. */
  readonly tierNow: HeldRecord | undefined;
  /** Revision at which the key with that create revision was seen to be deleted. */
  readonly deletionOf: (epoch: bigint) => bigint | undefined;
}

export function reconcile({ view, tierNow, deletionOf }: ReconcileInput): Verdict {
  const { lineage } = view;
  const before = view.tierBefore?.sealed.record.version;
  const detail = before && contradiction(view, before);
  if (detail !== undefined) {
    return { kind: 'history-lost', detail, lineage: Math.max(lineage, before?.lineage ?? 0) };
  }

  const leader = view.candidates[0];
  const record = tierNow?.sealed.record;
  // A record of an older lineage is older than everything that this etcd can say.
  if (record === undefined || record.version.lineage < lineage) {
    return leader === undefined ? { kind: 'settled' } : { kind: 'announce', key: leader };
  }
  const { version } = record;
  if (contradiction(view, version) !== undefined) return { kind: 'ahead' };
  if (leader !== undefined) {
    return isOlderChange(version, leader) ? { kind: 'announce', key: leader } : { kind: 'settled' };
  }
  if (record.kind === 'vacancy') return { kind: 'settled' };
  const deletedAt = deletionOf(version.epoch) ?? 0n;
  // All revisions after the claim and up to this read are true; the deletion's own is the best.
  const sequence = deletedAt > version.sequence ? deletedAt : view.revision;
  return { kind: 'vacate', epoch: version.epoch, sequence };
}

/** Why etcd, as read, cannot be what `version` came from; undefined when it can. */
function contradiction(view: ElectionView, version: Version): string | undefined {
  const { lineage } = view;
  if (version.lineage < lineage) return undefined;
  if (version.lineage > lineage) {
    return `the tier is at lineage ${version.lineage}, etcd at ${lineage}`;
  }
  const newest = version.sequence > version.epoch ? version.sequence : version.epoch;
  if (newest > view.revision) {
    return `the tier knows of revision ${newest}, but etcd is only at revision ${view.revision}`;
  }
  const leader = view.candidates[0];
  if (leader === undefined || !isNewerChange(version, leader)) return undefined;
  return (
    `the tier knows of epoch ${version.epoch} (sequence ${version.sequence}), but etcd's leader ` +
    `has epoch ${leader.createRevision} (sequence ${leader.modRevision})`
  );
}

function isNewerChange(version: Version, key: CandidateKey): boolean {
  if (version.epoch !== key.createRevision) return version.epoch > key.createRevision;
  return version.sequence > key.modRevision;
}

function isOlderChange(version: Version, key: CandidateKey): boolean {
  if (version.epoch !== key.createRevision) return version.epoch < key.createRevision;
  return version.sequence < key.modRevision;
}
