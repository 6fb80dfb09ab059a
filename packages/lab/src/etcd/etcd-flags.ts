/** The command line of one etcd member: only flags that etcd 3.4, 3.5 and 3.6 all have. */

export interface EtcdFlags {
  readonly name: string;
  readonly dataDir: string;
  /** Where it listens. */
  readonly clientListenUrl: string;
  readonly peerListenUrl: string;
  /** Where others reach it. */
  readonly clientUrl: string;
  /** name=peer URL of every member, this one included. */
  readonly initialCluster: readonly string[];
  readonly peerUrl: string;
  /** Keeps two clusters that meet on recycled ports from mistaking each other for their own. */
  readonly clusterToken: string;
  /** How large its data may grow before it takes no more writes; etcd's own 2 GiB unless given. */
  readonly quotaBytes?: number | undefined;
}

/** Timings (heartbeat 100 ms, election 1 s) stay etcd's own: what the lab measures is what runs elsewhere. */
export function etcdArguments(flags: EtcdFlags): string[] {
  return [
    `--name=${flags.name}`,
    `--data-dir=${flags.dataDir}`,
    `--listen-client-urls=${flags.clientListenUrl}`,
    `--advertise-client-urls=${flags.clientUrl}`,
    `--listen-peer-urls=${flags.peerListenUrl}`,
    `--initial-advertise-peer-urls=${flags.peerUrl}`,
    `--initial-cluster=${flags.initialCluster.join(',')}`,
    '--initial-cluster-state=new',
    `--initial-cluster-token=${flags.clusterToken}`,
    ...(flags.quotaBytes === undefined ? [] : [`--quota-backend-bytes=${flags.quotaBytes}`]),
    '--logger=zap',
    '--log-outputs=stderr',
    '--log-level=warn',
  ];
}

/** `env` without ETCD_* and ETCDCTL_*: etcd takes any flag from there, and ours are to be the only ones. */
export function withoutEtcdSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^ETCD(CTL)?_/.test(name)));
}
