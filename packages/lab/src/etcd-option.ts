/** How the lab and the bench are told to use an etcd that runs already. */
import { text } from '@herald/process';
import type { SingleOption } from '@herald/process';

export const etcdEndpointsOption = {
  flag: '--etcd-endpoints <urls>',
  env: 'HERALD_ETCD_ENDPOINTS',
  schema: text(),
  optional: true,
  description: 'Use the etcd that runs there, with commas between several, and start none',
} as const satisfies SingleOption;

/** The environment in which `startEtcd` looks for an etcd. */
export function etcdEnvironment(endpoints: string | undefined): NodeJS.ProcessEnv {
  return { ...process.env, HERALD_ETCD_ENDPOINTS: endpoints };
}
