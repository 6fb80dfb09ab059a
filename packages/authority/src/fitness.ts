/**
 * Decides whether a certificate that is there already will do: it is what would be issued now, for the same
 * holder by the same authority, its key is the right one, and it is good for long enough.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { alternativeNamesOf, commonNameOf } from './certificate-authority.ts';
import type { CertificateRequest, IssuedCertificate } from './certificate-authority.ts';

export interface Wanted {
  /** The authority's own certificate, PEM; undefined for that certificate itself. */
  readonly ca: string | undefined;
  readonly request: CertificateRequest;
  /** Until when it has to be good, milliseconds since 1970. */
  readonly neededUntilMs: number;
  readonly nowMs: number;
}

export function willDo({ cert, key }: IssuedCertificate, wanted: Wanted): boolean {
  try {
    const found = new X509Certificate(cert);
    return (
      isInTime(found, wanted) &&
      isNamedSo(found, wanted.request) &&
      isIssuedBy(found, wanted.ca) &&
      found.checkPrivateKey(createPrivateKey(key))
    );
  } catch {
    return false; // cut off, empty, or something else: to be made anew in any case
  }
}

function isInTime({ validFrom, validTo }: X509Certificate, { neededUntilMs, nowMs }: Wanted) {
  return Date.parse(validFrom) <= nowMs && Date.parse(validTo) >= neededUntilMs;
}

function isNamedSo({ subject, subjectAltName = '' }: X509Certificate, request: CertificateRequest) {
  return (
    subject === `CN=${commonNameOf(request)}` && subjectAltName === alternativeNamesOf(request)
  );
}

function isIssuedBy(found: X509Certificate, ca: string | undefined): boolean {
  const issuer = ca === undefined ? found : new X509Certificate(ca);
  return (
    found.ca === (ca === undefined) && found.checkIssued(issuer) && found.verify(issuer.publicKey)
  );
}
