/**
 * Ed25519 keys in PEM: what a signing key and trusted keys may be, and what a key is called. A key's id is
 * the start of the hash of the public key, so that it can be told by anybody who holds either half, and
 * nobody has to agree on names.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { wireBounds } from '../bounds.ts';
import { WireError } from '../errors.ts';

/** An elector's own key. */
export interface SigningKey {
  readonly keyId: string;
  readonly privateKey: KeyObject;
}

/** A key whose records are believed. */
export interface TrustedKey {
  readonly keyId: string;
  readonly publicKey: KeyObject;
}

/** A new pair in PEM: PKCS#8 and SubjectPublicKeyInfo. */
export interface KeyPairPem {
  readonly keyId: string;
  readonly signingKey: string;
  readonly trustedKey: string;
}

/** Hexadecimal digits of a key id: 64 bits are beyond any accident, and still short enough to compare by eye. */
const keyIdDigits = 16;

const howToMake = 'make a pair with: herald keys new --out DIR';

export function generateKeyPair(): KeyPairPem {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    keyId: keyIdOf(publicKey),
    signingKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    trustedKey: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  };
}

/** The first 16 hexadecimal digits of SHA-256 over the 32 bytes of the public key. */
export function keyIdOf(publicKey: KeyObject): string {
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  return createHash('sha256').update(raw).digest('hex').slice(0, keyIdDigits);
}

/**
 * The private key in `pem`, PKCS#8 and not encrypted.
 *
 * @throws WireError with what is wrong and the fix; never with anything of the key.
 */
export function parseSigningKey(pem: string): SigningKey {
  const [block, ...more] = blocksOf(pem);
  if (block?.label === 'ENCRYPTED PRIVATE KEY') {
    throw invalid('is encrypted; give the key without a passphrase, readable by its owner alone');
  }
  if (block?.label !== 'PRIVATE KEY' || more.length > 0) {
    const found = block === undefined ? 'nothing in PEM' : labelsOf([block, ...more]);
    throw invalid(
      `must hold one PEM private key (PKCS#8) and nothing else, got ${found}; ${howToMake}`,
    );
  }
  const privateKey = read('private key', () => createPrivateKey(block.text));
  return { keyId: keyIdOf(createPublicKey(privateKey)), privateKey };
}

/**
 * All public keys in `pem`, at least one; what stands between the blocks is for people.
 *
 * @throws WireError with what is wrong and the fix.
 */
export function parseTrustedKeys(pem: string): readonly TrustedKey[] {
  const { trustedKeysMax } = wireBounds;
  const blocks = blocksOf(pem);
  const other = blocks.find(({ label }) => label !== 'PUBLIC KEY');
  if (other?.label.endsWith('PRIVATE KEY') === true) {
    throw invalid('holds a private key, which electors alone may have; put the public keys here');
  }
  if (other !== undefined || blocks.length === 0) {
    const found = blocks.length === 0 ? 'nothing in PEM' : labelsOf(blocks);
    throw invalid(`must hold PEM public keys and nothing else, got ${found}; ${howToMake}`);
  }
  if (blocks.length > trustedKeysMax) {
    const rule = `must hold at most ${trustedKeysMax} keys, got ${blocks.length}; remove those of old`;
    throw new WireError('LIMIT_EXCEEDED', undefined, rule);
  }
  const keys = blocks.map(({ text }) => read('public key', () => createPublicKey(text)));
  const byId = new Map(keys.map((publicKey) => [keyIdOf(publicKey), publicKey]));
  return Array.from(byId, ([keyId, publicKey]) => ({ keyId, publicKey }));
}

interface PemBlock {
  readonly label: string;
  readonly text: string;
}

/** @throws WireError when a block has no end: the file may be written just now, or was cut off. */
function blocksOf(pem: string): readonly PemBlock[] {
  const blocks = [...pem.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g)];
  const beginnings = pem.match(/-----BEGIN /g) ?? [];
  if (blocks.length !== beginnings.length) {
    throw new WireError('MALFORMED', undefined, 'holds a PEM block without its end; write it anew');
  }
  return blocks.map(([text, label = '']) => ({ text, label }));
}

function labelsOf(blocks: readonly PemBlock[]): string {
  return [...new Set(blocks.map(({ label }) => label))].join(', ');
}

function read(what: string, create: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = create();
  } catch {
    // What OpenSSL says of it is of no help to anybody, and might tell of the key.
    throw new WireError(
      'MALFORMED',
      undefined,
      `holds a ${what} that cannot be read; ${howToMake}`,
    );
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw invalid(`must hold Ed25519 keys, got ${key.asymmetricKeyType ?? 'another'}; ${howToMake}`);
}

function invalid(rule: string): WireError {
  return new WireError('INVALID_VALUE', undefined, rule);
}
