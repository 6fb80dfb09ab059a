/** The rows of the fault matrix, in the order of the table. */
import type { FaultRow } from './fault-row.ts';
import {
  etcdCompacted,
  etcdFull,
  etcdLeaderLost,
  etcdQuorumLost,
  etcdSlow,
  etcdTokensVoid,
} from './rows/etcd.ts';
import { leaderCutOff, leaderFrozen, leaderKilled, leaderLate } from './rows/leader.ts';
import { badLines, partition, wallClockSet } from './rows/surroundings.ts';
import {
  descriptorsUsedUp,
  electorsKilled,
  nodesKilled,
  nodeStalled,
  rollingRestart,
} from './rows/tier.ts';

export const faultRows: readonly FaultRow[] = [
  leaderKilled,
  leaderFrozen,
  leaderCutOff,
  leaderLate,
  etcdSlow,
  etcdQuorumLost,
  etcdLeaderLost,
  etcdCompacted,
  etcdFull,
  electorsKilled,
  nodesKilled,
  partition,
  badLines,
  nodeStalled,
  descriptorsUsedUp,
  wallClockSet,
  rollingRestart,
  etcdTokensVoid,
];
