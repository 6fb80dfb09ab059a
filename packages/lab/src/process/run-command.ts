/**
 * Runs a command to its end, bounded in time and in output, for the questions that the lab asks of
 * the machine (`etcd --version`, `docker info`, `apt-get install`). Decides nothing about the answer.
 */
import { execFile } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

/** Output kept of one command; more than this from any command we run would be a mistake. */
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

export type CommandResult =
  | { readonly kind: 'ok'; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'failed'; readonly reason: string };

export interface RunOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** What ends the command at the time limit; SIGKILL unless the command must be left to tidy up. */
  readonly killSignal?: NodeJS.Signals;
}

/** Resolves with the command's output, or with why there is none; rejects only when aborted. */
export function runCommand(
  command: string,
  args: readonly string[],
  { timeoutMs, signal, env, killSignal = 'SIGKILL' }: RunOptions,
): Promise<CommandResult> {
  const options = {
    timeout: timeoutMs,
    killSignal,
    maxBuffer: OUTPUT_BYTES_MAX,
    ...(signal && { signal }),
    ...(env && { env }),
  };
  return new Promise((resolve, reject) => {
    const child = execFile(command, [...args], options, (error, stdout, stderr) => {
      if (signal?.aborted) reject(signal.reason as Error);
      else if (error === null) resolve({ kind: 'ok', stdout, stderr });
      else resolve({ kind: 'failed', reason: failureReason(error, stdout, stderr, timeoutMs) });
    });
    child.stdin?.end();
  });
}

function failureReason(
  error: Error & { code?: unknown; killed?: boolean },
  stdout: string,
  stderr: string,
  timeoutMs: number,
): string {
  if (error.code === 'ENOENT') return 'not found';
  if (error.killed === true) return `no answer within ${timeoutMs} ms`;
  const said = stderr.trim() || stdout.trim();
  return said === '' ? error.message : (said.split('\n').at(-1) ?? said);
}

/** Where `command` is on the PATH of `env`, or undefined. */
export async function findOnPath(
  command: string,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    // An empty or relative entry would make the answer depend on the working directory.
    if (!isAbsolute(folder)) continue;
    const path = join(folder, command);
    try {
      await access(path, constants.X_OK);
      if ((await stat(path)).isFile()) return path;
    } catch {
      continue; // not there, or not for us: the next folder may have it
    }
  }
  return undefined;
}
