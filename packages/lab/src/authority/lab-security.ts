/**
 * What the parties of a lab prove themselves with. Decides who is given what: each elector a certificate
 * and a signing key of its own, all nodes one certificate without a name (as a fleet that issues one for
 * a role), the lab itself that of an operator and that of a client. All of it goes with the lab.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tlsFlags } from '@herald/authority';
import { createTrustSet } from '@herald/client';
import type { ClientOptions, SecurityOptions } from '@herald/client';
import { parseClusterName, parseNodeId } from '@herald/core';
import { generateKeyPair, TlsKeeper } from '@herald/wire';
import type { TlsMaterial } from '@herald/wire';
import { TemporaryCertificates } from './temporary-certificates.ts';

/** What worker processes are told; survives JSON. */
export interface NodeSecurity {
  readonly tls: TlsMaterial;
  /** Public keys, PEM. */
  readonly trustedKeys: string;
}

export interface LabSecurity extends AsyncDisposable {
  readonly isSecure: boolean;
  /** Flags of the elector with this id. */
  electorFlags(id: string): readonly string[];
  /** For nodes; undefined where everything is in plain text. */
  readonly nodes: NodeSecurity | undefined;
  readonly client: Pick<ClientOptions, 'tls' | 'insecure' | 'trustedKeys'>;
  /** The same for clients in other processes. */
  readonly clientFlags: readonly string[];
  readonly operator: SecurityOptions;
}

/** Plain text, from and to anybody. */
export const insecureLab: LabSecurity = {
  isSecure: false,
  electorFlags: () => ['--insecure'],
  nodes: undefined,
  client: { insecure: true },
  clientFlags: ['--insecure'],
  operator: { insecure: true },
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** An authority, certificates and keys for a cluster with these electors. */
export async function secureLab(
  cluster: string,
  electorIds: readonly string[],
): Promise<LabSecurity> {
  const files = await TemporaryCertificates.create(parseClusterName(cluster));
  const { folder } = files;
  const keys = electorIds.map((id) => ({ id, ...generateKeyPair() }));
  const trustedKeys = keys.map(({ trustedKey }) => trustedKey).join('');
  const trustedFile = join(folder, 'trusted-keys.pem');
  await writeFile(trustedFile, trustedKeys);
  const flags = new Map<string, readonly string[]>();
  for (const { id, signingKey } of keys) {
    const signingFile = join(folder, `${id}-signing.key`);
    await writeFile(signingFile, signingKey, { mode: 0o600 });
    const issued = await files.issue('elector', parseNodeId(id));
    const signing = ['--signing-key', signingFile, '--trusted-keys', trustedFile];
    flags.set(id, [...tlsFlags(issued.files), ...signing]);
  }
  const node = await files.issue('node');
  const client = await files.issue('client');
  const operator = await files.issue('operator');
  return {
    isSecure: true,
    electorFlags: (id) => flags.get(id) ?? [],
    nodes: { tls: node.material, trustedKeys },
    client: {
      tls: new TlsKeeper(client.material),
      trustedKeys: createTrustSet({ cluster, trustedKeys }),
    },
    clientFlags: [...tlsFlags(client.files), '--trusted-keys', trustedFile],
    operator: { tls: new TlsKeeper(operator.material) },
    [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
  };
}
