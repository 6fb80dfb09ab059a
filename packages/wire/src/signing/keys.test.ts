import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { wireBounds } from '../bounds.ts';
import { WireError } from '../errors.ts';
import { generateKeyPair, keyIdOf, parseSigningKey, parseTrustedKeys } from './keys.ts';

const pair = generateKeyPair();
const other = generateKeyPair();

/** What is said of a key that is no good; nothing of the key itself may be in it. */
function refusalOf(parse: (pem: string) => unknown, pem: string, code: string): string {
  try {
    parse(pem);
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    assert.equal(error.code, code, error.message);
    const isTold = pem.split('\n').some((line) => line.length > 40 && error.message.includes(line));
    assert.ok(!isTold, error.message);
    return error.message;
  }
  assert.fail('taken for a good key');
}

describe('a key id', () => {
  it('is the start of the SHA-256 of the raw public key, and the same for both halves', () => {
    const publicKey = createPublicKey(pair.trustedKey);
    // A SubjectPublicKeyInfo of Ed25519 ends in the 32 bytes of the key.
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    const expected = createHash('sha256').update(raw).digest('hex').slice(0, 16);
    assert.equal(keyIdOf(publicKey), expected);
    assert.equal(pair.keyId, expected);
    assert.equal(parseSigningKey(pair.signingKey).keyId, expected);
    assert.deepEqual(
      parseTrustedKeys(pair.trustedKey).map(({ keyId }) => keyId),
      [expected],
    );
    assert.notEqual(other.keyId, expected);
  });
});

describe('trusted keys', () => {
  it('stand in one file, in any number up to a bound, with text between them, each once', () => {
    const text = `old\n${pair.trustedKey}\nnew since May\n${other.trustedKey}${pair.trustedKey}`;
    assert.deepEqual(
      parseTrustedKeys(text).map(({ keyId }) => keyId),
      [pair.keyId, other.keyId],
    );
    const many = pair.trustedKey.repeat(wireBounds.trustedKeysMax + 1);
    assert.match(refusalOf(parseTrustedKeys, many, 'LIMIT_EXCEEDED'), /at most 64 keys, got 65/);
  });

  it('are refused with the fix', () => {
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ['', 'INVALID_VALUE', /got nothing in PEM; make a pair with: herald keys new/],
      [pair.signingKey, 'INVALID_VALUE', /holds a private key, which electors alone may have/],
      [pair.trustedKey + pair.signingKey, 'INVALID_VALUE', /holds a private key/],
      [pair.trustedKey.slice(0, -10), 'MALFORMED', /without its end/],
      [rsa().publicKey, 'INVALID_VALUE', /must hold Ed25519 keys, got rsa/],
      [block('CERTIFICATE', 'AAAA'), 'INVALID_VALUE', /public keys and nothing else, got CERT/],
      [block('PUBLIC KEY', 'AAAA'), 'MALFORMED', /cannot be read/],
    ];
    for (const [pem, code, message] of cases) {
      assert.match(refusalOf(parseTrustedKeys, pem, code), message);
    }
  });
});

describe('a signing key', () => {
  it('is refused with the fix', () => {
    const encrypted = generateKeyPairSync('ed25519').privateKey.export({
      ...{ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' },
    });
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ['', 'INVALID_VALUE', /got nothing in PEM; make a pair with: herald keys new/],
      [pair.trustedKey, 'INVALID_VALUE', /one PEM private key .* got PUBLIC KEY/],
      [pair.signingKey + other.signingKey, 'INVALID_VALUE', /one PEM private key/],
      [pair.signingKey.slice(0, -10), 'MALFORMED', /without its end/],
      [encrypted.toString(), 'INVALID_VALUE', /is encrypted; give the key without a passphrase/],
      [rsa().privateKey, 'INVALID_VALUE', /must hold Ed25519 keys, got rsa/],
      [block('PRIVATE KEY', 'AAAA'), 'MALFORMED', /cannot be read/],
    ];
    for (const [pem, code, message] of cases) {
      assert.match(refusalOf(parseSigningKey, pem, code), message);
    }
  });
});

function block(label: string, body: string): string {
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

function rsa() {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { format: 'pem', type: 'spki' },
    privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
  });
}
