/**
 * A test cluster in which each elector reaches each member of etcd through a proxy of its own, so that
 * a test can see whom an elector is connected to, and cut off that one alone.
 */
import { TcpProxy } from '@herald/lab';
import type { EtcdCluster, EtcdMember, NetworkCondition } from '@herald/lab';
import { startTestCluster } from './test-cluster.ts';
import type { TestCluster } from './test-cluster.ts';

const electors = 3;

export class ProxiedCluster implements AsyncDisposable {
  readonly cluster: TestCluster;
  readonly #etcd: EtcdCluster;
  readonly #proxies: ElectorProxies;

  private constructor(cluster: TestCluster, etcd: EtcdCluster, proxies: ElectorProxies) {
    this.cluster = cluster;
    this.#etcd = etcd;
    this.#proxies = proxies;
  }

  static async start(etcd: EtcdCluster): Promise<ProxiedCluster> {
    const proxies = await startProxies(etcd.endpoints);
    try {
      const cluster = await startTestCluster({
        etcdEndpoints: etcd.endpoints,
        electors,
        endpointsOf: (electorId) => proxiesOf(proxies, electorId).map(({ endpoint }) => endpoint),
      });
      return new ProxiedCluster(cluster, etcd, proxies);
    } catch (error) {
      await stopProxies(proxies);
      throw error;
    }
  }

  /** What happens to all that the elector and etcd send each other. */
  setNetwork(electorId: string, condition: NetworkCondition): void {
    for (const proxy of proxiesOf(this.#proxies, electorId)) proxy.set(condition);
  }

  /** Members of etcd that the elector holds connections to. */
  membersOf(electorId: string): EtcdMember[] {
    const proxies = proxiesOf(this.#proxies, electorId);
    return this.#etcd.members.filter((_, index) => (proxies[index]?.connections ?? 0) > 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxies of this.#proxies.values())
      for (const proxy of proxies) proxy.set({ kind: 'clear' });
    await this.cluster[Symbol.asyncDispose]();
    await stopProxies(this.#proxies);
  }
}

/** By elector; in the order of etcd's members. */
type ElectorProxies = ReadonlyMap<string, readonly TcpProxy[]>;

async function startProxies(endpoints: readonly string[]): Promise<ElectorProxies> {
  const proxies = new Map<string, readonly TcpProxy[]>();
  for (let number = 1; number <= electors; number++) {
    const own = await Promise.all(endpoints.map((endpoint) => TcpProxy.start(endpoint)));
    proxies.set(`elector-${number}`, own);
  }
  return proxies;
}

async function stopProxies(proxies: ElectorProxies): Promise<void> {
  const all = [...proxies.values()].flat();
  await Promise.all(all.map((proxy) => proxy[Symbol.asyncDispose]()));
}

function proxiesOf(proxies: ElectorProxies, electorId: string): readonly TcpProxy[] {
  const own = proxies.get(electorId);
  if (own === undefined) throw new Error(`${electorId} has no proxies`);
  return own;
}
