/**
 * P10 with real processes: a cluster whose every party has a certificate, over an etcd that wants one as
 * well, and a user. What operators see when something does not fit, and what they can replace meanwhile.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CertificateAuthority, tlsFlags } from '@herald/authority';
import type { TlsFiles } from '@herald/authority';
import { createClient, createOperator, createTrustSet, HeraldClientError } from '@herald/client';
import type { ClientOptions } from '@herald/client';
import { parseClusterName, parseNodeId } from '@herald/core';
import { TemporaryCertificates, waitUntil } from '@herald/lab';
import { generateKeyPair, TlsKeeper } from '@herald/wire';
import { etcdUser, GuardedEtcd } from './support/guarded-etcd.ts';
import { RunningProgram, runProgram } from './support/run-program.ts';
import type { Program } from './support/run-program.ts';
import { patienceMs } from './support/test-cluster.ts';

const cluster = 'tls-processes';
const election = 'payments';

/** Nothing of ours in the environment says `--insecure`. */
const env = { HERALD_INSECURE: '' };

let certificates: TemporaryCertificates;
let etcd: GuardedEtcd;
let trustedKeys: string;
let trustedFile: string;
let passwordFile: string;
const programs: RunningProgram[] = [];
const electors: RunningProgram[] = [];
let node: RunningProgram;
let nodeAddress: string;

async function start(program: Program, args: readonly string[], ready: string) {
  const running = await RunningProgram.start({ program, args, env });
  programs.push(running);
  await waitUntil(
    `"${ready}" of ${program}`,
    () => {
      const { exit } = running.process;
      assert.equal(exit, undefined, `${program} ended: ${running.stderr}`);
      return running.logged(ready).length > 0;
    },
    { timeoutMs: patienceMs },
  );
  return running;
}

async function startElector(id: string, join: readonly string[]): Promise<RunningProgram> {
  const { signingKey, trustedKey } = generateKeyPair();
  trustedKeys += trustedKey;
  await writeFile(trustedFile, trustedKeys);
  const signingFile = joinPath(`${id}-signing.key`);
  await writeFile(signingFile, signingKey);
  const own = await certificates.issue('elector', parseNodeId(id));
  const { ca, cert, key } = etcd.files;
  const elector = await start(
    'herald-elector',
    [
      ...['--id', id, '--cluster', cluster, '--election', election, '--listen', '127.0.0.1:0'],
      ...['--ttl', '4s', ...join.flatMap((address) => ['--join', address])],
      ...[...tlsFlags(own.files), '--signing-key', signingFile, '--trusted-keys', trustedFile],
      ...['--etcd', etcd.endpoint, '--etcd-ca', ca, '--etcd-cert', cert, '--etcd-key', key],
      ...['--etcd-username', etcdUser.username, '--etcd-password-file', passwordFile],
    ],
    'elector ready',
  );
  electors.push(elector);
  return elector;
}

function joinPath(name: string): string {
  return join(certificates.folder, name);
}

function addressOf(program: RunningProgram, message: string): string {
  return String(program.logged(message)[0]?.['address']);
}

function clientOptions(files: { readonly tls: TlsKeeper }): ClientOptions {
  return {
    seeds: [nodeAddress],
    election,
    tls: files.tls,
    trustedKeys: createTrustSet({ cluster, trustedKeys }),
  };
}

function herald(args: readonly string[], files: TlsFiles, variables = env) {
  return runProgram({ program: 'herald', args: [...args, ...tlsFlags(files)], env: variables });
}

