/** What etcd itself uses, all members together. Decides nothing. */
import type { EtcdCluster } from '../etcd/etcd-cluster.ts';
import { totalUsage } from '../measure/usage.ts';
import type { ProcessUsage } from '../measure/usage.ts';

/** CPU time over a phase, memory at its end. */
export type EtcdUsage = ProcessUsage;

/** Undefined where it cannot be read: an external etcd, a container, another platform than Linux. */
export async function etcdUsage(etcd: EtcdCluster): Promise<ProcessUsage | undefined> {
  const pids = etcd.members.flatMap(({ pid }) => pid ?? []);
  if (pids.length === 0 || pids.length < etcd.members.length) return undefined;
  return totalUsage(pids);
}

export function usageSince(
  before: ProcessUsage | undefined,
  after: ProcessUsage | undefined,
): EtcdUsage | undefined {
  return before && after && { ...after, cpuSeconds: after.cpuSeconds - before.cpuSeconds };
}
