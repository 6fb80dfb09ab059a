/**
 * Decides whether a certificate, its key and the authorities are fit for use, before anything listens
 * or dials with them: what is wrong is said here once, with the fix, and not by every handshake.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { WireError } from '../errors.ts';
import { readIdentity } from './peer-identity.ts';
import type { PeerIdentity } from './peer-identity.ts';

/** What one end shows and trusts, as PEM texts. */
export interface TlsMaterial {
  /** Certificates of the authorities whose word counts; several while one replaces another. */
  readonly ca: string;
  /** The own certificate first, then those between it and an authority, if there are any. */
  readonly cert: string;
  /** The private key of `cert`, without a passphrase. */
  readonly key: string;
}

export interface CheckedMaterial {
  readonly material: TlsMaterial;
  readonly identity: PeerIdentity;
  /** When the own certificate ends, in milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** Authorities in one file, and certificates in one chain: each costs time in every handshake. */
const certificatesMax = 64;
/** Links from a certificate to its authority; real ones have two or three. */
const chainLengthMax = 8;

/**
 * @param nowMs The wall clock, milliseconds since 1970: certificates are dated by it.
 * @throws WireError `INVALID_VALUE` with the field `ca`, `cert` or `key`; it never quotes the key.
 */
export function checkTlsMaterial(material: TlsMaterial, nowMs: number): CheckedMaterial {
  const authorities = certificatesIn('ca', material.ca);
  const chain = certificatesIn('cert', material.cert);
  const own = chain[0];
  if (own === undefined) throw invalid('cert', 'holds no certificate');
  checkKey(own, material.key);
  const expiresAtMs = checkDates(own, nowMs);
  checkChain(own, chain, authorities);
  const reading = readIdentity(own.subjectAltName);
  if (reading.kind === 'refused') {
    throw invalid('cert', `${reading.detail}; issue it with one, see "Security" in README.md`);
  }
  return { material, identity: reading.identity, expiresAtMs };
}

function certificatesIn(field: 'ca' | 'cert', pem: string): readonly X509Certificate[] {
  const blocks =
    pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)?.slice() ?? [];
  if (blocks.length === 0) throw invalid(field, 'must hold a certificate in PEM');
  if (blocks.length > certificatesMax) {
    throw invalid(field, `must hold at most ${certificatesMax} certificates`);
  }
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw invalid(field, `certificate ${index + 1} cannot be read`, cause);
    }
  });
}

function checkKey(own: X509Certificate, pem: string): void {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The cause is not kept: what a library says of a secret is not ours to vouch for.
    throw invalid('key', 'must be a private key in PEM, without a passphrase');
  }
  if (!own.checkPrivateKey(key)) {
    throw invalid('key', 'belongs to another certificate; replace both together');
  }
}

function checkDates(own: X509Certificate, nowMs: number): number {
  const expiresAtMs = Date.parse(own.validTo);
  if (expiresAtMs <= nowMs) {
    throw invalid('cert', `expired on ${own.validTo}; issue a new one, or set the clock`);
  }
  if (Date.parse(own.validFrom) > nowMs) {
    throw invalid('cert', `is not valid before ${own.validFrom}; set the clock, or wait`);
  }
  return expiresAtMs;
}

/** One that the own authorities do not vouch for would be refused by everybody else as well. */
function checkChain(
  own: X509Certificate,
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): void {
  const issuerIn = (
    subject: X509Certificate,
    among: readonly X509Certificate[],
  ): X509Certificate | undefined =>
    among.find((other) => subject.checkIssued(other) && subject.verify(other.publicKey));
  let subject = own;
  for (let length = 0; length < chainLengthMax; length++) {
    if (issuerIn(subject, authorities) !== undefined) return;
    const between = issuerIn(subject, chain);
    if (between === undefined || between === subject) break;
    subject = between;
  }
  const issuer = subject.issuer.replaceAll('\n', ', ');
  throw invalid('cert', `its issuer "${issuer}" is not among the authorities in ca`);
}

function invalid(field: keyof TlsMaterial, rule: string, cause?: unknown): WireError {
  return new WireError('INVALID_VALUE', field, rule, cause);
}
