/**
 * Takes out of the containers what a client on the host proves itself with, by the command that README.md
 * gives for it, so that the command is known to work.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTrustSet, TlsKeeper } from '@herald/client';
import type { ClientSecurity } from './compose-cluster.ts';
import type { Outcome } from './compose-command.ts';

/** As docker-compose.yml calls it. */
export const composeCluster = 'compose';

export async function takeClientKeys(
  compose: (...args: readonly string[]) => Promise<Outcome>,
): Promise<ClientSecurity> {
  const packing = ['--entrypoint', 'tar', 'herald', '-cC', '/keys', '.'];
  const { exitCode, stdout, stderr } = await compose('run', '--rm', '-T', ...packing);
  if (exitCode !== 0) throw new Error(`the client's keys cannot be had:\n${stderr}`);
  const folder = await mkdtemp(join(tmpdir(), 'herald-client-keys-'));
  try {
    execFileSync('tar', ['-xoC', folder], { input: stdout });
    const [ca = '', cert = '', key = '', trustedKeys = ''] = await Promise.all(
      ['ca.pem', 'cert.pem', 'cert.key', 'trusted-keys.pem'].map((name) =>
        readFile(join(folder, name), 'utf8'),
      ),
    );
    return {
      tls: new TlsKeeper({ ca, cert, key }),
      trustedKeys: createTrustSet({ cluster: composeCluster, trustedKeys }),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
