/**
 * Whatever a process says, at the level that says most, and however it is troubled: nothing of a private key, a
 * password or a token is in its log, on its standard error, in an answer over HTTP or in one over gRPC.
 */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { tlsFlags } from '@herald/authority';
import type { TlsFiles } from '@herald/authority';
import { createClient, createOperator, createTrustSet } from '@herald/client';
import { parseClusterName, parseNodeId } from '@herald/core';
import { TemporaryCertificates, waitUntil } from '@herald/lab';
import { generateKeyPair, TlsKeeper } from '@herald/wire';
import { etcdUser, GuardedEtcd } from './support/guarded-etcd.ts';
import { RunningProgram, runProgram } from './support/run-program.ts';
import { patienceMs } from './support/test-cluster.ts';

const cluster = 'no-secrets';
const election = 'payments';
/** What etcd gives for a password (`--auth-token simple`): sixteen letters and a revision. */
const etcdToken = /(?<![A-Za-z])[A-Za-z]{16}\.\d+(?!\d)/;
const wrongPassword = 'wrong-password-of-nobody';

/** Where in `said` a part of a secret is. A quarter of a line of PEM is enough to be one. */
function secretsIn(said: string, secrets: readonly string[]): readonly string[] {
  const parts = secrets.flatMap((secret) =>
    secret
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('-----'))
      .flatMap((line) => (line.length < 32 ? [line] : (line.match(/.{16}/g) ?? []))),
  );
  const found = parts.filter((part) => said.includes(part));
  const [token] = etcdToken.exec(said) ?? [];
  return [
    ...found,
    ...(said.includes('PRIVATE KEY') ? ['PRIVATE KEY'] : []),
    ...(token === undefined ? [] : [token]),
  ];
}

