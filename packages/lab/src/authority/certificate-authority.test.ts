/** What the throw-away authority issues is what TLS and Herald want to see. */
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { test } from 'node:test';
import { parseClusterName, parseNodeId } from '@herald/core';
import { readIdentity, TlsKeeper } from '@herald/wire';
import { CertificateAuthority } from './certificate-authority.ts';
import { CertificateFiles, tlsFlags } from './certificate-files.ts';

test('a certificate names its holder, is signed, and has its key', async () => {
  const authority = await CertificateAuthority.create('test');
  const issued = await authority.issue({
    uris: ['herald://demo/node/n1'],
    hosts: ['127.0.0.1', 'localhost', '::1'],
  });
  const cert = new X509Certificate(issued.cert);
  const ca = new X509Certificate(authority.ca);
  assert.ok(ca.ca && !cert.ca);
  assert.ok(cert.verify(ca.publicKey) && cert.checkIssued(ca));
  assert.ok(cert.checkPrivateKey(createPrivateKey(issued.key)));
  assert.equal(cert.checkIP('127.0.0.1'), '127.0.0.1');
  assert.equal(cert.checkHost('localhost'), 'localhost');
  assert.deepEqual(readIdentity(cert.subjectAltName), {
    kind: 'identity',
    identity: { cluster: 'demo', role: 'node', name: 'n1' },
  });
});

test('two certificates have two serial numbers and two keys', async () => {
  const authority = await CertificateAuthority.create();
  const [a, b] = await Promise.all([authority.issue({}), authority.issue({})]);
  assert.notEqual(a.key, b.key);
  assert.notEqual(
    new X509Certificate(a.cert).serialNumber,
    new X509Certificate(b.cert).serialNumber,
  );
});

test('files: keys are for this user only, and all of it goes', async () => {
  const files = await CertificateFiles.create(parseClusterName('demo'));
  const { files: paths, material } = await files.issue('elector', parseNodeId('a'));
  assert.equal((await stat(paths.key)).mode & 0o077, 0);
  assert.equal((await stat(files.folder)).mode & 0o077, 0);
  assert.deepEqual(new TlsKeeper(material).identity, {
    cluster: 'demo',
    role: 'elector',
    name: 'a',
  });
  assert.ok(tlsFlags(paths).includes(paths.cert));
  await files[Symbol.asyncDispose]();
  await assert.rejects(stat(files.folder), { code: 'ENOENT' });
});
