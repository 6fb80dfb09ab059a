/** Whose records a node's process takes: decides that the file which says so is read again when replaced. */
import type { ClusterName } from '@herald/core';
import { WatchedFiles } from '@herald/process';
import type { Logger, Reloadable, ReloadMeter } from '@herald/process';
import { createTrustSet } from '@herald/wire';
import type { TrustSet } from '@herald/wire';

export interface WatchedTrust extends Reloadable, Disposable {
  readonly trust: TrustSet;
}

/** @throws ProcessError `BAD_CONFIGURATION` that names option, file and fix. */
export async function openTrust(
  cluster: ClusterName,
  path: string,
  about: { readonly logger: Logger; readonly count: ReloadMeter },
): Promise<WatchedTrust> {
  let trust: TrustSet | undefined;
  const files = await WatchedFiles.open({
    ...about,
    what: 'trusted keys',
    files: { trustedKeys: { option: '--trusted-keys', path } },
    use: ({ trustedKeys }) => {
      if (trust === undefined) trust = createTrustSet({ cluster, trustedKeys });
      else trust.replace(trustedKeys);
      about.logger.info({ trustedKeyIds: trust.keyIds }, 'keys in force');
    },
  });
  if (trust === undefined) throw new Error('keys that were opened are in force');
  return {
    trust,
    reload: () => files.reload(),
    [Symbol.dispose]: () => {
      files[Symbol.dispose]();
    },
  };
}
