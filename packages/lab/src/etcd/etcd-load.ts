/**
 * What an etcd that the lab runs costs: its clients' connections and its CPU time. Read from /proc,
 * from outside; etcd's own metrics count bytes and requests, but in no version open connections.
 */
import {
  establishedConnections,
  processCpuSeconds,
  socketInodes,
  type TcpConnection,
} from '../process/proc-fs.ts';
import type { EtcdCluster } from './etcd-cluster.ts';
import { ManagedMember, type EtcdMember } from './etcd-member.ts';

/**
 * Connections that clients hold to all members of the cluster. Those that etcd holds to itself (its
 * HTTP gateway is a client of its own port) are left out. A stopped member holds none. Undefined where it cannot be known: not on Linux, an external etcd, a member in a container that is not on this machine or not ours to look into.
 */
export async function countClientConnections(cluster: EtcdCluster): Promise<number | undefined> {
  if (cluster.members.length === 0) return undefined;
  let count = 0;
  for (const member of cluster.members) {
    const connections = await clientConnections(member);
    if (connections === undefined) return undefined;
    count += connections;
  }
  return count;
}

/** CPU time (user and system) of one member since it was last started, in seconds; undefined where unknown. */
export async function cpuSeconds(member: EtcdMember): Promise<number | undefined> {
  return member.pid === undefined ? undefined : processCpuSeconds(member.pid);
}

async function clientConnections(member: EtcdMember): Promise<number | undefined> {
  if (!(member instanceof ManagedMember)) return undefined;
  const { pid, listenPort } = member.runner;
  if (pid === undefined) return (await member.runner.ended()) === undefined ? undefined : 0;
  const all = await establishedConnections(pid);
  const own = await socketInodes(pid);
  if (all === undefined || own === undefined) return undefined;
  return countForeign(all, own, listenPort);
}

/** Accepted connections on `listenPort` whose other end is not one of the server's own sockets. */
export function countForeign(
  connections: readonly TcpConnection[],
  ownInodes: ReadonlySet<string>,
  listenPort: number,
): number {
  const portsToSelf = new Set(
    connections
      .filter(({ remotePort, inode }) => remotePort === listenPort && ownInodes.has(inode))
      .map(({ localPort }) => localPort),
  );
  return connections.filter(
    ({ localPort, remotePort }) => localPort === listenPort && !portsToSelf.has(remotePort),
  ).length;
}
