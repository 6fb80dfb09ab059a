/**
 * Runs etcd's own `etcdctl` against the etcd of a test: the judge of whether our elections are etcd's.
 */
import { superviseProcess } from '@herald/lab';
import type { EtcdCluster, SupervisedProcess } from '@herald/lab';

/** A key as `etcdctl get` shows it. */
export interface ShownKey {
  readonly key: string;
  readonly value: string;
  readonly createRevision: bigint;
  readonly leaseId: bigint;
}

/** A running `etcdctl elect`, as observer or as candidate. */
export class EtcdctlElect implements AsyncDisposable {
  readonly #process: SupervisedProcess;
  readonly #lines: string[] = [];

  constructor(etcd: EtcdCluster, args: readonly string[]) {
    this.#process = start(etcd, ['elect', ...args], (line) => this.#lines.push(line));
  }

  /** Leaders that it named, oldest first: it prints a key and a value for each. */
  get shown(): readonly { readonly key: string; readonly value: string }[] {
    return Array.from({ length: Math.floor(this.#lines.length / 2) }, (_, index) => ({
      key: this.#lines[2 * index] ?? '',
      value: this.#lines[2 * index + 1] ?? '',
    }));
  }

  /** Ctrl-C: a candidate resigns. */
  async interrupt(): Promise<void> {
    await this.#process.stop({ signal: 'SIGINT' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.interrupt();
  }
}

/** Shows every leader of the election at `path` from now on. */
export function listen(etcd: EtcdCluster, path: string): EtcdctlElect {
  return new EtcdctlElect(etcd, ['--listen', path]);
}

/** Stands in line in the election at `path`. */
export function campaign(etcd: EtcdCluster, path: string, proposal: string): EtcdctlElect {
  return new EtcdctlElect(etcd, [path, proposal]);
}

/**
 * Stands in line with a lease of `ttlSeconds`, as the recipe has it, and keeps the lease alive until
 * disposed; then the lease runs out by itself, like that of a program that was killed.
 */
export async function campaignWithLease(
  etcd: EtcdCluster,
  path: string,
  { proposal, ttlSeconds }: { readonly proposal: string; readonly ttlSeconds: number },
): Promise<AsyncDisposable & { readonly grantedTtlMs: number }> {
  const granted = await runEtcdctl(etcd, ['lease', 'grant', String(ttlSeconds)]);
  const [, lease, ttl] = /lease ([0-9a-f]+) granted with TTL\((\d+)s\)/.exec(granted) ?? [];
  if (lease === undefined || ttl === undefined)
    throw new Error(`etcdctl granted no lease, but said: ${granted}`);
  const keepAlive = start(etcd, ['lease', 'keep-alive', lease], () => undefined);
  await runEtcdctl(etcd, [
    'put',
    `${path}/${BigInt(`0x${lease}`).toString(16)}`,
    proposal,
    `--lease=${lease}`,
  ]);
  const dispose = async (): Promise<void> => {
    await keepAlive.stop({ signal: 'SIGKILL' });
  };
  return { grantedTtlMs: Number(ttl) * 1_000, [Symbol.asyncDispose]: dispose };
}

/** All keys under `prefix`, in the order in which they were created. */
export async function keysUnder(etcd: EtcdCluster, prefix: string): Promise<ShownKey[]> {
  const output = await runEtcdctl(etcd, [
    ...['get', '--prefix', prefix, '--write-out=json'],
    ...['--sort-by=CREATE', '--order=ASCEND'],
  ]);
  // Revisions and leases are beyond what a JSON number holds in JavaScript.
  const exact = output.replace(/"(create_revision|lease)":(\d+)/g, '"$1":"$2"');
  const { kvs = [] } = JSON.parse(exact) as {
    kvs?: { key: string; value?: string; create_revision: string; lease?: string }[];
  };
  return kvs.map(({ key, value = '', create_revision, lease = '0' }) => ({
    key: fromBase64(key),
    value: fromBase64(value),
    createRevision: BigInt(create_revision),
    leaseId: BigInt(lease),
  }));
}

/** Runs a command of etcdctl to its end; returns what it printed. */
export async function runEtcdctl(etcd: EtcdCluster, args: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const process = start(etcd, args, (line) => lines.push(line));
  const exit = await process.exited;
  if (exit.code === 0) return lines.join('\n');
  throw new Error([`etcdctl ${args.join(' ')} failed:`, ...process.lastLines].join('\n'));
}

function start(
  etcd: EtcdCluster,
  args: readonly string[],
  onLine: (line: string) => void,
): SupervisedProcess {
  const { etcdctl } = etcd;
  if (etcdctl === undefined) throw new Error('these tests need an etcdctl (Debian: etcd-client)');
  return superviseProcess({
    name: 'etcdctl',
    command: etcdctl.command,
    args: [...etcdctl.args, ...args],
    env: { ...etcdctl.env, ETCDCTL_API: '3' },
    onLine: (line, stream) => {
      if (stream === 'stdout') onLine(line);
    },
  });
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString();
}
