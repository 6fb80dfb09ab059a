/**
 * How the processes of the office are told what they prove themselves with, and whom they believe: by files, or
 * by `--insecure` that they do without. It is about Herald's own links and questions. What the office says to its
 * customers and to its store is a protocol of its own, in plain text on this machine.
 */
import { readFileSync } from 'node:fs';

/** For `parseArgs`. */
export const securityFlags = {
  insecure: { type: 'boolean', default: false },
  'tls-ca': { type: 'string', default: '' },
  'tls-cert': { type: 'string', default: '' },
  'tls-key': { type: 'string', default: '' },
  'trusted-keys': { type: 'string', default: '' },
} as const;

export interface SecurityFlags {
  readonly insecure: boolean;
  readonly 'tls-ca': string;
  readonly 'tls-cert': string;
  readonly 'tls-key': string;
  readonly 'trusted-keys': string;
}

/** The contents of those files, PEM. */
export interface SecurityTexts {
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly trustedKeys: string;
}

/** @returns undefined with `--insecure` */
export function readSecurity(flags: SecurityFlags): SecurityTexts | undefined {
  if (flags.insecure) return undefined;
  return {
    tls: {
      ca: readText(flags['tls-ca']),
      cert: readText(flags['tls-cert']),
      key: readText(flags['tls-key']),
    },
    trustedKeys: readText(flags['trusted-keys']),
  };
}

export function readText(path: string): string {
  return readFileSync(path, 'utf8');
}
