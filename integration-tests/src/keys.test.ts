/**
 * P7: keys are rotated in real processes while a client looks on: nothing is refused on the way, and afterwards
 * what the old key signs is worth nothing.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { tlsFlags } from '@herald/authority';
import type { Issued } from '@herald/authority';
import { createClient, createOperator, createTrustSet } from '@herald/client';
import { parseAddress, parseClusterName, parseElectionName, parseNodeId } from '@herald/core';
import { startEtcd, TemporaryCertificates, waitUntil } from '@herald/lab';
import type { EtcdCluster } from '@herald/lab';
import { createMember } from '@herald/member';
import { createRecordSigner, generateKeyPair, TlsKeeper } from '@herald/wire';
import type { KeyPairPem, PeerRole } from '@herald/wire';
import { RunningProgram } from './support/run-program.ts';
import { patienceMs } from './support/test-cluster.ts';

const peerRoles = ['elector', 'node', 'client', 'operator'] as const;
/** Nothing in the environment says `--insecure`. */
const noInsecure = { HERALD_INSECURE: '' };
const cluster = parseClusterName('keys');
const election = parseElectionName('payments');
const prefix = `herald-test/keys-${process.pid}`;
const [first, old, fresh] = [generateKeyPair(), generateKeyPair(), generateKeyPair()];

function trusted(...keys: readonly KeyPairPem[]): string {
  return keys.map(({ trustedKey }) => trustedKey).join('');
}

