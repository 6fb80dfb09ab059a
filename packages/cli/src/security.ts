/**
 * How a command proves who asks, and whom it believes, from its flags. Decides that this is said before
 * anybody is asked: certificates and keys, or `--insecure`. Commands that tell of records need both.
 */
import { readFileSync } from 'node:fs';
import { createTrustSet, TlsKeeper } from '@herald/client';
import type { OperatorTransport, SecurityOptions, Transport, TrustSet } from '@herald/client';
import { onOff, securityProblems } from '@herald/process';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { CliContext } from './cli-context.ts';
import { UsageError } from './usage-error.ts';

export interface TlsFlags {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly insecure?: true;
}

export interface TrustFlags extends TlsFlags {
  readonly trustedKeys?: string;
  readonly cluster?: string;
}

/** Adds the flags by which a command proves who asks. */
export function withTls(command: Command): Command {
  const file = (flag: string, variable: string, description: string): Option =>
    new Option(`${flag} <file>`, description).env(variable);
  return command
    .addOption(
      file('--tls-cert', 'HERALD_TLS_CERT', 'own certificate (PEM), of a client or operator'),
    )
    .addOption(file('--tls-key', 'HERALD_TLS_KEY', 'its private key (PEM)'))
    .addOption(
      file('--tls-ca', 'HERALD_TLS_CA', 'authorities whose certificates are accepted (PEM)'),
    )
    .addOption(
      new Option(
        '--insecure',
        'plain text, and whoever answers is believed (or HERALD_INSECURE=true)',
      ),
    );
}

/** Adds these, and the flags by which a command is told whose records to believe. */
export function withTrust(command: Command): Command {
  return withTls(command)
    .addOption(
      new Option(
        '--trusted-keys <file>',
        'public keys of the electors (PEM); what they have not signed is not believed',
      ).env('HERALD_TRUSTED_KEYS'),
    )
    .addOption(
      new Option(
        '--cluster <name>',
        'cluster that the trusted keys sign for; that of the own certificate unless given',
      ).env('HERALD_CLUSTER'),
    );
}

/**
 * The transport of a command that believes whoever it reaches.
 *
 * @throws UsageError that names flags and fix.
 */
export function transportOf(context: CliContext, flags: TlsFlags): Transport & OperatorTransport {
  return context.transport(() => tlsOf(flags, {}));
}

/**
 * The transport of a command that tells of records, and whose records count.
 *
 * @throws UsageError that names flags and fix.
 */
export function believingTransport(
  context: CliContext,
  flags: TrustFlags,
): {
  readonly transport: Transport & OperatorTransport;
  readonly trustedKeys?: TrustSet;
} {
  const { trustedKeys: path } = flags;
  let cluster: string | undefined = flags.cluster;
  const transport = context.transport(() => {
    const security = tlsOf(flags, { '--trusted-keys': path });
    if (security.tls instanceof TlsKeeper) cluster ??= security.tls.identity.cluster;
    return security;
  });
  if (path === undefined) return { transport };
  if (cluster === undefined) {
    throw new UsageError(
      '--cluster: is required with --trusted-keys: records are signed for one cluster',
    );
  }
  const named = `--trusted-keys ${path}`;
  const trustedKeys = told(`${named}: cannot be read`, () => readFileSync(path, 'utf8'));
  const signedFor = cluster;
  const trust = told(named, () => createTrustSet({ cluster: signedFor, trustedKeys }));
  return { transport, trustedKeys: trust };
}

function tlsOf(
  flags: TlsFlags,
  also: Readonly<Record<`--${string}`, string | undefined>>,
): SecurityOptions {
  const { tlsCa, tlsCert, tlsKey } = flags;
  const insecure = flags.insecure ?? insecureByVariable();
  const choices = { '--tls-cert': tlsCert, '--tls-key': tlsKey, '--tls-ca': tlsCa, ...also };
  const [problem] = securityProblems(insecure, choices);
  if (problem !== undefined) throw new UsageError(`${problem.field}: ${problem.message}`);
  if (tlsCa === undefined || tlsCert === undefined || tlsKey === undefined) return { insecure };
  const read = (flag: string, path: string): string =>
    told(`${flag} ${path}: cannot be read`, () => readFileSync(path, 'utf8'));
  const material = {
    ca: read('--tls-ca', tlsCa),
    cert: read('--tls-cert', tlsCert),
    key: read('--tls-key', tlsKey),
  };
  return { tls: told('--tls', () => new TlsKeeper(material)) };
}

/** Commander would take any value of the variable for a yes. */
function insecureByVariable(): boolean {
  const given = process.env['HERALD_INSECURE'] ?? '';
  if (given === '') return false;
  const reading = onOff().safeParse(given);
  if (reading.success) return reading.data;
  throw new UsageError(`HERALD_INSECURE: must be true or false, got ${JSON.stringify(given)}`);
}

function told<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${what}: ${message}`, { cause: error });
  }
}
