/**
 * A real etcd to which happens what happens to backups: saved, restored, wiped, replaced by another one,
 * each time at the same address. Decides by which of etcd's tools a snapshot is restored: since 3.6 that is
 * `etcdutl`, before it is `etcdctl`.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findEtcd, superviseProcess, takeFreePorts, waitUntil, watchOver } from '@herald/lab';
import type { SupervisedProcess, Watch } from '@herald/lab';

const readyMs = 60_000;

/** How etcd comes back after a disaster. */
export type Comeback =
  /** On what the snapshot holds. etcd makes its cluster id from the members and the token. */
  | {
      readonly kind: 'restored';
      readonly snapshot: string;
      readonly clusterId: 'the same' | 'another';
    }
  /** On nothing, with the flags that it had. */
  | { readonly kind: 'wiped' }
  /** On nothing, as another cluster. */
  | { readonly kind: 'replaced' };

export class RestorableEtcd implements AsyncDisposable {
  readonly endpoint: string;
  readonly #binary: string;
  readonly #folder: string;
  readonly #watch: Watch;
  readonly #peerUrl: string;
  readonly #firstToken = randomBytes(6).toString('hex');
  #token = this.#firstToken;
  #life = 0;
  #process: SupervisedProcess | undefined;

  private constructor(binary: string, folder: string, ports: readonly number[]) {
    this.#binary = binary;
    this.#folder = folder;
    this.#watch = watchOver({ kind: 'directory', path: folder });
    this.endpoint = `http://127.0.0.1:${String(ports[0])}`;
    this.#peerUrl = `http://127.0.0.1:${String(ports[1])}`;
  }

  static async start(): Promise<RestorableEtcd> {
    // An etcd that somebody set up and named to us is none that we may wipe.
    const { HERALD_ETCD_ENDPOINTS: _, ...env } = process.env;
    const source = await findEtcd(env);
    if (source.kind !== 'binary') throw new Error('this test needs an etcd on the PATH');
    const folder = await mkdtemp(join(tmpdir(), 'herald-restorable-etcd-'));
    const etcd = new RestorableEtcd(source.path, folder, await takeFreePorts(2));
    try {
      await etcd.#launch();
      return etcd;
    } catch (error) {
      await etcd[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Saves what it holds now; returns the file. */
  async snapshot(): Promise<string> {
    const file = join(this.#folder, `snapshot-${randomBytes(6).toString('hex')}`);
    await this.#run('etcdctl', ['--endpoints', this.endpoint, 'snapshot', 'save', file]);
    return file;
  }

  /** Writes that have nothing to do with Herald; each raises etcd's revision. */
  async put(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      await this.#run('etcdctl', ['--endpoints', this.endpoint, 'put', 'other', String(index)]);
    }
  }

  /** A crash without a word, and what is there after it. */
  async comeBack(comeback: Comeback): Promise<void> {
    await this.#process?.stop({ signal: 'SIGKILL' });
    this.#life++;
    const isSame =
      comeback.kind === 'wiped' || ('clusterId' in comeback && comeback.clusterId === 'the same');
    this.#token = isSame ? this.#firstToken : `${this.#firstToken}-${String(this.#life)}`;
    if (comeback.kind === 'restored') await this.#restore(comeback.snapshot);
    await this.#launch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.stop({ signal: 'SIGKILL' });
    await rm(this.#folder, { recursive: true, force: true });
    this.#watch.release();
  }

  get #dataDir(): string {
    return join(this.#folder, `life-${String(this.#life)}`);
  }

  async #restore(snapshot: string): Promise<void> {
    const args = [
      ...['snapshot', 'restore', snapshot, '--data-dir', this.#dataDir, '--name', 'etcd-1'],
      ...['--initial-cluster', `etcd-1=${this.#peerUrl}`],
      ...['--initial-advertise-peer-urls', this.#peerUrl, '--initial-cluster-token', this.#token],
    ];
    const hasUtl = await this.#run('etcdutl', ['version']).then(
      () => true,
      () => false,
    );
    await this.#run(hasUtl ? 'etcdutl' : 'etcdctl', args);
  }

  async #launch(): Promise<void> {
    await mkdir(this.#dataDir, { recursive: true, mode: 0o700 });
    const child = superviseProcess({
      name: 'etcd',
      command: this.#binary,
      args: [
        ...['--name', 'etcd-1', '--data-dir', this.#dataDir, '--log-level', 'error'],
        ...['--listen-client-urls', this.endpoint, '--advertise-client-urls', this.endpoint],
        ...['--listen-peer-urls', this.#peerUrl, '--initial-advertise-peer-urls', this.#peerUrl],
        ...['--initial-cluster', `etcd-1=${this.#peerUrl}`, '--initial-cluster-token', this.#token],
      ],
      env: environment(),
    });
    this.#process = child;
    await waitUntil(
      'etcd to be healthy',
      async () => {
        if (child.exit !== undefined)
          throw new Error(['etcd ended:', ...child.lastLines].join('\n'));
        const response = await fetch(`${this.endpoint}/health`).catch(() => undefined);
        return response?.ok === true;
      },
      { timeoutMs: readyMs },
    );
  }

  /** Runs one of etcd's tools, from beside etcd, to its end. */
  async #run(tool: 'etcdctl' | 'etcdutl', args: readonly string[]): Promise<void> {
    const child = superviseProcess({
      name: tool,
      command: join(dirname(this.#binary), tool),
      args,
      env: { ...environment(), ETCDCTL_API: '3' },
    });
    const { code } = await child.exited;
    if (code === 0) return;
    throw new Error([`${tool} ${args.join(' ')} failed:`, ...child.lastLines].join('\n'));
  }
}

function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^ETCD(CTL)?_/.test(name)),
  );
}
