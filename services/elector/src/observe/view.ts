/** An election as one linearizable read of etcd showed it. */
import type { HeldRecord } from '@herald/core';
import { readCandidate } from '../campaign/candidate.ts';
import type { Candidate } from '../campaign/candidate.ts';
import { inLine } from '../campaign/standing.ts';
import type { EtcdKey, PrefixRead } from '../etcd/keyspace.ts';

export interface CandidateKey extends EtcdKey {
  readonly candidate: Candidate;
}

export interface ElectionView {
  readonly clusterId: string;
  /** Of etcd's histories, the one that was read. */
  readonly lineage: number;
  /** etcd's revision at the read. */
  readonly revision: bigint;
  /** In line, the leader first. */
  readonly candidates: readonly CandidateKey[];
  /** There are more candidates than were read. */
  readonly isTruncated: boolean;
  /** What the gossip tier said before the read was begun: etcd must not be behind that. */
  readonly tierBefore: HeldRecord | undefined;
}

export function toView(
  read: PrefixRead,
  lineage: number,
  tierBefore: HeldRecord | undefined,
): ElectionView {
  return {
    clusterId: read.clusterId,
    lineage,
    revision: read.revision,
    candidates: read.keys
      .toSorted(inLine)
      .map((key) => ({ ...key, candidate: readCandidate(key.value, key.leaseId) })),
    isTruncated: read.isTruncated,
    tierBefore,
  };
}
