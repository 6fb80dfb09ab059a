/**
 * An authority for certificates. Its key leaves it only for whoever asks for `exportKey`, to go on with it
 * later. For the lab, the compose environment and tests; whoever runs Herald in earnest has an authority of
 * their own. Decides what such certificates look like: ECDSA P-256, which every TLS library knows and
 * signs quickly, for both ends of a connection, with the URI that says who it is for.
 */
import 'reflect-metadata';
import {
  createPrivateKey,
  X509Certificate as NodeCertificate,
  randomBytes,
  webcrypto,
} from 'node:crypto';
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
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { JsonGeneralNames } from '@peculiar/x509';

cryptoProvider.set(webcrypto);
const { subtle } = webcrypto;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Clocks of machines that start together differ by a little; a certificate must be good at once. */
export const backdatedMs = 60 * 60_000;
/** Longer than any lab runs; one that was left behind is of no use a week later. */
const validityMs = 7 * 24 * 3_600_000;

/** A certificate and its private key, as PEM texts. */
export interface IssuedCertificate {
  readonly cert: string;
  readonly key: string;
}

/** When a certificate begins and ends, milliseconds since 1970; from an hour ago for a week unless given. */
export interface Lifetime {
  readonly expiresAtMs?: number;
  readonly validFromMs?: number;
}

export interface CertificateRequest extends Lifetime {
  /** Whom it names, e.g. `herald://demo/node/n1`; any number, for tests. */
  readonly uris?: readonly string[];
  /** For what is told by its address, as etcd is. */
  readonly hosts?: readonly string[];
  /** What people call its holder; the first of the above unless given. */
  readonly commonName?: string;
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
  static async create(
    name = 'Herald throw-away authority',
    lifetime: Lifetime = {},
  ): Promise<CertificateAuthority> {
    const keys = await newKeys();
    const { notBefore, notAfter } = validity(lifetime);
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

  /**
   * The authority whose certificate and key these are, to go on with it.
   *
   * @throws Error when one of them is not what it should be, or they do not belong together.
   */
  static async restore({ cert, key }: IssuedCertificate): Promise<CertificateAuthority> {
    const found = new NodeCertificate(cert);
    if (!found.checkPrivateKey(createPrivateKey(key))) {
      throw new Error('the key belongs to another certificate');
    }
    const spki = found.publicKey.export({ format: 'der', type: 'spki' });
    const publicKey = await subtle.importKey('spki', spki, algorithm, true, ['verify']);
    const pkcs8 = PemConverter.decodeFirst(key);
    const privateKey = await subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']);
    const certificate = new X509Certificate(cert);
    return new CertificateAuthority({ publicKey, privateKey }, certificate);
  }

  /** Its own certificate, as a PEM text: what others trust. */
  get ca(): string {
    return `${this.#certificate.toString('pem')}\n`;
  }

  /** Its private key, as a PEM text: whoever has it issues whatever they like. */
  exportKey(): Promise<string> {
    return pemOf(this.#keys.privateKey);
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
      subject: [{ CN: [commonNameOf(request)] }],
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
    return { cert: `${certificate.toString('pem')}\n`, key: await pemOf(keys.privateKey) };
  }
}

/**
 * What Node reads in a certificate that was issued for this, to tell whether one is the same. Not for IPv6
 * addresses, which Node spells out.
 */
export function alternativeNamesOf({ uris = [], hosts = [] }: CertificateRequest): string {
  const named = hosts.map((host) => `${isAddress(host) ? 'IP Address' : 'DNS'}:${host}`);
  return [...uris.map((uri) => `URI:${uri}`), ...named].join(', ');
}

/** A common name has at most 64 characters; who it is for says the URI. */
export function commonNameOf({ commonName, uris, hosts }: CertificateRequest): string {
  return (commonName ?? uris?.[0] ?? hosts?.[0] ?? 'nobody').slice(-64);
}

function newKeys(): Promise<KeyPair> {
  return subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function pemOf(privateKey: webcrypto.CryptoKey): Promise<string> {
  const key = await subtle.exportKey('pkcs8', privateKey);
  return `${PemConverter.encode(key, 'PRIVATE KEY')}\n`;
}

/** Positive, and never twice the same. */
function newSerialNumber(): string {
  return `01${randomBytes(15).toString('hex')}`;
}

function validity({ expiresAtMs, validFromMs }: Lifetime) {
  // Certificates are dated by the wall clock.
  // eslint-disable-next-line no-restricted-properties
  const nowMs = Date.now();
  return {
    notBefore: new Date(validFromMs ?? nowMs - backdatedMs),
    notAfter: new Date(expiresAtMs ?? nowMs + validityMs),
  };
}

function isAddress(host: string): boolean {
  return /^[0-9.]+$/.test(host) || host.includes(':');
}
