/**
 * Certificates of a throw-away authority as files in one folder, as the processes of a lab read them.
 * Decides where they lie, and that nobody else can read the keys. The authority's own key is not among
 * them, and ends with this object.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PeerRole, TlsMaterial } from '@herald/wire';
import { formatPeerIdentity } from '@herald/wire';
import type { ClusterName, NodeId } from '@herald/core';
import { CertificateAuthority } from './certificate-authority.ts';
import type { CertificateRequest } from './certificate-authority.ts';

/** Where the three files of one party lie. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What one party is given: contents for our own process, files for others. */
export interface Issued {
  readonly material: TlsMaterial;
  readonly files: TlsFiles;
}

export class CertificateFiles {
  readonly authority: CertificateAuthority;
  readonly folder: string;
  readonly #cluster: ClusterName;

  protected constructor(cluster: ClusterName, authority: CertificateAuthority, folder: string) {
    this.#cluster = cluster;
    this.authority = authority;
    this.folder = folder;
  }

  /** An authority of its own, in a folder that is there and that only this user should be able to enter. */
  static async create(cluster: ClusterName, folder: string): Promise<CertificateFiles> {
    const files = new CertificateFiles(cluster, await CertificateAuthority.create(), folder);
    await files.writeAuthority();
    return files;
  }

  /** For a party of the cluster. Without a name: for any member of that role. */
  async issue(role: PeerRole, name?: NodeId): Promise<Issued> {
    const identity = { cluster: this.#cluster, role, ...(name === undefined ? {} : { name }) };
    const label = name === undefined ? role : `${role}-${name}`;
    return this.write(label, { uris: [formatPeerIdentity(identity)] });
  }

  /** Any certificate, in the files `LABEL.pem` and `LABEL.key`; replaces those of before. */
  async write(label: string, request: CertificateRequest): Promise<Issued> {
    const { cert, key } = await this.authority.issue(request);
    const files: TlsFiles = {
      ca: join(this.folder, 'ca.pem'),
      cert: join(this.folder, `${label}.pem`),
      key: join(this.folder, `${label}.key`),
    };
    await writeFile(files.key, key, { mode: 0o600 });
    await writeFile(files.cert, cert);
    return { material: { ca: this.authority.ca, cert, key }, files };
  }

  protected async writeAuthority(): Promise<void> {
    await writeFile(join(this.folder, 'ca.pem'), this.authority.ca);
  }
}

/** The flags by which a process of Herald is given them. */
export function tlsFlags({ ca, cert, key }: TlsFiles): readonly string[] {
  return ['--tls-ca', ca, '--tls-cert', cert, '--tls-key', key];
}
