/** Options that decide whom a process believes; the same in all of them. */
import { text } from './option-schemas.ts';

export const trustedKeysOption = {
  flag: '--trusted-keys <file>',
  env: 'HERALD_TRUSTED_KEYS',
  schema: text(),
  optional: true,
  description:
    'Public keys of the electors (PEM, any number in one file); read again when replaced',
  group: 'Security',
} as const;
