#!/usr/bin/env node
/**
 * The `herald-authority` process: makes or renews what a cluster proves itself with, says what it did, and
 * ends. For trials, where nobody has an authority: whoever runs it once more has everything renewed.
 */
import { readFileSync } from 'node:fs';
import { describeError, ProcessError, runProcess } from '@herald/process';
import { furnish } from './cluster-folder.ts';
import { authorityOptionTable, checkAuthorityOptions } from './options.ts';

const dayMs = 24 * 3_600_000;

function ownVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

await runProcess(
  {
    name: 'herald-authority',
    summary:
      'Writes the certificates and keys of a cluster into a folder, for trials. What is there and good ' +
      'for a while yet stays; what is missing or ends soon is made.',
    version: ownVersion(),
    options: authorityOptionTable,
    check: checkAuthorityOptions,
    examples: [
      'herald-authority --cluster demo --elector elector-1 --elector elector-2 --out keys',
    ],
  },
  async ({ logger, options }) => {
    const { cluster, days, electors, etcd, out } = options;
    const plan = { cluster, electors, etcd };
    // Certificates are dated by the wall clock.
    // eslint-disable-next-line no-restricted-properties
    const nowMs = Date.now();
    try {
      const { made, kept } = await furnish({ folder: out, plan, validForMs: days * dayMs, nowMs });
      const message = made.length === 0 ? 'all is there' : 'certificates and keys made';
      logger.info({ made, kept: kept.length }, message);
    } catch (error) {
      throw new ProcessError('FAILED', `--out ${out}: ${describeError(error)}`, { cause: error });
    }
  },
);
