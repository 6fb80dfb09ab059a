/**
 * An etcd that wants to know who calls: TLS with client certificates, users with passwords, and tokens
 * that it forgets soon. Decides who its users are: root, and one that may use the keys of Herald.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { superviseProcess, takeFreePorts, waitUntil } from '@herald/lab';
import type { CertificateFiles, TlsFiles } from '@herald/authority';
import type { SupervisedProcess } from '@herald/lab';
import { patienceMs } from './test-cluster.ts';

const execFileAsync = promisify(execFile);

const host = '127.0.0.1';
/** Short, so that tokens end while a test runs. */
const tokenTtlSeconds = 2;
/** The least: etcd's own choice keeps a core busy for a tenth of a second at each authentication. */
const bcryptCost = 4;

export const etcdUser = { username: 'herald', password: 'not-a-secret:äöü' };
const rootPassword = 'root-password';

export class GuardedEtcd implements AsyncDisposable {
  readonly endpoint: string;
  /** What a client of it needs. */
  readonly files: TlsFiles;
  readonly #process: SupervisedProcess;
  readonly #folder: string;

  private constructor(
    endpoint: string,
    files: TlsFiles,
    process: SupervisedProcess,
    folder: string,
  ) {
    this.endpoint = endpoint;
    this.files = files;
    this.#process = process;
    this.#folder = folder;
  }

  static async start(certificates: CertificateFiles): Promise<GuardedEtcd> {
    const folder = await mkdtemp(join(tmpdir(), 'herald-guarded-etcd-'));
    const [port = 0, peerPort = 0] = await takeFreePorts(2, host);
    const endpoint = `https://${host}:${String(port)}`;
    const peer = `http://${host}:${String(peerPort)}`;
    const own = await certificates.write('etcd', { hosts: [host, 'localhost'] });
    const client = await certificates.write('etcd-client', { hosts: ['herald'] });
    const etcd = superviseProcess({
      name: 'etcd',
      command: 'etcd',
      args: [
        ...['--data-dir', join(folder, 'data'), '--log-level', 'error'],
        ...['--listen-client-urls', endpoint, '--advertise-client-urls', endpoint],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ...['--initial-cluster', `default=${peer}`],
        ...['--cert-file', own.files.cert, '--key-file', own.files.key],
        ...['--client-cert-auth', '--trusted-ca-file', own.files.ca],
        ...['--auth-token', 'simple', '--auth-token-ttl', String(tokenTtlSeconds)],
        ...['--bcrypt-cost', String(bcryptCost)],
      ],
    });
    const guarded = new GuardedEtcd(endpoint, client.files, etcd, folder);
    await waitUntil('etcd to answer', () => guarded.#answers(), { timeoutMs: patienceMs });
    await guarded.#setUpUsers();
    return guarded;
  }

  /** The same password again: etcd forgets all tokens of the user. */
  async forgetTokens(): Promise<void> {
    const root = ['--user', `root:${rootPassword}`];
    await this.#run([...root, 'user', 'passwd', '--interactive=false', etcdUser.username]);
  }

  async #setUpUsers(): Promise<void> {
    const { username, password } = etcdUser;
    await this.#run(['user', 'add', 'root', `--new-user-password=${rootPassword}`]);
    await this.#run(['user', 'add', username, `--new-user-password=${password}`]);
    await this.#run(['role', 'add', 'elector']);
    const permission = ['--prefix=true', 'elector', 'readwrite', 'herald/'];
    await this.#run(['role', 'grant-permission', ...permission]);
    await this.#run(['user', 'grant-role', username, 'elector']);
    await this.#run(['auth', 'enable']);
  }

  async #answers(): Promise<boolean> {
    try {
      await this.#run(['endpoint', 'health']);
      return true;
    } catch (error) {
      if (this.#process.exit !== undefined) throw error;
      return false;
    }
  }

  /** The password is what `user passwd` reads; the others read nothing. */
  async #run(args: readonly string[]): Promise<void> {
    const { ca, cert, key } = this.files;
    const tls = ['--endpoints', this.endpoint, '--cacert', ca, '--cert', cert, '--key', key];
    const env = { PATH: process.env['PATH'], ETCDCTL_API: '3' };
    const running = execFileAsync('etcdctl', [...tls, ...args], { env });
    running.child.stdin?.end(`${etcdUser.password}\n`);
    await running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop({ signal: 'SIGKILL' });
    await rm(this.#folder, { recursive: true, force: true });
  }
}
