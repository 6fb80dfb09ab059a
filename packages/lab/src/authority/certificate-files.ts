/**
 * Certificates of a throw-away authority as files in a folder of their own, as the processes of a lab
 * read them. Decides where they lie, that nobody else can read the keys, and that they go with the lab.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PeerRole, TlsMaterial } from '@herald/wire';
import { formatPeerIdentity } from '@herald/wire';
import type { ClusterName, NodeId } from '@herald/core';
import { watchOver } from '../process/watchdog.ts';
import type { Watch } from '../process/watchdog.ts';
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

export class CertificateFiles implements AsyncDisposable {
  readonly authority: CertificateAuthority;
  readonly folder: string;
  readonly #cluster: ClusterName;
  /** Keys outlive no process that made them, however it ends. */
  readonly #watch: Watch;

  private constructor(cluster: ClusterName, authority: CertificateAuthority, folder: string) {
    this.#cluster = cluster;
    this.#watch = watchOver({ kind: 'directory', path: folder });
    this.authority = authority;
    this.folder = folder;
  }

  /** An authority of its own, with a folder that only this user can enter. */
  static async create(cluster: ClusterName): Promise<CertificateFiles> {
    const authority = await CertificateAuthority.create();
    const folder = await mkdtemp(join(tmpdir(), 'herald-certificates-'));
    const files = new CertificateFiles(cluster, authority, folder);
    await writeFile(join(folder, 'ca.pem'), authority.ca);
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

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
    this.#watch.release();
  }
}

/** The flags by which a process of Herald is given them. */
export function tlsFlags({ ca, cert, key }: TlsFiles): readonly string[] {
  return ['--tls-ca', ca, '--tls-cert', cert, '--tls-key', key];
}
