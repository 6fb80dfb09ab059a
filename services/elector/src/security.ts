/**
 * What an elector's process proves itself with and whom it believes, from its options. Decides that
 * certificates and keys are in force before anything listens, and that SIGHUP reads all of them anew.
 */
import { createReloadMeter, exposeCertificate, openTls, reloadOnHangup } from '@herald/process';
import type { ProcessContext, Reloadable } from '@herald/process';
import { TlsKeeper } from '@herald/wire';
import type { Registry } from 'prom-client';
import type { EtcdAccess } from './etcd/access.ts';
import { openEtcdAccess } from './etcd-files.ts';
import { openElectorKeys } from './keys.ts';
import type { ElectorKeys } from './keys.ts';
import type { electorOptionTable } from './options.ts';

export interface ElectorSecurity {
  readonly tls: TlsKeeper | undefined;
  readonly keys: ElectorKeys | undefined;
  readonly etcdAccess: EtcdAccess;
}

/** @throws ProcessError `BAD_CONFIGURATION` that names option, file and fix. */
export async function openSecurity(
  context: ProcessContext<typeof electorOptionTable>,
  registry: Registry,
): Promise<ElectorSecurity> {
  const { logger, options, own } = context;
  const { cluster, insecure, signingKey, trustedKeys } = options;
  const about = { logger, count: createReloadMeter(registry) };
  const etcd = await openEtcdAccess(context, about.count);
  const reloadables: Reloadable[] = [...etcd.reloadables];
  own('reload on SIGHUP', reloadOnHangup(reloadables));
  const etcdAccess = etcd.access;
  if (insecure || signingKey === undefined || trustedKeys === undefined) {
    logger.warn(
      {},
      '--insecure: links are in plain text, and anybody who reaches them is believed',
    );
    return { tls: undefined, keys: undefined, etcdAccess };
  }
  const keys = own('keys', await openElectorKeys(cluster, { signingKey, trustedKeys }, about));
  reloadables.push(keys);
  const tls = await openTls(options, (texts) => new TlsKeeper(texts), about);
  if (tls === undefined) return { tls, keys, etcdAccess };
  reloadables.push(own('certificates', tls));
  exposeCertificate(registry, tls.holder);
  return { tls: tls.holder, keys, etcdAccess };
}
