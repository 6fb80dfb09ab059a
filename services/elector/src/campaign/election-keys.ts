/**
 * Decides where an election lives in etcd: as etcd's own election recipe has it
 * (`concurrency.Election`, `etcdctl elect`), one key per candidate under the election's name, called
 * by the candidate's lease. So candidates of other make can stand in line with ours.
 */
import { assert } from '@herald/core';
import type { ElectionName } from '@herald/core';
import { formatLeaseId } from '../etcd/leases.ts';

/** Prefix of all elections: no slash at either end, nothing that a terminal could stumble over. */
const prefixPattern = /^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/;
const prefixLengthMax = 256;

/** @throws Error whose message completes "prefix: …" */
export function parsePrefix(text: string): string {
  if (text.length <= prefixLengthMax && prefixPattern.test(text)) return text;
  throw new Error(
    `must be 1 to ${prefixLengthMax} letters, digits, ".", "_" and "-", in parts separated by "/"`,
  );
}

/** What `etcdctl elect --listen` takes to show this election. */
export function electionPath(prefix: string, election: ElectionName): string {
  assert(prefixPattern.test(prefix), 'the prefix was parsed');
  return `${prefix}/${election}`;
}

/** What all keys of the election start with. */
export function candidatesPrefix(prefix: string, election: ElectionName): string {
  return `${electionPath(prefix, election)}/`;
}

/** The key of the candidate that holds the lease. */
export function candidateKey(prefix: string, election: ElectionName, leaseId: bigint): string {
  return `${candidatesPrefix(prefix, election)}${formatLeaseId(leaseId)}`;
}
