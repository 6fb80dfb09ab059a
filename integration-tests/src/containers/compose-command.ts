/** Finds the compose that there is, the plugin of Docker or the older program, and runs it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** To ask a command for its version: the older one is Python, and takes its time on a busy machine. */
const askMs = 60_000;
/** To build an image from what is cached and to run a container, on a busy machine. */
const runMs = 180_000;

export interface ComposeCommand {
  /** Whether it is `docker-compose` rather than `docker compose`. */
  readonly isStandalone: boolean;
  readonly words: readonly [string, ...string[]];
}

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** @throws Error that says what to install, when there is neither. */
export async function findCompose(): Promise<ComposeCommand> {
  const known: readonly ComposeCommand[] = [
    { isStandalone: false, words: ['docker', 'compose'] },
    { isStandalone: true, words: ['docker-compose'] },
  ];
  for (const command of known) {
    const [file, ...args] = command.words;
    try {
      await execute(file, [...args, 'version'], { timeout: askMs });
      return command;
    } catch {
      continue; // not there: the other one may be
    }
  }
  throw new Error('container tests need `docker compose` or docker-compose 1.29, and find neither');
}

/** Runs it to its end, whatever the exit code. */
export async function runCompose(
  { words: [file, ...words] }: ComposeCommand,
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<Outcome> {
  const options = { cwd, env: { ...process.env, ...env }, timeout: runMs };
  try {
    return { exitCode: 0, ...(await execute(file, [...words, ...args], options)) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown } & Partial<Outcome>;
    if (typeof code !== 'number' || stdout === undefined || stderr === undefined) throw error;
    return { exitCode: code, stdout, stderr };
  }
}