describe('P7: a rotation of keys', () => {
  let etcd: EtcdCluster;
  let folder: string;
  let certificates: TemporaryCertificates;
  const issued = new Map<PeerRole, Issued>();

  before(async () => {
    etcd = await startEtcd();
    folder = await mkdtemp(join(tmpdir(), 'herald-keys-'));
    certificates = await TemporaryCertificates.create(cluster);
    for (const role of peerRoles) issued.set(role, await certificates.issue(role));
  });

  after(async () => {
    await etcd.stop();
    await rm(folder, { recursive: true });
    await certificates[Symbol.asyncDispose]();
  });

  const path = (name: string): string => join(folder, name);

  /** What a party of this role shows. */
  function asRole(role: PeerRole): Issued & { readonly keeper: TlsKeeper } {
    const own = issued.get(role);
    assert.ok(own !== undefined);
    return { ...own, keeper: new TlsKeeper(own.material) };
  }

  /** As a deployment does it: never a half-written file under the name. */
  async function replace(name: string, contents: string): Promise<void> {
    await writeFile(path(`${name}.next`), contents, { mode: 0o600 });
    await rename(path(`${name}.next`), path(name));
  }

  async function startElector(id: string, join: readonly string[] = []): Promise<RunningProgram> {
    const elector = await RunningProgram.start({
      program: 'herald-elector',
      env: noInsecure,
      args: [
        ...tlsFlags(asRole('elector').files),
        ...['--id', id, '--cluster', cluster, '--election', election, '--listen', '127.0.0.1:0'],
        ...['--prefix', prefix, '--ttl', '3s', '--ops-listen', '127.0.0.1:0'],
        ...['--signing-key', path(`${id}.key`), '--trusted-keys', path('trusted.pem')],
        ...etcd.endpoints.flatMap((url) => ['--etcd', url]),
        ...join.flatMap((address) => ['--join', address]),
      ],
    });
    await elector.untilLogged('elector ready', patienceMs);
    return elector;
  }

  async function startNode(address: string): Promise<RunningProgram> {
    const node = await RunningProgram.start({
      program: 'herald-gossip-node',
      env: noInsecure,
      args: [
        ...tlsFlags(asRole('node').files),
        ...['--id', 'node', '--cluster', cluster, '--listen', '127.0.0.1:0', '--join', address],
        ...['--ops-listen', '127.0.0.1:0', '--trusted-keys', path('trusted.pem')],
      ],
    });
    await node.untilLogged('operations server ready', patienceMs);
    return node;
  }

  /** Has it read its files, and waits until it says what is in force. */
  async function hangUp(program: RunningProgram, isInForce: (line: object) => boolean) {
    process.kill(program.process.pid, 'SIGHUP');
    await waitUntil(
      `${program.process.name} to put its keys into force`,
      () => program.logged('keys in force').some(isInForce),
      { timeoutMs: patienceMs },
    );
  }

  const trusts =
    (...keys: readonly KeyPairPem[]) =>
    (line: object): boolean =>
      'trustedKeyIds' in line &&
      JSON.stringify(line.trustedKeyIds) === JSON.stringify(keys.map(({ keyId }) => keyId));

  async function refusals(program: RunningProgram): Promise<readonly string[]> {
    const { url } = await program.untilLogged('operations server ready', patienceMs);
    const metrics = await (await fetch(`${String(url)}/metrics`)).text();
    return metrics.split('\n').filter((line) => /^herald_\w+_records_refused_total\{/.test(line));
  }

  it('goes unnoticed, and the old key is worth nothing afterwards', async () => {
    await replace('trusted.pem', trusted(first, old));
    await replace('a.key', first.signingKey);
    await replace('b.key', old.signingKey);
    await using a = await startElector('a');
    await a.untilLogged('leadership started', patienceMs);
    const addressOfA = String((await a.untilLogged('elector ready', patienceMs))['address']);
    await using b = await startElector('b', [addressOfA]);
    await using node = await startNode(addressOfA);
    const nodeAddress = String((await node.untilLogged('node ready', patienceMs))['address']);
    const all = [a, b, node];

    const trust = createTrustSet({ cluster, trustedKeys: trusted(first, old) });
    await using client = createClient({
      ...{
        seeds: [nodeAddress],
        election,
        trustedKeys: trust,
        cacheMs: 0,
        tls: asRole('client').keeper,
      },
    });
    assert.equal((await client.getLeader({ timeoutMs: patienceMs })).leaderId, 'a');

    // Everybody trusts the new key, b signs with it and leads, and nobody trusts the old one.
    await replace('trusted.pem', trusted(first, old, fresh));
    for (const program of all) await hangUp(program, trusts(first, old, fresh));
    trust.replace(trusted(first, old, fresh));
    await replace('b.key', fresh.signingKey);
    await hangUp(b, (line) => 'signingKeyId' in line && line.signingKeyId === fresh.keyId);
    const before = await client.getLeader({ timeoutMs: patienceMs });
    await using operator = createOperator({
      ...{ elector: addressOfA, trustedKeys: trust, tls: asRole('operator').keeper },
    });
    await operator.stepDown({ election, reason: 'rotation' });
    const next = await client.getLeader({ minEpoch: before.epoch + 1n, timeoutMs: patienceMs });
    assert.equal(next.leaderId, 'b');
    await replace('trusted.pem', trusted(first, fresh));
    for (const program of all) await hangUp(program, trusts(first, fresh));
    trust.replace(trusted(first, fresh));
    const last = await client.getLeader({ verify: true, timeoutMs: patienceMs });
    assert.ok(last.epoch >= next.epoch, 'nothing was lost with the old key');
    for (const program of all) {
      const lines = await refusals(program);
      assert.equal(lines.length, 3);
      assert.deepEqual(
        lines.filter((line) => !line.endsWith(' 0')),
        [],
        program.process.name,
      );
    }
    assert.equal(client.stats().untrusted, 0);

    // Somebody has kept the old key.
    await using thief = await createMember({
      ...{ cluster, nodeId: parseNodeId('thief'), role: 'elector' },
      ...{ listen: { host: '127.0.0.1', port: 0 }, seeds: [parseAddress(nodeAddress)] },
      signer: createRecordSigner({ cluster, signingKey: old.signingKey }),
      tls: asRole('elector').keeper,
    });
    await waitUntil('a link of the thief', () => thief.links().length > 0, {
      timeoutMs: patienceMs,
    });
    thief.publish({
      ...{ kind: 'vacancy', election, issuer: parseNodeId('b') },
      version: { lineage: 0, epoch: 2n ** 60n, sequence: 2n ** 60n, renewal: 0 },
    });
    await waitUntil(
      'the refusal',
      async () => (await refusals(node)).some((line) => /unknown-key"\} [1-9]/.test(line)),
      { timeoutMs: patienceMs },
    );
    const still = await client.getLeader({ timeoutMs: patienceMs });
    assert.ok(still.epoch < 2n ** 60n);
  });
});
