/** Keys of a lab are for its user only, and go with it. */
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { test } from 'node:test';
import { tlsFlags } from '@herald/authority';
import { parseClusterName, parseNodeId } from '@herald/core';
import { TlsKeeper } from '@herald/wire';
import { TemporaryCertificates } from './temporary-certificates.ts';

test('files: keys are for this user only, and all of it goes', async () => {
  const files = await TemporaryCertificates.create(parseClusterName('demo'));
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
