/** What the throw-away authority issues is what TLS and Herald want to see. */
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { readIdentity } from '@herald/wire';
import { CertificateAuthority } from './certificate-authority.ts';

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

test('an authority goes on with its key, and with no other', async () => {
  const first = await CertificateAuthority.create('test');
  const key = await first.exportKey();
  const again = await CertificateAuthority.restore({ cert: first.ca, key });
  assert.equal(again.ca, first.ca);
  const issued = new X509Certificate((await again.issue({ hosts: ['a'] })).cert);
  assert.ok(issued.verify(new X509Certificate(first.ca).publicKey));
  const other = await (await CertificateAuthority.create('test')).exportKey();
  await assert.rejects(CertificateAuthority.restore({ cert: first.ca, key: other }), /another/);
  await assert.rejects(CertificateAuthority.restore({ cert: first.ca, key: '' }));
});
