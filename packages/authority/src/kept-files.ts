/**
 * Files in a folder that processes read while they are replaced. Decides that each is replaced whole, by a
 * rename, and only by something else than what it holds; and who may read it.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** `secret`: for whoever the folder belongs to alone. */
export type Readers = 'secret' | 'open';

const modes: Readonly<Record<Readers, number>> = { secret: 0o600, open: 0o644 };
const folderMode = 0o700;

export class KeptFiles {
  readonly #folder: string;
  readonly #made: string[] = [];
  readonly #kept: string[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Paths within the folder: written, and found as they should be. */
  get outcome(): { readonly made: readonly string[]; readonly kept: readonly string[] } {
    return { made: [...this.#made], kept: [...this.#kept] };
  }

  /** @returns undefined when it is not there */
  async read(path: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.#folder, path), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async put(path: string, content: string, readers: Readers): Promise<void> {
    if ((await this.read(path)) === content) {
      this.#kept.push(path);
      return;
    }
    const whole = join(this.#folder, path);
    // Folders that are there are left as they are: they may be volumes.
    await mkdir(dirname(whole), { recursive: true, mode: folderMode });
    const draft = `${whole}.new`;
    await writeFile(draft, content, { mode: modes[readers] });
    await rename(draft, whole);
    this.#made.push(path);
  }
}
