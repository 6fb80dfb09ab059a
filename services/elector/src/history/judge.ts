/**
 * Decides whether etcd still is what this elector and the tier know it as. A pure function of one
 * linearizable read, of what was known before that read was begun, and of the mark that it shows.
 *
 * What is accepted once is only left for a higher lineage: nothing that etcd says by itself, but what an
 * operator said, makes an elector begin anew. The elections have a say as well: `reconcile.ts` compares the
 * tier's record of each with etcd's revision and candidates.
 */
import { formatVersion } from '@herald/core';
import type { Version } from '@herald/core';
import type { HistoryRead } from '../etcd/keyspace.ts';
import { readMark } from './mark.ts';

/** What was accepted last: which history, and how far it had come. */
export interface AcceptedHistory {
  readonly clusterId: string;
  readonly lineage: number;
  /** Of the mark. */
  readonly markRevision: bigint;
  /** The highest revision that was read. */
  readonly revision: bigint;
}

/** What was known when the read was begun. */
export interface KnownBefore {
  /** Undefined at an elector that has just started. */
  readonly accepted: AcceptedHistory | undefined;
  /** The newest version that the tier holds of any of this elector's elections. */
  readonly tier: Version | undefined;
}

export type HistoryVerdict =
  | { readonly kind: 'accepted'; readonly accepted: AcceptedHistory }
  /** Nobody has marked this etcd, and nobody knows of a history before it. */
  | { readonly kind: 'unmarked' }
  | {
      readonly kind: 'lost';
      readonly detail: string;
      /** Another cluster answered: the right one may answer next, where an endpoint is wrong. */
      readonly isElsewhere: boolean;
      /** Only a higher lineage than this one leads out. */
      readonly lineage: number;
    };

export function judgeHistory(read: HistoryRead, before: KnownBefore): HistoryVerdict {
  const { accepted, tier } = before;
  const { clusterId, markKey, revision } = read;
  const mark = markKey === undefined ? undefined : readMark(markKey.value);
  const lineage = Math.max(mark?.lineage ?? 0, accepted?.lineage ?? 0, tier?.lineage ?? 0);
  const lost = (detail: string, isElsewhere = false): HistoryVerdict => ({
    ...{ kind: 'lost', detail, isElsewhere, lineage },
  });

  // A mark counts in the cluster that it was written in.
  const own = mark?.clusterId === clusterId ? mark : undefined;
  if (own !== undefined && (accepted === undefined || own.lineage > accepted.lineage)) {
    return accept(read, own.lineage, 0n);
  }
  if (accepted !== undefined && clusterId !== accepted.clusterId) {
    const detail = `it belongs to cluster ${clusterId}, and was cluster ${accepted.clusterId} before`;
    return lost(detail, true);
  }
  if (markKey === undefined) {
    if (accepted !== undefined) return lost('its mark is gone, so that it was wiped');
    if (tier === undefined) return { kind: 'unmarked' };
    const known = `the tier knows version ${formatVersion(tier)}`;
    return lost(`it bears no mark, but ${known}, so that it was wiped or replaced`);
  }
  if (mark === undefined) return lost(`${markKey.key} holds what is no mark of Herald's`);
  if (own === undefined || accepted === undefined) {
    const marked = `marked by cluster ${mark.clusterId}, and is cluster ${clusterId}`;
    return lost(`it was ${marked}: its data came from a backup, or from elsewhere`);
  }
  if (own.lineage < accepted.lineage) {
    return lost(`its lineage went back from ${accepted.lineage} to ${own.lineage}`);
  }
  if (revision < accepted.revision) {
    return lost(`its revision went back from ${accepted.revision} to ${revision}`);
  }
  return accept(read, own.lineage, accepted.revision);
}

function accept(
  { clusterId, markKey, revision }: HistoryRead,
  lineage: number,
  revisionBefore: bigint,
): HistoryVerdict {
  const markRevision = markKey?.modRevision ?? 0n;
  const highest = revision > revisionBefore ? revision : revisionBefore;
  return { kind: 'accepted', accepted: { clusterId, lineage, markRevision, revision: highest } };
}