before(async () => {
  certificates = await TemporaryCertificates.create(parseClusterName(cluster));
  etcd = await GuardedEtcd.start(certificates);
  trustedKeys = '';
  trustedFile = joinPath('trusted.pem');
  passwordFile = joinPath('etcd-password');
  await writeFile(passwordFile, `${etcdUser.password}\n`);
  const elector = await startElector('elector-a', []);
  const electorAddress = addressOf(elector, 'elector ready');
  // Keys are known to all before anybody signs with them, as in a rotation done in order.
  const second = await startElector('elector-b', [electorAddress]);
  for (const each of [elector, second]) each.process.signal('SIGHUP');
  const own = await certificates.issue('node', parseNodeId('node-1'));
  const trust = ['--trusted-keys', trustedFile];
  node = await start(
    'herald-gossip-node',
    [
      ...['--cluster', cluster, '--id', 'node-1', '--listen', '127.0.0.1:0'],
      ...['--join', electorAddress, '--ops-listen', '127.0.0.1:0'],
      ...[...tlsFlags(own.files), ...trust],
    ],
    'operations server ready',
  );
  nodeAddress = addressOf(node, 'node ready');
});

after(async () => {
  for (const program of programs) await program[Symbol.asyncDispose]();
  await etcd[Symbol.asyncDispose]();
  await certificates[Symbol.asyncDispose]();
});

describe('P10: a cluster in which everybody has a certificate', () => {
  it('answers a client with a certificate of a client, confirmed by the elector', async () => {
    const { material } = await certificates.issue('client');
    await using client = createClient(clientOptions({ tls: new TlsKeeper(material) }));
    const leader = await client.getLeader({ verify: true, timeoutMs: patienceMs });
    assert.match(leader.leaderId, /^elector-[ab]$/);
  });

  it('answers herald with one, and takes the cluster of the trusted keys from it', async () => {
    const { files } = await certificates.issue('client');
    const args = ['leader', '-j', nodeAddress, '-e', election, '--verify'];
    const outcome = await herald([...args, '--trusted-keys', trustedFile], files);
    assert.equal(outcome.exitCode, 0, outcome.stderr);
    assert.match(outcome.stdout, /elector-[ab]/);
  });

  it('lets an operator end a leadership, and nobody else: PERMISSION_DENIED says what is needed', async () => {
    const client = await certificates.issue('client');
    const operator = await certificates.issue('operator');
    const stepDowns = (files: TlsFiles) =>
      Promise.all(
        electors.map((elector) => {
          const address = addressOf(elector, 'elector ready');
          return herald(['step-down', '--elector', address, '-e', election], files);
        }),
      );
    for (const { exitCode, stderr } of await stepDowns(client.files)) {
      assert.equal(exitCode, 1);
      assert.match(
        stderr,
        /REJECTED: .*PERMISSION_DENIED: StepDown: a certificate of role operator/,
      );
      assert.match(stderr, /this one is herald:\/\/tls-processes\/client/);
    }
    const ended = await stepDowns(operator.files);
    assert.ok(
      ended.some(({ exitCode }) => exitCode === 0),
      ended.map(({ stderr }) => stderr).join(),
    );
  });

  it('goes on when etcd has forgotten all tokens: same leader, and a successor when it goes', async () => {
    const { material } = await certificates.issue('client');
    await using client = createClient(clientOptions({ tls: new TlsKeeper(material) }));
    const before = await client.getLeader({ timeoutMs: patienceMs });
    await etcd.forgetTokens();
    // Several renewals later it still leads, by a record that was issued since.
    await waitUntil(
      'renewals with new tokens',
      async () => {
        const now = await client.getLeader({ timeoutMs: patienceMs, maxAgeMs: 3_000 });
        assert.equal(now.epoch, before.epoch);
        return now.version.renewal > before.version.renewal + 2;
      },
      { timeoutMs: patienceMs },
    );
    await etcd.forgetTokens();
    const { material: operatorMaterial } = await certificates.issue('operator');
    const leading = electors.find(
      (elector) => elector.logged('elector ready')[0]?.['electorId'] === before.leaderId,
    );
    assert.ok(leading !== undefined);
    await using operator = createOperator({
      elector: addressOf(leading, 'elector ready'),
      tls: operatorMaterial,
    });
    assert.ok((await operator.stepDown({ election })).steppedDown);
    const next = await client.getLeader({ minEpoch: before.epoch + 1n, timeoutMs: patienceMs });
    assert.notEqual(next.leaderId, before.leaderId);
  });

  it('takes replaced certificates while links stay, and refuses what does not fit', async () => {
    const { url } = node.logged('operations server ready')[0] ?? {};
    const metric = async (pattern: RegExp): Promise<number> => {
      const text = await (await fetch(`${String(url)}/metrics`)).text();
      return Number(pattern.exec(text)?.[1] ?? NaN);
    };
    const links = /^herald_node_links\{direction="outbound"\} (\d+)$/m;
    const expiry = /^herald_tls_certificate_expiry_seconds (\d+)/m;
    const replaced = /^herald_reloads_total\{what="certificates",outcome="replaced"\} (\d+)$/m;
    const refused = /^herald_reloads_total\{what="certificates",outcome="refused"\} (\d+)$/m;
    await waitUntil('a link', async () => (await metric(links)) >= 1, { timeoutMs: patienceMs });
    const expiresAtMs = Date.now() + 3_600_000;
    const uris = [`herald://${cluster}/node/node-1`];
    await certificates.write('node-node-1', { uris, expiresAtMs });
    node.process.signal('SIGHUP');
    await waitUntil('the new certificate', async () => (await metric(replaced)) >= 1, {
      timeoutMs: patienceMs,
    });
    assert.ok(Math.abs((await metric(expiry)) - expiresAtMs / 1_000) <= 1);
    assert.ok((await metric(links)) >= 1);

    await certificates.write('node-node-1', { uris: [`herald://${cluster}/node/other`] });
    node.process.signal('SIGHUP');
    await waitUntil('the refusal', async () => (await metric(refused)) >= 1, {
      timeoutMs: patienceMs,
    });
    assert.ok(node.stdout.includes('certificates: the old stay in force'));
    const { material } = await certificates.issue('client');
    await using client = createClient(clientOptions({ tls: new TlsKeeper(material) }));
    await client.listMembers({ timeoutMs: patienceMs });
  });
});

