/** An etcd that a test may do harm to: never the one that somebody set up and named to us. */
import { startEtcd } from '@herald/lab';
import type { EtcdCluster, StartEtcdOptions } from '@herald/lab';

export function startOwnEtcd(
  members: 1 | 3 = 1,
  options: Pick<StartEtcdOptions, 'quotaBytes'> = {},
): Promise<EtcdCluster> {
  const { HERALD_ETCD_ENDPOINTS: _, ...env } = process.env;
  return startEtcd({ members, env, ...options });
}
