/**
 * An authority for certificates that lives as long as this object: its key is never written anywhere.
 * For the lab, the compose environment and tests; whoever runs Herald in earnest has an authority of
 * their own. Decides what such certificates look like: ECDSA P-256, which every TLS library knows and
 * signs quickly, for both ends of a connection, with the URI that says who it is for.
 */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { JsonGeneralNames, X509Certificate } from '@peculiar/x509';

cryptoProvider.set(webcrypto);

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Clocks of machines that start together differ by a little; a certificate must be good at once. */
const backdatedMs = 60 * 60_000;
/** Longer than any lab runs; one that was left behind is of no use a week later. */
const validityMs = 7 * 24 * 3_600_000;

/** A certificate and its private key, as PEM texts. */
export interface IssuedCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** Whom it names, e.g. `herald://demo/node/n1`; any number, for tests. */
  readonly uris?: readonly string[];
  /** For what is told by its address, as etcd is. */
  readonly hosts?: readonly string[];
  /** When it ends and begins, milliseconds since 1970; from an hour ago for a week unless given. */
  readonly expiresAtMs?: number;
  readonly validFromMs?: number;
}

type KeyPair = webcrypto.CryptoKeyPair;

export class CertificateAuthority {
  readonly #keys: KeyPair;
  readonly #certificate: X509Certificate;

  private constructor(keys: KeyPair, certificate: X509Certificate) {
    this.#keys = keys;
    this.#certificate = certificate;
  }

  /** @param name Stands in its certificate, for people. */
  static async create(name = 'Herald throw-away authority'): Promise<CertificateAuthority> {
    const keys = await newKeys();
    const { notBefore, notAfter } = validity({});
    const certificate = await X509CertificateGenerator.createSelfSigned({
      ...{ keys, notBefore, notAfter, signingAlgorithm: algorithm },
      name: [{ CN: [name] }],
      serialNumber: newSerialNumber(),
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new CertificateAuthority(keys, certificate);
  }

  /** Its own certificate, as a PEM text: what others trust. */
  get ca(): string {
    return `${this.#certificate.toString('pem')}\n`;
  }

  async issue(request: CertificateRequest): Promise<IssuedCertificate> {
    const { uris = [], hosts = [] } = request;
    const keys = await newKeys();
    const { notBefore, notAfter } = validity(request);
    const names: JsonGeneralNames = [
      ...uris.map((value) => ({ type: 'url', value }) as const),
      ...hosts.map((value) => ({ type: isAddress(value) ? 'ip' : 'dns', value }) as const),
    ];
    const certificate = await X509CertificateGenerator.create({
      ...{ notBefore, notAfter, signingAlgorithm: algorithm },
      subject: [{ CN: [commonNameOf(uris[0] ?? hosts[0] ?? 'nobody')] }],
      issuer: this.#certificate.subject,
      serialNumber: newSerialNumber(),
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      extensions: [
        ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        // Tells authorities of one name apart: while one replaces another, both are trusted.
        await AuthorityKeyIdentifierExtension.create(this.#keys.publicKey),
      ],
    });
    const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    return {
      cert: `${certificate.toString('pem')}\n`,
      key: `${PemConverter.encode(key, 'PRIVATE KEY')}\n`,
    };
  }
}

function newKeys(): Promise<KeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

/** Positive, and never twice the same. */
function newSerialNumber(): string {
  return `01${randomBytes(15).toString('hex')}`;
}

function validity(request: Pick<CertificateRequest, 'expiresAtMs' | 'validFromMs'>) {
  // Certificates are dated by the wall clock.
  // eslint-disable-next-line no-restricted-properties
  const nowMs = Date.now();
  return {
    notBefore: new Date(request.validFromMs ?? nowMs - backdatedMs),
    notAfter: new Date(request.expiresAtMs ?? nowMs + validityMs),
  };
}

/** A common name has at most 64 characters; who it is for says the URI. */
function commonNameOf(name: string): string {
  return name.slice(-64);
}

function isAddress(host: string): boolean {
  return /^[0-9.]+$/.test(host) || host.includes(':');
}
