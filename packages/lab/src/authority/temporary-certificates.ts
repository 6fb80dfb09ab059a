/**
 * Certificates of a throw-away authority that go with whoever made them. Decides where they lie, and that
 * keys outlive no process that made them, however it ends.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority, CertificateFiles } from '@herald/authority';
import type { ClusterName } from '@herald/core';
import { watchOver } from '../process/watchdog.ts';
import type { Watch } from '../process/watchdog.ts';

export class TemporaryCertificates extends CertificateFiles implements AsyncDisposable {
  readonly #watch: Watch;

  private constructor(cluster: ClusterName, authority: CertificateAuthority, folder: string) {
    super(cluster, authority, folder);
    this.#watch = watchOver({ kind: 'directory', path: folder });
  }

  /** An authority of its own, with a folder that only this user can enter. */
  static override async create(cluster: ClusterName): Promise<TemporaryCertificates> {
    const authority = await CertificateAuthority.create();
    const folder = await mkdtemp(join(tmpdir(), 'herald-certificates-'));
    const files = new TemporaryCertificates(cluster, authority, folder);
    await files.writeAuthority();
    return files;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
    this.#watch.release();
  }
}
