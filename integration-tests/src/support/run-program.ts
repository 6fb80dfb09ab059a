/**
 * Runs one of our programs as a user would, with an environment, a folder for temporary files and a
 * mark of its own. Decides what "nothing left" means: no process that bears the mark, no file.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { superviseProcess, waitUntil } from '@herald/lab';
import type { SupervisedProcess } from '@herald/lab';

export type Program =
  'herald-elector' | 'herald-gossip-node' | 'herald-lab' | 'herald' | 'ticket-office';

const packages: Readonly<Record<Program, string>> = {
  'herald-elector': '@herald/elector',
  'herald-gossip-node': '@herald/gossip-node',
  'herald-lab': '@herald/lab',
  herald: '@herald/cli',
  'ticket-office': '@herald/ticket-office',
};

const markName = 'INTEGRATION_TEST_MARK';
const goneMs = 20_000;

export interface RunOptions {
  readonly program: Program;
  readonly args: readonly string[];
  /** Variables beside those that any program gets; none of Herald's or etcd's are passed on. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs. */
export class RunningProgram implements AsyncDisposable {
  readonly process: SupervisedProcess;
  readonly #folder: string;
  readonly #mark: string;
  readonly #lines = { stdout: [] as string[], stderr: [] as string[] };

  private constructor({ program, args, env }: RunOptions, folder: string, mark: string) {
    this.#folder = folder;
    this.#mark = mark;
    this.process = superviseProcess({
      name: program,
      command: process.execPath,
      args: [scriptOf(program), ...args],
      cwd: folder,
      env: { ...plainEnvironment(), ...env, TMPDIR: folder, [markName]: mark },
      onLine: (line, stream) => this.#lines[stream].push(line),
    });
  }

  static async start(options: RunOptions): Promise<RunningProgram> {
    const folder = await mkdtemp(join(tmpdir(), 'herald-integration-'));
    return new RunningProgram(options, folder, randomUUID());
  }

  get stdout(): string {
    return this.#lines.stdout.join('\n');
  }

  get stderr(): string {
    return this.#lines.stderr.join('\n');
  }

  /** Lines of its log with that message, as objects. */
  logged(message: string): readonly Readonly<Record<string, unknown>>[] {
    return this.#lines.stdout
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === message);
  }

  /** Waits for a line of its log. */
  async untilLogged(
    message: string,
    timeoutMs: number,
  ): Promise<Readonly<Record<string, unknown>>> {
    return waitUntil(
      `"${message}" from ${this.process.name}`,
      () => {
        const [found] = this.logged(message);
        if (found === undefined && this.process.exit !== undefined) {
          throw new Error([`${this.process.name} ended:`, ...this.process.lastLines].join('\n'));
        }
        return found;
      },
      { timeoutMs },
    );
  }

  async exited(): Promise<Outcome> {
    const { code } = await this.process.exited;
    return { exitCode: code, stdout: this.stdout, stderr: this.stderr };
  }

  /** Ends it if it still runs, and waits until nothing is left of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
    try {
      await waitUntil(
        `no process of ${this.process.name} to be left`,
        async () => (await processesWith(`${markName}=${this.#mark}`)).length === 0,
        { timeoutMs: goneMs },
      );
      await waitUntil(
        `no file of ${this.process.name} to be left`,
        async () => (await readdir(this.#folder)).length === 0,
        { timeoutMs: goneMs },
      );
    } finally {
      await rm(this.#folder, { recursive: true, force: true });
    }
  }
}

/** Runs it to its end, and makes sure that nothing is left of it. */
export async function runProgram(options: RunOptions): Promise<Outcome> {
  await using program = await RunningProgram.start(options);
  return await program.exited();
}

function scriptOf(program: Program): string {
  return fileURLToPath(new URL('./main.js', import.meta.resolve(packages[program])));
}

function plainEnvironment(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !/^(HERALD|ETCD|ETCDCTL|NODE)_/.test(name)) kept[name] = value;
  }
  return kept;
}

/** By their environment, which children inherit, however they are related to us by then. */
async function processesWith(mark: string): Promise<readonly string[]> {
  // Elsewhere than on Linux, files are looked at alone.
  if (process.platform !== 'linux') return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const marked = await Promise.all(
    pids.map(async (pid) => {
      // It may end while we look, or be somebody else's.
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(mark) ? [pid] : [];
    }),
  );
  return marked.flat();
}
