/**
 * An elector and a node as real processes, with certificates and signing keys of their own, and an operator's
 * hands: files that are replaced, SIGHUP, the `herald` command. Decides where the files lie.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tlsFlags } from '@herald/authority';
import type { Issued } from '@herald/authority';
import { createOperator } from '@herald/client';
import { parseClusterName } from '@herald/core';
import type { ClusterName } from '@herald/core';
import { startEtcd, TemporaryCertificates, waitUntil } from '@herald/lab';
import type { EtcdCluster } from '@herald/lab';
import { TlsKeeper } from '@herald/wire';
import type { ElectionStatus, KeyPairPem, PeerRole, RecordObjection } from '@herald/wire';
import { RunningProgram, runProgram } from './run-program.ts';
import type { Outcome } from './run-program.ts';
import { patienceMs } from './test-cluster.ts';

const roles = ['elector', 'node', 'client', 'operator'] as const;
/** Nothing in the environment says `--insecure`. */
const env = { HERALD_INSECURE: '' };

export class SignedCluster implements AsyncDisposable {
  readonly name: ClusterName;
  readonly election: string;
  readonly #folder: string;
  readonly #certificates: TemporaryCertificates;
  readonly #issued = new Map<PeerRole, Issued>();
  readonly #etcd: EtcdCluster;
  readonly #programs: RunningProgram[] = [];

  private constructor(
    name: ClusterName,
    election: string,
    folder: string,
    certificates: TemporaryCertificates,
    etcd: EtcdCluster,
  ) {
    this.name = name;
    this.election = election;
    this.#folder = folder;
    this.#certificates = certificates;
    this.#etcd = etcd;
  }

  /** The elector `a` signs with `key`, and all trust it alone. */
  static async start(name: string, election: string, key: KeyPairPem): Promise<SignedCluster> {
    const cluster = parseClusterName(name);
    const folder = await mkdtemp(join(tmpdir(), 'herald-signed-'));
    const certificates = await TemporaryCertificates.create(cluster);
    const started = new SignedCluster(cluster, election, folder, certificates, await startEtcd());
    try {
      for (const role of roles) started.#issued.set(role, await certificates.issue(role));
      await started.giveKeys(key);
      await started.#startElector();
      await started.#startNode();
      return started;
    } catch (error) {
      await started[Symbol.asyncDispose]();
      throw error;
    }
  }

  get elector(): RunningProgram {
    return this.#program('herald-elector');
  }

  get node(): RunningProgram {
    return this.#program('herald-gossip-node');
  }

  get trustedKeysFile(): string {
    return join(this.#folder, 'trusted.pem');
  }

  get addresses(): { readonly elector: string; readonly node: string } {
    return {
      elector: String(this.elector.logged('elector ready')[0]?.['address']),
      node: String(this.node.logged('node ready')[0]?.['address']),
    };
  }

  /** What a party of this role shows. */
  keeper(role: PeerRole): TlsKeeper {
    return new TlsKeeper(this.#of(role).material);
  }

  /** Writes the elector's key, and that as the only trusted one: as a deployment does, never half a file. */
  async giveKeys({ signingKey, trustedKey }: KeyPairPem): Promise<void> {
    for (const [name, contents] of [
      ['trusted.pem', trustedKey],
      ['signing.key', signingKey],
    ] as const) {
      const path = join(this.#folder, name);
      await writeFile(`${path}.next`, contents, { mode: 0o600 });
      await rename(`${path}.next`, path);
    }
  }

  /** Has the processes read their keys again, and waits until this one alone is trusted. */
  async hangUp({ keyId }: KeyPairPem): Promise<void> {
    for (const program of [this.elector, this.node]) {
      process.kill(program.process.pid, 'SIGHUP');
      await waitUntil(
        `${program.process.name} to put its keys into force`,
        () => {
          const last = program.logged('keys in force').at(-1);
          return JSON.stringify(last?.['trustedKeyIds']) === JSON.stringify([keyId]);
        },
        { timeoutMs: patienceMs },
      );
    }
  }

  /** What the elector says of the election. */
  async status(): Promise<ElectionStatus> {
    await using operator = createOperator({
      ...{ elector: this.addresses.elector, tls: this.keeper('operator') },
    });
    const [status] = (await operator.status({ election: this.election })).elections;
    assert.ok(status !== undefined);
    return status;
  }

  /** The command as an operator types it. */
  herald(...args: readonly string[]): Promise<Outcome> {
    const flags = tlsFlags(this.#of('operator').files);
    return runProgram({ program: 'herald', args: [...args, ...flags], env });
  }

  metrics(program: RunningProgram): Promise<string> {
    const url = String(program.logged('operations server ready')[0]?.['url']);
    return fetch(`${url}/metrics`).then((response) => response.text());
  }

  /** How many records that program has refused for this reason. */
  async refused(program: RunningProgram, reason: RecordObjection): Promise<number> {
    const metrics = await this.metrics(program);
    return Number(
      new RegExp(`records_refused_total\\{reason="${reason}"\\} (\\d+)`).exec(metrics)?.[1],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#programs.map((program) => program[Symbol.asyncDispose]()));
    await this.#etcd.stop();
    await this.#certificates[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #startElector(): Promise<void> {
    await this.#start(
      'herald-elector',
      [
        ...['--id', 'a', '--election', this.election, '--ttl', '10s'],
        ...['--prefix', `herald-test/${this.name}-${String(process.pid)}`],
        ...['--signing-key', join(this.#folder, 'signing.key')],
        ...this.#etcd.endpoints.flatMap((url) => ['--etcd', url]),
      ],
      'elector',
    );
    await this.elector.untilLogged('leadership started', patienceMs);
  }

  async #startNode(): Promise<void> {
    const address = String(this.elector.logged('elector ready')[0]?.['address']);
    await this.#start('herald-gossip-node', ['--id', 'node', '--join', address], 'node');
  }

  async #start(
    program: 'herald-elector' | 'herald-gossip-node',
    args: readonly string[],
    role: PeerRole,
  ): Promise<void> {
    const common = [
      '--cluster',
      this.name,
      '--listen',
      '127.0.0.1:0',
      '--ops-listen',
      '127.0.0.1:0',
    ];
    const security = ['--trusted-keys', this.trustedKeysFile, ...tlsFlags(this.#of(role).files)];
    const running = await RunningProgram.start({
      ...{ program, env, args: [...args, ...common, ...security] },
    });
    this.#programs.push(running);
    await running.untilLogged('operations server ready', patienceMs);
  }

  #program(name: string): RunningProgram {
    const program = this.#programs.find((each) => each.process.name === name);
    assert.ok(program !== undefined, `${name} was started`);
    return program;
  }

  #of(role: PeerRole): Issued {
    const issued = this.#issued.get(role);
    assert.ok(issued !== undefined);
    return issued;
  }
}
