/** What this package's tests share: members on loopback, records, and waiting with a deadline. */
import { parseClusterName, parseElectionName, parseNodeId } from '@herald/core';
import type { EngineTuning, LeaderRecord } from '@herald/core';
import { createMember } from './create-member.ts';
import type { Member } from './member.ts';
import type { MemberOptions } from './options.ts';

export const testCluster = parseClusterName('member-tests');
export const testElection = parseElectionName('payments');

/** Quick enough for tests, still the real protocol. */
export const quickTuning: Partial<EngineTuning> = {
  roundMs: 100,
  redialMs: 20,
  redialMsMax: 200,
  fullBackoffMs: 100,
  isolationMs: 200,
};

export function startMember(name: string, options: Partial<MemberOptions> = {}): Promise<Member> {
  return createMember({
    cluster: testCluster,
    nodeId: parseNodeId(name),
    role: 'node',
    listen: { host: '127.0.0.1', port: 0 },
    seeds: [],
    tuning: quickTuning,
    ...options,
  });
}

export function leaderRecord(
  epoch: number,
  options: {
    readonly renewal?: number;
    readonly validityMs?: number;
    readonly issuer?: string;
    readonly metadata?: Readonly<Record<string, string>>;
  } = {},
): LeaderRecord {
  return {
    kind: 'leader',
    election: testElection,
    version: {
      lineage: 0,
      epoch: BigInt(epoch),
      sequence: BigInt(epoch),
      renewal: options.renewal ?? 0,
    },
    issuer: parseNodeId(options.issuer ?? 'elector-a'),
    validityMs: options.validityMs ?? 60_000,
    leader: {
      id: parseNodeId(`service-${epoch}`),
      address: '127.0.0.1:80',
      metadata: options.metadata ?? {},
    },
  };
}

/** Waits until `condition` holds; fails with `what` after `timeoutMs`. */
export async function until(
  what: string,
  condition: () => boolean,
  timeoutMs = 60_000,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