describe('P7, P10: what processes say of their secrets', () => {
  const signing = generateKeyPair();
  let certificates: TemporaryCertificates;
  let etcd: GuardedEtcd;
  let elector: RunningProgram;
  let node: RunningProgram;
  let secrets: readonly string[];
  const issued = new Map<string, TlsFiles>();

  const path = (name: string): string => join(certificates.folder, name);
  const addressOf = (program: RunningProgram, ready: string): string =>
    String(program.logged(ready)[0]?.['address']);

  const commonArgs = (id: string): readonly string[] => {
    const files = issued.get(id);
    assert.ok(files !== undefined);
    return [
      ...['--id', id, '--cluster', cluster, '--log-level', 'trace'],
      ...['--listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'],
      ...[...tlsFlags(files), '--trusted-keys', path('trusted.pem')],
    ];
  };

  const electorArgs = (id: string, passwordFile: string, ...more: string[]): readonly string[] => [
    ...[...commonArgs(id), '--election', election, '--ttl', '10s'],
    ...['--signing-key', path('signing.key'), '--etcd', etcd.endpoint],
    ...['--etcd-ca', etcd.files.ca, '--etcd-cert', etcd.files.cert, '--etcd-key', etcd.files.key],
    ...['--etcd-username', etcdUser.username, '--etcd-password-file', path(passwordFile), ...more],
  ];

  async function start(
    program: 'herald-elector' | 'herald-gossip-node',
    args: readonly string[],
  ): Promise<RunningProgram> {
    const running = await RunningProgram.start({ program, args, env: { HERALD_INSECURE: '' } });
    await running.untilLogged('operations server ready', patienceMs);
    return running;
  }

  before(async () => {
    certificates = await TemporaryCertificates.create(parseClusterName(cluster));
    etcd = await GuardedEtcd.start(certificates);
    await writeFile(path('signing.key'), signing.signingKey, { mode: 0o600 });
    await writeFile(path('trusted.pem'), signing.trustedKey);
    await writeFile(path('password'), `${etcdUser.password}\n`, { mode: 0o600 });
    for (const [role, id] of [
      ['elector', 'elector'],
      ['elector', 'refused'],
      ['node', 'node'],
    ] as const) {
      issued.set(id, (await certificates.issue(role, parseNodeId(id))).files);
    }
    elector = await start('herald-elector', electorArgs('elector', 'password'));
    const seed = addressOf(elector, 'elector ready');
    node = await start('herald-gossip-node', [...commonArgs('node'), '--join', seed]);
    const keyFiles = [etcd.files.key, ...Array.from(issued.values(), ({ key }) => key)];
    const keys = await Promise.all(keyFiles.map((file) => readFile(file, 'utf8')));
    secrets = [...keys, signing.signingKey, etcdUser.password, wrongPassword];
  });

  after(async () => {
    for (const program of [node, elector]) await program[Symbol.asyncDispose]();
    await etcd[Symbol.asyncDispose]();
    await certificates[Symbol.asyncDispose]();
  });

  function assertSaysNoSecret(what: string, said: string): void {
    assert.notEqual(said, '', `${what} says something`);
    assert.deepEqual(secretsIn(said, secrets), [], what);
  }

  it('a secret that is said is found', () => {
    for (const secret of secrets) {
      const line = secret.split('\n').findLast((each) => each !== '' && !each.startsWith('-----'));
      assert.ok(line !== undefined);
      assert.notDeepEqual(secretsIn(`{"msg":"${line}"}`, secrets), []);
    }
    assert.notDeepEqual(secretsIn('{"token":"FKfaoQzGxjMAqbJa.11"}', secrets), []);
    assert.deepEqual(secretsIn('{"msg":"leadership started","epoch":"12"}', secrets), []);
  });

  it('answers over HTTP and gRPC hold none', async () => {
    for (const program of [elector, node]) {
      const url = String(program.logged('operations server ready')[0]?.['url']);
      const described = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: object };
      const paths = Object.keys(described.paths)
        .filter((each) => !each.endsWith('/watch'))
        .map((each) => each.replaceAll(/\{\w+\}/g, election));
      assert.ok(paths.length > 1, paths.join());
      for (const each of new Set([...paths, '/openapi.json', '/metrics', '/readyz', '/livez'])) {
        assertSaysNoSecret(each, await (await fetch(`${url}${each}`)).text());
      }
    }
    const asked = addressOf(elector, 'elector ready');
    const tlsOf = async (role: 'client' | 'operator') =>
      new TlsKeeper((await certificates.issue(role)).material);
    const trustedKeys = createTrustSet({ cluster, trustedKeys: signing.trustedKey });
    await using operator = createOperator({ elector: asked, tls: await tlsOf('operator') });
    await using client = createClient({
      ...{
        seeds: [addressOf(node, 'node ready')],
        election,
        trustedKeys,
        tls: await tlsOf('client'),
      },
    });
    const answers = [
      await operator.status({}),
      await client.getLeader({ verify: true, timeoutMs: patienceMs }),
      await client.listMembers({ timeoutMs: patienceMs }),
    ];
    const told = answers.map((answer) =>
      JSON.stringify(answer, (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      ),
    );
    assertSaysNoSecret('answers over gRPC', told.join('\n'));
  });

  it('an elector whose password etcd refuses says so, and not which', async () => {
    await writeFile(path('wrong-password'), `${wrongPassword}\n`, { mode: 0o600 });
    const { exitCode, stdout, stderr } = await runProgram({
      program: 'herald-elector',
      env: { HERALD_INSECURE: '' },
      args: electorArgs('refused', 'wrong-password', '--etcd-wait', '2s'),
    });
    assert.equal(exitCode, 3, stderr);
    assert.match(stderr, /authentication failed/);
    assertSaysNoSecret('what it said', `${stdout}\n${stderr}`);
  });

  it('logs hold none, also of files that are no good, and at the end', async () => {
    // A private key where public ones belong, a signing key cut short, a password of two lines.
    await writeFile(path('trusted.pem'), signing.signingKey);
    await writeFile(path('signing.key'), signing.signingKey.slice(0, -40));
    await writeFile(path('password'), `${etcdUser.password}\n${wrongPassword}\n`);
    for (const program of [elector, node]) {
      process.kill(program.process.pid, 'SIGHUP');
      await waitUntil(
        `${program.process.name} to refuse the files`,
        async () => (await refusedReloads(program)) > 0,
        { timeoutMs: patienceMs },
      );
    }
    for (const program of [node, elector]) {
      await program.process.stop();
      const { name } = program.process;
      assert.match(program.stdout, /"level":"debug"/, `${name} says more than it would unasked`);
      assertSaysNoSecret(`the log of ${name}`, `${program.stdout}\n${program.stderr}`);
    }
  });
});

async function refusedReloads(program: RunningProgram): Promise<number> {
  const url = String(program.logged('operations server ready')[0]?.['url']);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const counts = metrics.matchAll(/^herald_reloads_total\{[^}]*outcome="refused"\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
