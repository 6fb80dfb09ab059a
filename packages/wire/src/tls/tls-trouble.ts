/**
 * Decides what is said of a connection that TLS did not let come about, and whether somebody was there
 * all the same. OpenSSL, Node and grpc-js say it in words of their own, or only that the connection
 * ended; here it becomes what is wrong and what to do about it.
 */

export interface TlsTrouble {
  /** What is wrong, and the fix; for people. */
  readonly explanation: string;
  /** A process answered, so that it lives, whatever is wrong with it or with us. */
  readonly isAnswered: boolean;
}

const answered: readonly (readonly [RegExp, string])[] = [
  [
    /wrong version number|packet length too long/i,
    'the other end does not speak TLS: it was started with --insecure, or that is not its gRPC port',
  ],
  [
    /self-signed certificate|certificate signature failure|unable to (?:get|verify)[\w ]* (?:certificate|issuer|signature)/i,
    'the certificate of the other end is not signed by an authority that we trust (tls.ca, --tls-ca)',
  ],
  [
    /certificate has expired/i,
    'the certificate of the other end has expired, or our clock is wrong',
  ],
  [
    /certificate is not yet valid/i,
    'the certificate of the other end is not valid yet, or our clock is wrong',
  ],
  [
    /whoever answered: /,
    'the certificate of the other end is not that of a member of our cluster in that role',
  ],
  [
    /alert certificate required/i,
    'the other end asks for a certificate, and we showed none (tls.cert, --tls-cert)',
  ],
  [/unsupported protocol|alert protocol version/i, 'the other end speaks no TLS 1.3'],
  [
    // Of HTTP/2, after TLS stood: what ends before it is told as `Error: …`.
    /Last error: (?:Failed to connect|read ECONNRESET|write EPIPE|socket hang up)/,
    'the other end took the connection and ended it: it refuses our certificate (its log says why), ' +
      'or speaks TLS while we do not (--insecure)',
  ],
];

const silent =
  /before secure TLS connection|Last error: Error: (?:socket hang up|Socket closed|read ECONNRESET)/;

/** What is behind `reason`, an error's text, if it is TLS; undefined when it is something else. */
export function tlsTroubleIn(reason: string): TlsTrouble | undefined {
  const explanation = answered.find(([pattern]) => pattern.test(reason))?.[1];
  if (explanation !== undefined) return { explanation, isAnswered: true };
  if (!silent.test(reason)) return undefined;
  return {
    explanation:
      'the connection ended before TLS stood: the other end is going, or is none of ours',
    isAnswered: false,
  };
}
