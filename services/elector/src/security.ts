/**
 * What an elector's process proves itself with and whom it believes, from its options. Decides that
 * certificates and keys are in force before anything listens, and that SIGHUP reads all of them anew.
 */
import { createReloadMeter, exposeCertificate, openTls, reloadOnHangup } from '@herald/process';
import type { ProcessContext } from '@herald/process';
import { TlsKeeper } from '@herald/wire';
import type { Registry } from 'prom-client';
import { openElectorKeys } from './keys.ts';
import type { ElectorKeys } from './keys.ts';
import type { electorOptionTable } from './options.ts';

export interface ElectorSecurity {
  readonly tls: TlsKeeper | undefined;
  readonly keys: ElectorKeys | undefined;
}

/** @throws ProcessError `BAD_CONFIGURATION` that names option, file and fix. */
export async function openSecurity(
  { logger, options, own }: ProcessContext<typeof electorOptionTable>,
  registry: Registry,
): Promise<ElectorSecurity> {
  const { cluster, insecure, signingKey, trustedKeys } = options;
  if (insecure || signingKey === undefined || trustedKeys === undefined) {
    logger.warn(
      {},
      '--insecure: links are in plain text, and anybody who reaches them is believed',
    );
    return { tls: undefined, keys: undefined };
  }
  const about = { logger, count: createReloadMeter(registry) };
  const keys = own('keys', await openElectorKeys(cluster, { signingKey, trustedKeys }, about));
  const tls = await openTls(options, (texts) => new TlsKeeper(texts), about);
  if (tls === undefined) return { tls, keys };
  own('certificates', tls);
  own('reload on SIGHUP', reloadOnHangup([keys, tls]));
  exposeCertificate(registry, tls.holder);
  return { tls: tls.holder, keys };
}
