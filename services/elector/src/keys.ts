/**
 * The keys of an elector's process: decides that the key it signs with is one that it trusts itself. So a
 * rotation done in the wrong order, the signing key first, is refused here, before others refuse the records.
 */
import type { ClusterName } from '@herald/core';
import { WatchedFiles } from '@herald/process';
import type { Logger, ReloadMeter } from '@herald/process';
import {
  createRecordSigner,
  createTrustSet,
  parseSigningKey,
  parseTrustedKeys,
} from '@herald/wire';
import type { RecordSigner, TrustSet } from '@herald/wire';

export interface KeyFiles {
  readonly signingKey: string;
  readonly trustedKeys: string;
}

export interface ElectorKeys extends Disposable {
  readonly signer: RecordSigner;
  readonly trust: TrustSet;
  /** Reads both files now. */
  reload(): Promise<boolean>;
}

/**
 * Reads the keys, and reads them again when the files are replaced.
 *
 * @throws ProcessError `BAD_CONFIGURATION` that names option, file and fix.
 */
export async function openElectorKeys(
  cluster: ClusterName,
  paths: KeyFiles,
  about: { readonly logger: Logger; readonly count: ReloadMeter },
): Promise<ElectorKeys> {
  let keys: { readonly signer: RecordSigner; readonly trust: TrustSet } | undefined;
  const files = await WatchedFiles.open({
    ...about,
    what: 'keys',
    files: {
      signingKey: { option: '--signing-key', path: paths.signingKey },
      trustedKeys: { option: '--trusted-keys', path: paths.trustedKeys },
    },
    use: ({ signingKey, trustedKeys }) => {
      checkTrusted(signingKey, trustedKeys);
      if (keys === undefined) {
        const signer = createRecordSigner({ cluster, signingKey });
        keys = { signer, trust: createTrustSet({ cluster, trustedKeys }) };
      } else {
        // Both were read and found good above, so that neither of the two refuses.
        keys.trust.replace(trustedKeys);
        keys.signer.replace(signingKey);
      }
      const { signer, trust } = keys;
      about.logger.info(
        { signingKeyId: signer.keyId, trustedKeyIds: trust.keyIds },
        'keys in force',
      );
    },
  });
  if (keys === undefined) throw new Error('keys that were opened are in force');
  const { signer, trust } = keys;
  return {
    ...{ signer, trust },
    reload: () => files.reload(),
    [Symbol.dispose]: () => {
      files[Symbol.dispose]();
    },
  };
}

function checkTrusted(signingKey: string, trustedKeys: string): void {
  const { keyId } = parsed('--signing-key', () => parseSigningKey(signingKey));
  const trusted = parsed('--trusted-keys', () => parseTrustedKeys(trustedKeys));
  if (trusted.some((key) => key.keyId === keyId)) return;
  throw new Error(
    `the signing key ${keyId} is not among the trusted keys, so that nobody would believe its ` +
      'records; add its public half to --trusted-keys here and everywhere, and only then sign with it',
  );
}

/** Two files are read together: which of them is meant stands in the message. */
function parsed<Key>(option: string, parse: () => Key): Key {
  try {
    return parse();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${option} ${message}`, { cause: error });
  }
}
