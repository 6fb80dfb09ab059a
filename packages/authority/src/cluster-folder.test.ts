/** Everybody finds what is theirs, nothing of it is made without need, and nothing ends unnoticed. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parseClusterName, parseNodeId } from '@herald/core';
import { parseSigningKey, parseTrustedKeys, TlsKeeper } from '@herald/wire';
import { furnish } from './cluster-folder.ts';
import type { FolderOutcome } from './cluster-folder.ts';
import type { ClusterPlan } from './holdings.ts';

const plan: ClusterPlan = {
  cluster: parseClusterName('demo'),
  electors: ['elector-1', 'elector-2'].map((id) => parseNodeId(id)),
  etcd: ['etcd-1'],
};
const dayMs = 24 * 3_600_000;
const validForMs = 90 * dayMs;
const lifetimeOfAuthorityMs = 10 * validForMs;

describe('the folder of a cluster', () => {
  let folder: string;
  const startMs = Date.UTC(2030, 0, 1);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'herald-authority-'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  const run = (afterMs = 0, changed: Partial<ClusterPlan> = {}): Promise<FolderOutcome> =>
    furnish({ folder, plan: { ...plan, ...changed }, validForMs, nowMs: startMs + afterMs });
  const read = (...path: string[]): Promise<string> => readFile(join(folder, ...path), 'utf8');
  const certificate = async (...path: string[]): Promise<X509Certificate> =>
    new X509Certificate(await read(...path));
  const keeper = async (holder: string, nowMs = startMs): Promise<TlsKeeper> => {
    const [ca, cert, key] = await Promise.all(
      ['ca.pem', 'cert.pem', 'cert.key'].map((name) => read(holder, name)),
    );
    return new TlsKeeper({ ca: ca!, cert: cert!, key: key! }, () => nowMs);
  };
  const allFiles = async (): Promise<readonly string[]> => {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  };

  it('has for each party what it is, and for nobody what another is', async () => {
    await run();
    for (const id of ['elector-1', 'elector-2']) {
      assert.deepEqual((await keeper(id)).identity, { cluster: 'demo', role: 'elector', name: id });
      const { keyId } = parseSigningKey(await read(id, 'signing.key'));
      for (const believer of ['elector-1', 'elector-2', 'node', 'client', 'operator']) {
        const trusted = parseTrustedKeys(await read(believer, 'trusted-keys.pem'));
        assert.equal(trusted.length, 2);
        assert.ok(trusted.some((key) => key.keyId === keyId));
      }
    }
    for (const role of ['node', 'client', 'operator']) {
      assert.deepEqual((await keeper(role)).identity, { cluster: 'demo', role });
      const names = ['ca.pem', 'cert.key', 'cert.pem', 'trusted-keys.pem'];
      assert.deepEqual((await readdir(join(folder, role))).sort(), names);
    }
  });

  it('lets into etcd whom etcd’s own authority vouches for, and nobody else', async () => {
    await run();
    const etcd = await certificate('etcd-1', 'ca.pem');
    const server = await certificate('etcd-1', 'cert.pem');
    assert.ok(server.verify(etcd.publicKey));
    assert.equal(server.checkHost('etcd-1'), 'etcd-1');
    assert.equal(server.checkIP('127.0.0.1'), '127.0.0.1');
    assert.equal(server.subject, 'CN=etcd');
    const elector = await certificate('elector-1', 'etcd.pem');
    assert.ok(elector.verify(etcd.publicKey));
    assert.equal(await read('elector-1', 'etcd-ca.pem'), await read('etcd-1', 'ca.pem'));
    assert.equal(elector.subjectAltName, undefined, 'etcd would look host names up');
    assert.notEqual(elector.subject, server.subject, 'an elector is no member of etcd');
    for (const holder of ['elector-1', 'node', 'client', 'operator']) {
      assert.ok(!(await certificate(holder, 'cert.pem')).verify(etcd.publicKey), holder);
    }
  });

  it('keeps private keys from others', async () => {
    await run();
    const files = await allFiles();
    const secret = files.filter((path) => path.endsWith('.key'));
    assert.equal(secret.length, 2 + 2 * 3 + 3 + 1);
    for (const path of secret) assert.equal((await stat(path)).mode & 0o777, 0o600, path);
    for (const path of files) {
      const holdsKey = (await readFile(path, 'utf8')).includes('PRIVATE KEY');
      assert.equal(holdsKey, secret.includes(path), path);
    }
  });

  it('stays as it is when it is asked for again', async () => {
    const { made, kept } = await run();
    assert.deepEqual(kept, []);
    const again = await run(dayMs);
    assert.deepEqual(again.made, []);
    assert.deepEqual([...again.kept].sort(), [...made].sort());
  });

  it('renews certificates in the last third of their lives, by the same authorities', async () => {
    await run();
    const before = await keeper('node');
    const nearlyMs = (validForMs * 2) / 3 - dayMs;
    assert.deepEqual((await run(nearlyMs)).made, []);
    const laterMs = nearlyMs + 2 * dayMs;
    const { made, kept } = await run(laterMs);
    assert.ok(
      made.every((path) => /(cert|etcd)\.(pem|key)$/.test(path)),
      made.join(),
    );
    assert.ok(kept.includes('elector-1/signing.key') && kept.includes('authority/herald.key'));
    const after = await keeper('node', startMs + laterMs);
    assert.equal(after.material.ca, before.material.ca);
    assert.ok(after.expiresAtMs > before.expiresAtMs + dayMs);
  });

  it('has new authorities, and all that is theirs, before one ends', async () => {
    await run();
    const before = await keeper('node');
    const { made, kept } = await run(lifetimeOfAuthorityMs - validForMs + dayMs);
    assert.ok(made.includes('authority/herald.key') && made.includes('etcd-1/ca.pem'));
    assert.deepEqual(
      kept.filter((path) => !/trusted-keys\.pem$|signing\.key$/.test(path)),
      [],
    );
    const after = await keeper('node', startMs + lifetimeOfAuthorityMs - validForMs + dayMs);
    assert.notEqual(after.material.ca, before.material.ca);
  });

  it('mends what was lost or is of no use, and only that', async () => {
    await run();
    await rm(join(folder, 'node', 'cert.key'));
    assert.deepEqual((await run()).made.slice().sort(), ['node/cert.key', 'node/cert.pem']);
    await writeFile(join(folder, 'etcd-1', 'cert.pem'), (await read('node', 'cert.pem')).slice(9));
    assert.deepEqual((await run()).made.slice().sort(), ['etcd-1/cert.key', 'etcd-1/cert.pem']);
    await writeFile(join(folder, 'client', 'cert.pem'), await read('operator', 'cert.pem'));
    await writeFile(join(folder, 'client', 'cert.key'), await read('operator', 'cert.key'));
    assert.deepEqual((await run()).made.slice().sort(), ['client/cert.key', 'client/cert.pem']);
    assert.equal((await keeper('client')).identity.role, 'client');
  });

  it('gives an elector that is new what it needs, and all others its key', async () => {
    await run();
    const electors = [...plan.electors, parseNodeId('elector-3')];
    const { made } = await run(0, { electors });
    const others = made.filter((path) => !path.startsWith('elector-3/'));
    assert.ok(made.includes('elector-3/signing.key'));
    assert.ok(others.every((path) => path.endsWith('/trusted-keys.pem')));
    assert.equal(others.length, 5);
  });
});
