/**
 * What a node's process proves itself with and whom it believes, from its options. Decides that
 * certificates and keys are in force before anything listens, and that SIGHUP reads all of them anew.
 */
import { createReloadMeter, exposeCertificate, openTls, reloadOnHangup } from '@herald/process';
import type { ProcessContext } from '@herald/process';
import { TlsKeeper } from '@herald/wire';
import type { TrustSet } from '@herald/wire';
import type { Registry } from 'prom-client';
import { exposeTrust } from './metrics.ts';
import type { nodeOptionTable } from './options.ts';
import { openTrust } from './trust.ts';

export interface NodeSecurity {
  readonly tls: TlsKeeper | undefined;
  readonly trust: TrustSet | undefined;
}

/** @throws ProcessError `BAD_CONFIGURATION` that names option, file and fix. */
export async function openSecurity(
  { logger, options, own }: ProcessContext<typeof nodeOptionTable>,
  registry: Registry,
): Promise<NodeSecurity> {
  const { cluster, insecure, trustedKeys } = options;
  if (insecure || trustedKeys === undefined) {
    logger.warn(
      {},
      '--insecure: links are in plain text, and anybody who reaches them is believed',
    );
    return { tls: undefined, trust: undefined };
  }
  const about = { logger, count: createReloadMeter(registry) };
  const watched = own('trusted keys', await openTrust(cluster, trustedKeys, about));
  exposeTrust(registry, watched.trust);
  const tls = await openTls(options, (texts) => new TlsKeeper(texts), about);
  if (tls === undefined) return { tls, trust: watched.trust };
  own('certificates', tls);
  own('reload on SIGHUP', reloadOnHangup([watched, tls]));
  exposeCertificate(registry, tls.holder);
  return { tls: tls.holder, trust: watched.trust };
}
