/** Whose records a command believes: decides that the keys and the cluster that they sign for are given together. */
import { readFileSync } from 'node:fs';
import { createTrustSet } from '@herald/client';
import type { TrustSet } from '@herald/client';
import { UsageError } from './usage-error.ts';

export interface TrustFlags {
  readonly trustedKeys?: string;
  readonly cluster?: string;
}

/**
 * The keys that the flags name, for `createClient`; nothing when they name none.
 *
 * @throws UsageError that names the flag and the fix.
 */
export function trustOf({ cluster, trustedKeys: path }: TrustFlags): {
  readonly trustedKeys?: TrustSet;
} {
  if (path === undefined) return {};
  if (cluster === undefined) {
    throw new UsageError(
      '--cluster: is required with --trusted-keys: records are signed for one cluster',
    );
  }
  const named = `--trusted-keys ${path}`;
  const trustedKeys = told(`${named}: cannot be read`, () => readFileSync(path, 'utf8'));
  return { trustedKeys: told(named, () => createTrustSet({ cluster, trustedKeys })) };
}

function told<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${what}: ${message}`, { cause: error });
  }
}
