/**
 * Options that decide how a process proves who it is and whom it believes; the same in all of them. Also
 * decides that both are said or that neither is wanted: nobody runs in plain text by forgetting a flag.
 */
import { limits } from '@herald/core';
import type { OptionProblem } from './option-parser.ts';
import { onOff, text, wholeNumber } from './option-schemas.ts';

const group = 'Security';

export const trustedKeysOption = {
  flag: '--trusted-keys <file>',
  env: 'HERALD_TRUSTED_KEYS',
  schema: text(),
  optional: true,
  description:
    'Public keys of the electors (PEM, any number in one file); read again when replaced',
  group,
} as const;

export const connectionsPerAddressOption = {
  flag: '--connections-per-address-max <count>',
  env: 'HERALD_CONNECTIONS_PER_ADDRESS_MAX',
  schema: wholeNumber({ min: 1, max: limits.connectionsMax }),
  default: String(limits.connectionsPerAddressMax),
  description:
    'Connections that one address may hold to its gRPC port; more where a larger fleet comes through one router',
  group: 'Network',
} as const;

/** What TLS is spoken with, and the one way to do without. */
export const tlsOptions = {
  tlsCert: {
    flag: '--tls-cert <file>',
    env: 'HERALD_TLS_CERT',
    schema: text(),
    optional: true,
    description:
      'Its certificate, and those up to an authority (PEM), with the URI herald://CLUSTER/ROLE/NAME; ' +
      'read again when replaced, as are the key and the authorities',
    group,
  },
  tlsKey: {
    flag: '--tls-key <file>',
    env: 'HERALD_TLS_KEY',
    schema: text(),
    optional: true,
    description: 'The private key of its certificate (PEM, without a passphrase)',
    group,
  },
  tlsCa: {
    flag: '--tls-ca <file>',
    env: 'HERALD_TLS_CA',
    schema: text(),
    optional: true,
    description: 'Authorities whose certificates it accepts (PEM, any number)',
    group,
  },
  insecure: {
    flag: '--insecure',
    env: 'HERALD_INSECURE',
    schema: onOff(),
    description: 'Plain text and unsigned records, from and to anybody: for trials on one machine',
    group,
  },
} as const;

/** What an option that belongs to security was given, by its flag: `--tls-cert`. */
export type SecurityChoices = Readonly<Record<`--${string}`, string | undefined>>;

/** Either all of `choices`, or `--insecure` and none of them. */
export function securityProblems(
  insecure: boolean,
  choices: SecurityChoices,
): readonly OptionProblem[] {
  const flags = Object.keys(choices);
  const given = flags.filter((flag) => choices[flag as keyof SecurityChoices] !== undefined);
  if (insecure) {
    if (given.length === 0) return [];
    const message = `cannot be combined with ${given.join(', ')}: leave out the one or the others`;
    return [{ field: '--insecure', message }];
  }
  const missing = flags.filter((flag) => !given.includes(flag));
  if (missing.length === 0) return [];
  const verb = missing.length === 1 ? 'is' : 'are';
  const message =
    `${verb} required; how to make such files says README.md under "Security". ` +
    'For a trial on one machine say --insecure instead: plain text, and anybody is believed';
  return [{ field: missing.join(', '), message }];
}
