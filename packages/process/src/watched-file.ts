/**
 * Files that may be replaced while the process runs: keys, certificates, passwords. Decides when they
 * are read again, and that contents which cannot be used change nothing: what was in force stays so.
 *
 * They are looked at every few seconds, since a watch of the file system misses what matters here: a
 * rename over the name, and the swap of a symbolic link by which orchestrators replace mounted secrets.
 * Files that only make sense together, as a certificate and its key, are read and handed over together.
 */
import { readFile, stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { Counter } from 'prom-client';
import type { Registry } from 'prom-client';
import { processLimits } from './limits.ts';
import { describeError, ProcessError } from './process-error.ts';

/** A file, and the option that names it, for messages: `--trusted-keys`. */
export interface FileOption {
  readonly option: string;
  readonly path: string;
}

/** What became of contents that differ from those in force. */
export type ReloadOutcome = 'replaced' | 'refused';

/** Counts reloads by what was reloaded. */
export type ReloadMeter = (what: string, outcome: ReloadOutcome) => void;

export interface WatchedFilesOptions<Name extends string> {
  /** For the log and the metric: `trusted keys`. */
  readonly what: string;
  readonly files: Readonly<Record<Name, FileOption>>;
  /**
   * Puts contents into force, all files together. To refuse them it throws an error whose message says
   * what is wrong and the fix, and changes nothing; it is asked again when one of the files changes.
   */
  readonly use: (contents: Readonly<Record<Name, string>>) => void;
  readonly logger: Pick<Logger, 'info' | 'error'>;
  readonly count?: ReloadMeter;
  /** How often the files are looked at; `processLimits.fileWatchIntervalMs` unless given. */
  readonly intervalMs?: number;
}

export class WatchedFiles<Name extends string> implements Disposable {
  readonly #options: WatchedFilesOptions<Name>;
  readonly #files: readonly (readonly [Name, FileOption])[];
  /** What the system said of the files when they were read last. */
  #identity = '';
  #inForce: Readonly<Record<Name, string>> | undefined;
  #looking: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(options: WatchedFilesOptions<Name>) {
    this.#options = options;
    this.#files = Object.entries(options.files) as [Name, FileOption][];
  }

  /**
   * Reads the files, puts their contents into force, and looks at them from then on, without keeping
   * the process alive.
   *
   * @throws ProcessError `BAD_CONFIGURATION` when one cannot be read, or they are refused.
   */
  static async open<Name extends string>(
    options: WatchedFilesOptions<Name>,
  ): Promise<WatchedFiles<Name>> {
    const watched = new WatchedFiles(options);
    watched.#identity = await watched.#identify();
    watched.#use(await watched.#read());
    watched.#arm();
    return watched;
  }

  /**
   * Reads the files now, whether they look changed or not. Resolves with whether other contents came
   * into force; never rejects: what is wrong with them is logged and counted.
   */
  reload(): Promise<boolean> {
    return this.#look(true);
  }

  /** Looks no more; contents in force stay so. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    if (this.#isClosed) return;
    const { intervalMs = processLimits.fileWatchIntervalMs } = this.#options;
    this.#timer = setTimeout(() => {
      void this.#look(false).finally(() => {
        this.#arm();
      });
    }, intervalMs).unref();
  }

  /** One look at a time, so that contents come into force in the order in which they were read. */
  #look(isAsked: boolean): Promise<boolean> {
    const look = this.#looking.then(() => this.#lookOnce(isAsked));
    this.#looking = look;
    return look;
  }

  async #lookOnce(isAsked: boolean): Promise<boolean> {
    const { what, logger, count } = this.#options;
    // Before the contents are read: what changes meanwhile is seen as changed by the next look.
    const identity = await this.#identify();
    if (this.#isClosed || (identity === this.#identity && !isAsked)) return false;
    this.#identity = identity;
    try {
      const contents = await this.#read();
      if (this.#isNoNews(contents)) return false;
      this.#use(contents);
    } catch (error) {
      count?.(what, 'refused');
      logger.error({ reason: describeError(error) }, `${what}: the old stay in force`);
      return false;
    }
    count?.(what, 'replaced');
    logger.info({ files: this.#files.map(([, { path }]) => path) }, `${what}: replaced`);
    return true;
  }

  /** What tells one state of the files from another without reading them; follows symbolic links. */
  async #identify(): Promise<string> {
    const parts = this.#files.map(async ([, { path }]) => {
      try {
        const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
        return [dev, ino, size, mtimeNs].join(' ');
      } catch (error) {
        return describeError(error);
      }
    });
    return (await Promise.all(parts)).join('\n');
  }

  /** One after the other: of several that cannot be read, it is always the first one that is told of. */
  async #read(): Promise<Readonly<Record<Name, string>>> {
    const contents: Partial<Record<Name, string>> = {};
    for (const [name, file] of this.#files) contents[name] = await readSmallFile(file);
    return contents as Record<Name, string>;
  }

  #isNoNews(contents: Readonly<Record<Name, string>>): boolean {
    if (this.#isClosed) return true;
    return this.#files.every(([name]) => contents[name] === this.#inForce?.[name]);
  }

  #use(contents: Readonly<Record<Name, string>>): void {
    try {
      this.#options.use(contents);
    } catch (error) {
      const files = this.#files.map(([, file]) => describeFile(file)).join(', ');
      throw new ProcessError('BAD_CONFIGURATION', `${files}: ${describeError(error)}`);
    }
    this.#inForce = contents;
  }
}

async function readSmallFile(file: FileOption): Promise<string> {
  const { watchedFileBytesMax } = processLimits;
  const refused = (problem: string): ProcessError =>
    new ProcessError('BAD_CONFIGURATION', `${describeFile(file)}: ${problem}`);
  try {
    const found = await stat(file.path);
    if (!found.isFile()) throw refused('must be a regular file, so that it can be read again');
    if (found.size > watchedFileBytesMax) {
      throw refused(`must be at most ${watchedFileBytesMax} bytes long, got ${found.size}`);
    }
    return await readFile(file.path, 'utf8');
  } catch (error) {
    if (error instanceof ProcessError) throw error;
    throw refused(`cannot be read: ${describeError(error)}`);
  }
}

function describeFile({ option, path }: FileOption): string {
  return `${option} ${path}`;
}

/** Counts reloads as `herald_reloads_total`, by what was reloaded and the outcome. */
export function createReloadMeter(registry: Registry): ReloadMeter {
  const reloads = new Counter({
    name: 'herald_reloads_total',
    help: 'Files with keys or certificates that were replaced, or refused while the old stayed in force',
    labelNames: ['what', 'outcome'],
    registers: [registry],
  });
  return (what, outcome) => {
    reloads.inc({ what, outcome });
  };
}

/** What SIGHUP asks to read its files anew. */
export interface Reloadable {
  reload(): Promise<unknown>;
}

/** From now on SIGHUP reloads all of `reloadables` and no longer ends the process. */
export function reloadOnHangup(reloadables: readonly Reloadable[]): Disposable {
  const reload = (): void => {
    for (const reloadable of reloadables) void reloadable.reload();
  };
  process.on('SIGHUP', reload);
  return {
    [Symbol.dispose]: () => {
      process.off('SIGHUP', reload);
    },
  };
}