describe('what does not fit is told with the fix', () => {
  const leader = (): readonly string[] => [
    ...['leader', '-j', nodeAddress, '-e', election, '-t', '10s'],
    ...['--trusted-keys', trustedFile, '--cluster', cluster],
  ];

  it('herald without certificates, and with both', async () => {
    const nothing = await runProgram({ program: 'herald', args: leader(), env });
    assert.equal(nothing.exitCode, 2);
    assert.match(
      nothing.stderr,
      /--tls-cert, --tls-key, --tls-ca: are required; .*README.*--insecure/,
    );
    const { files } = await certificates.issue('client');
    const both = await herald([...leader(), '--insecure'], files);
    assert.equal(both.exitCode, 2);
    assert.match(
      both.stderr,
      /--insecure: cannot be combined with --tls-cert, --tls-key, --tls-ca/,
    );
  });

  it('herald in plain text against TLS', async () => {
    const args = ['members', '-j', nodeAddress, '-t', '10s', '--insecure'];
    const outcome = await runProgram({ program: 'herald', args, env });
    assert.equal(outcome.exitCode, 3);
    assert.match(outcome.stderr, /UNREACHABLE: .*speaks TLS while we do not \(--insecure\)/);
  });

  it('herald with TLS against plain text', async () => {
    const plain = await start(
      'herald-gossip-node',
      ['--insecure', '--cluster', cluster, '--id', 'plain', '--listen', '127.0.0.1:0'],
      'node ready',
    );
    assert.equal(
      plain.logged('--insecure: links are in plain text, and anybody who reaches them is believed')
        .length,
      1,
    );
    const { files } = await certificates.issue('client');
    const address = addressOf(plain, 'node ready');
    const outcome = await herald(['members', '-j', address, '-t', '10s'], files);
    assert.equal(outcome.exitCode, 3);
    assert.match(outcome.stderr, /UNREACHABLE: .*does not speak TLS: .*--insecure/);
  });

  it('a certificate of another authority, here or there', async () => {
    await using foreign = await TemporaryCertificates.create(parseClusterName(cluster));
    const theirs = await foreign.issue('client');
    const untrusting = await herald(['members', '-j', nodeAddress, '-t', '10s'], theirs.files);
    assert.equal(untrusting.exitCode, 3);
    assert.match(
      untrusting.stderr,
      /not signed by an authority that we trust \(tls\.ca, --tls-ca\)/,
    );
    // Trusts both, so that only the node objects.
    const both = joinPath('both.pem');
    await writeFile(both, theirs.material.ca + certificates.authority.ca);
    const untrusted = await herald(['members', '-j', nodeAddress, '-t', '10s'], {
      ...theirs.files,
      ca: both,
    });
    assert.equal(untrusted.exitCode, 3);
    assert.match(untrusted.stderr, /it refuses our certificate \(its log says why\)/);
    await waitUntil('its word', () => node.stdout.includes('"reason":"untrusted"'), {
      timeoutMs: patienceMs,
    });
  });

  it('a certificate that has expired, or of another cluster', async () => {
    const late = await certificates.write('late', {
      uris: [`herald://${cluster}/client`],
      expiresAtMs: Date.now() - 1_000,
    });
    const expired = await herald(['members', '-j', nodeAddress], late.files);
    assert.equal(expired.exitCode, 2);
    assert.match(expired.stderr, /cert: expired on .*; issue a new one/);
    const stray = await certificates.write('stray', { uris: ['herald://elsewhere/client'] });
    const elsewhere = await herald(['members', '-j', nodeAddress, '-t', '10s'], stray.files);
    assert.equal(elsewhere.exitCode, 3);
    assert.match(elsewhere.stderr, /not that of a member of our cluster/);
  });

  it('a process with the certificate of another, or of no authority of its own', async () => {
    const { files } = await certificates.issue('node', parseNodeId('node-7'));
    const flags = ['--cluster', cluster, '--listen', '127.0.0.1:0', '--trusted-keys', trustedFile];
    const args = [...flags, '--id', 'node-8', ...tlsFlags(files)];
    const other = await runProgram({ program: 'herald-gossip-node', args, env });
    assert.equal(other.exitCode, 2);
    assert.match(other.stderr, /--tls-cert: .*node\/node-7, but this is .*node\/node-8/);
    const foreign = joinPath('foreign-ca.pem');
    await writeFile(foreign, (await CertificateAuthority.create()).ca);
    const alone = await runProgram({
      program: 'herald-gossip-node',
      args: [...flags, '--id', 'node-7', ...tlsFlags({ ...files, ca: foreign })],
      env,
    });
    assert.equal(alone.exitCode, 2);
    assert.match(alone.stderr, /cert: its issuer "CN=Herald throw-away authority" is not among/);
  });

  it('the SDK: neither tls nor insecure, both, and contents that are none', () => {
    const base = { seeds: ['127.0.0.1:1'], election };
    for (const [options, pattern] of [
      [{}, /^trustedKeys: are required/],
      [{ trustedKeys: createTrustSet({ cluster, trustedKeys }) }, /^tls: is required/],
      [
        { insecure: true, tls: { ca: '', cert: '', key: '' } },
        /^insecure: cannot be true when tls/,
      ],
      [
        {
          trustedKeys: createTrustSet({ cluster, trustedKeys }),
          tls: { ca: '', cert: '', key: '' },
        },
        /^tls\.ca: must hold a certificate in PEM/,
      ],
    ] as const) {
      assert.throws(
        () => createClient({ ...base, ...options }),
        (error) => {
          assert.ok(error instanceof HeraldClientError);
          assert.equal(error.code, 'INVALID_ARGUMENT');
          assert.match(error.message, pattern);
          return true;
        },
      );
    }
  });
});
