/** P7: an elector's key files: what they must hold together, and in which order they may be replaced. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseClusterName } from '@herald/core';
import { ProcessError } from '@herald/process';
import { generateKeyPair } from '@herald/wire';
import { openElectorKeys } from './keys.ts';
import { silentLogger } from './silent-logger.ts';

const cluster = parseClusterName('elector-keys');
const [oldKey, newKey] = [generateKeyPair(), generateKeyPair()];

async function stage() {
  const folder = await mkdtemp(join(tmpdir(), 'herald-elector-keys-'));
  const paths = { signingKey: join(folder, 'signing.key'), trustedKeys: join(folder, 'trusted') };
  const outcomes: string[] = [];
  const count = (_what: string, outcome: string): void => {
    outcomes.push(outcome);
  };
  return {
    ...{ paths, outcomes },
    sign: (pem: string) => writeFile(paths.signingKey, pem),
    trust: (...pems: readonly string[]) => writeFile(paths.trustedKeys, pems.join('')),
    open: () => openElectorKeys(cluster, paths, { logger: silentLogger, count }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

describe('P7: the keys of an elector', () => {
  test('are rotated by replacing files: trust first, then sign, then trust no longer', async () => {
    await using files = await stage();
    await files.sign(oldKey.signingKey);
    await files.trust(oldKey.trustedKey);
    using keys = await files.open();
    assert.equal(keys.signer.keyId, oldKey.keyId);
    await files.trust(oldKey.trustedKey, newKey.trustedKey);
    assert.equal(await keys.reload(), true);
    assert.deepEqual(keys.trust.keyIds, [oldKey.keyId, newKey.keyId]);
    await files.sign(newKey.signingKey);
    assert.equal(await keys.reload(), true);
    assert.equal(keys.signer.keyId, newKey.keyId);
    await files.trust(newKey.trustedKey);
    assert.equal(await keys.reload(), true);
    assert.deepEqual(keys.trust.keyIds, [newKey.keyId]);
    assert.deepEqual(files.outcomes, ['replaced', 'replaced', 'replaced']);
  });

  test('are refused in the wrong order, and those in force stay', async () => {
    await using files = await stage();
    await files.sign(oldKey.signingKey);
    await files.trust(oldKey.trustedKey);
    using keys = await files.open();
    await files.sign(newKey.signingKey);
    assert.equal(await keys.reload(), false);
    assert.equal(keys.signer.keyId, oldKey.keyId);
    // The order is mended afterwards: both files are read together.
    await files.trust(oldKey.trustedKey, newKey.trustedKey);
    assert.equal(await keys.reload(), true);
    assert.equal(keys.signer.keyId, newKey.keyId);
    await files.trust(oldKey.trustedKey);
    assert.equal(await keys.reload(), false);
    assert.deepEqual(keys.trust.keyIds, [oldKey.keyId, newKey.keyId]);
    assert.deepEqual(files.outcomes, ['refused', 'replaced', 'refused']);
  });

  test('that cannot be used at the start are told with option, file and fix', async () => {
    await using files = await stage();
    const refusal = async (): Promise<string> => {
      try {
        (await files.open())[Symbol.dispose]();
      } catch (error) {
        assert.ok(error instanceof ProcessError);
        assert.equal(error.code, 'BAD_CONFIGURATION');
        return error.message;
      }
      assert.fail('the keys were taken');
    };
    assert.match(await refusal(), /--signing-key .*signing\.key: cannot be read: ENOENT/);
    await files.sign(oldKey.signingKey);
    await files.trust(oldKey.signingKey);
    assert.match(await refusal(), /--trusted-keys holds a private key/);
    await files.trust(newKey.trustedKey);
    const message = await refusal();
    assert.match(message, new RegExp(`the signing key ${oldKey.keyId} is not among the trusted`));
    assert.match(message, /add its public half to --trusted-keys here and everywhere/);
  });
});
