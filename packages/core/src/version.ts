/**
 * Decides which of two claims is the newer. This order is the whole conflict resolution of Herald:
 * lineage first (an operator said that etcd's history was lost), then epoch, sequence, renewal.
 */

/** Version of a leader record. All parts are ≥ 0 and only grow. */
export interface Version {
  /** Counter of etcd histories, raised only by an operator. */
  readonly lineage: number;
  /** etcd create revision of the leader's key: the fencing token. */
  readonly epoch: bigint;
  /** etcd revision of the last change within the epoch. */
  readonly sequence: bigint;
  /** Counter of the leader's heartbeats within the sequence. */
  readonly renewal: number;
}

/** Negative when `a` is older than `b`, positive when newer, 0 when they are the same version. */
export function compareVersions(a: Version, b: Version): number {
  if (a.lineage !== b.lineage) return a.lineage < b.lineage ? -1 : 1;
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  if (a.sequence !== b.sequence) return a.sequence < b.sequence ? -1 : 1;
  if (a.renewal !== b.renewal) return a.renewal < b.renewal ? -1 : 1;
  return 0;
}

/** Whether `a` is strictly newer than `b`; everything is newer than nothing. */
export function isNewer(a: Version, b: Version | undefined): boolean {
  return b === undefined || compareVersions(a, b) > 0;
}

/**
 * Whether both versions are the same change: they differ, if at all, in the renewal only. A
 * renewal refreshes what everybody knows already; only a change is urgent.
 */
export function isSameChange(a: Version, b: Version): boolean {
  return a.lineage === b.lineage && a.epoch === b.epoch && a.sequence === b.sequence;
}

/** The version of the change that this one renews. */
export function changeOf(version: Version): Version {
  return version.renewal === 0 ? version : { ...version, renewal: 0 };
}

/** `lineage.epoch.sequence.renewal`, for people. */
export function formatVersion(version: Version): string {
  return `${version.lineage}.${version.epoch}.${version.sequence}.${version.renewal}`;
}
