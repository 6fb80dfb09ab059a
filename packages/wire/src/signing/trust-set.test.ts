import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseClusterName } from '@herald/core';
import type { SealedRecord } from '@herald/core';
import { WireError } from '../errors.ts';
import { decodeRecord, encodeRecord } from '../record-codec.ts';
import * as arbitrary from '../test-support/arbitraries.ts';
import { generateKeyPair } from './keys.ts';
import { createRecordSigner } from './record-signer.ts';
import { createTrustSet } from './trust-set.ts';
import type { TrustSet } from './trust-set.ts';

const cluster = parseClusterName('signing-tests');
const [mine, theirs] = [generateKeyPair(), generateKeyPair()];
const signer = createRecordSigner({ cluster, signingKey: mine.signingKey });

function trusting(...keys: readonly { readonly trustedKey: string }[]): TrustSet {
  return createTrustSet({ cluster, trustedKeys: keys.map((key) => key.trustedKey).join('') });
}

/** As a record of these bytes would arrive; undefined when the bytes are none. */
function arrived(
  bytes: Uint8Array,
  keyId: string,
  signature: Uint8Array,
): SealedRecord | undefined {
  try {
    return decodeRecord(bytes, keyId, signature);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

describe('P7: a trust set', () => {
  it('believes what a trusted key has signed, and nothing that differs from it in one bit', () => {
    const trust = trusting(mine, theirs);
    const whole = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(arbitrary.leaderRecord, whole, fc.nat(7), (record, place, bit) => {
        const { bytes, keyId, signature } = encodeRecord(record, signer);
        const sealed = decodeRecord(bytes, keyId, signature);
        assert.equal(trust.objectionTo(sealed), undefined);
        const both = Buffer.concat([bytes, signature]);
        const at = Math.floor(place * both.byteLength);
        both[at] = (both[at] ?? 0) ^ (1 << bit);
        const forged = arrived(
          both.subarray(0, bytes.byteLength),
          keyId,
          both.subarray(bytes.byteLength),
        );
        if (forged !== undefined) assert.equal(trust.objectionTo(forged), 'bad-signature');
        // And the true copy is believed all the same afterwards.
        assert.equal(trust.objectionTo(decodeRecord(bytes, keyId, signature)), undefined);
      }),
      { numRuns: 300 },
    );
  });

  it('says why it does not believe', () => {
    const trust = trusting(mine);
    fc.assert(
      fc.property(arbitrary.leaderRecord, (record) => {
        const { bytes, keyId, signature } = encodeRecord(record, signer);
        const objection = (key: string, signed: Uint8Array) =>
          trust.objectionTo(decodeRecord(bytes, key, signed));
        assert.equal(trust.objectionTo(encodeRecord(record)), 'unsigned');
        assert.equal(objection('', signature), 'unsigned');
        assert.equal(objection(keyId, new Uint8Array(0)), 'unsigned');
        assert.equal(objection('constructor', signature), 'unknown-key');
        assert.equal(objection(theirs.keyId, signature), 'unknown-key');
        assert.equal(objection(keyId, signature.subarray(1)), 'bad-signature');
        assert.equal(objection(keyId, Buffer.alloc(64)), 'bad-signature');
      }),
      { numRuns: 50 },
    );
  });

  it('believes no record of another cluster, and no other use of the key', () => {
    const elsewhere = createRecordSigner({
      cluster: parseClusterName('signing-tests-2'),
      signingKey: mine.signingKey,
    });
    const trust = trusting(mine);
    fc.assert(
      fc.property(arbitrary.leaderRecord, (record) => {
        assert.equal(trust.objectionTo(encodeRecord(record, elsewhere)), 'bad-signature');
        // What is signed is told in PROTOCOL.md: anybody can verify it without this package.
        const { bytes, signature } = encodeRecord(record, signer);
        const publicKey = createPublicKey(mine.trustedKey);
        const content = Buffer.concat([Buffer.from('herald.v1.record\0signing-tests\0'), bytes]);
        assert.ok(verify(null, content, publicKey, signature));
        assert.ok(!verify(null, bytes, publicKey, signature));
      }),
      { numRuns: 50 },
    );
  });

  it('verifies a record once: further copies are found again', () => {
    const trust = trusting(mine);
    const [record] = fc.sample(arbitrary.leaderRecord, 1);
    assert.ok(record !== undefined);
    const { bytes, keyId, signature } = encodeRecord(record, signer);
    const first = decodeRecord(bytes, keyId, signature);
    assert.equal(trust.objectionTo(first), undefined);
    const second = decodeRecord(Buffer.from(bytes), keyId, Buffer.from(signature));
    assert.equal(second, first);
    // Only who looks at the signature again would notice.
    first.signature.fill(0);
    assert.equal(trust.objectionTo(second), undefined);
    assert.equal(trusting(mine).objectionTo(second), 'bad-signature');
  });

  it('is replaced while old and new keys overlap, so that nothing is refused on the way', () => {
    const rotating = createRecordSigner({ cluster, signingKey: mine.signingKey });
    const trust = trusting(mine);
    let told = 0;
    const stopTelling = trust.onReplaced(() => told++);
    const [first, second] = fc.sample(arbitrary.leaderRecord, 2);
    assert.ok(first !== undefined && second !== undefined);
    const old = encodeRecord(first, rotating);
    assert.equal(trust.objectionTo(old), undefined);

    trust.replace(mine.trustedKey + theirs.trustedKey);
    rotating.replace(theirs.signingKey);
    assert.equal(rotating.keyId, theirs.keyId);
    const renewed = encodeRecord(second, rotating);
    assert.equal(trust.objectionTo(old), undefined);
    assert.equal(trust.objectionTo(renewed), undefined);

    trust.replace(theirs.trustedKey);
    assert.equal(trust.objectionTo(old), 'unknown-key');
    assert.equal(trust.objectionTo(renewed), undefined);
    assert.equal(told, 2);
    stopTelling();
    trust.replace(mine.trustedKey);
    assert.equal(told, 2);
    assert.equal(trust.objectionTo(old), undefined, 'trusted again');
  });

  it('keeps the keys that it has when others are no good', () => {
    const trust = trusting(mine);
    assert.throws(() => {
      trust.replace('nonsense');
    }, WireError);
    assert.deepEqual(trust.keyIds, [mine.keyId]);
    assert.throws(() => {
      signer.replace(theirs.trustedKey);
    }, WireError);
    assert.equal(signer.keyId, mine.keyId);
  });
});
