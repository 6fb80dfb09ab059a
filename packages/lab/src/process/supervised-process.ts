/**
 * Decides how the lab starts a child process and how it ends one, so that none outlives the lab.
 *
 * The child starts behind a gate: an `sh` that waits for one line on its stdin before it becomes the
 * command (`exec`, so the process id stays the same). We give its id to the watchdog first and open
 * the gate second; if we die in between, the gate sees end of file and nothing was ever started.
 * The child leads a process group of its own, so Ctrl-C in a terminal reaches the lab alone and the
 * lab decides the order in which things end.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

import { LabError } from '../lab-error.ts';
import { watchOver, type Watch } from './watchdog.ts';

/** How long `stop` waits after its signal before it sends SIGKILL. */
export const STOP_GRACE_MS = 5_000;

/** Lines of output that are kept for error messages: enough for a stack trace or etcd's last words. */
export const OUTPUT_LINES_KEPT_MAX = 200;

/** Becomes the command once it reads its line; at end of file it just ends. */
export const GATE_SCRIPT = 'read -r go && [ "$go" = go ] && exec "$@" </dev/null';

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface SuperviseOptions {
  /** What the process is called in error messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the child; our own if left out. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Called with each line that the child prints. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Called with each message of a Node child; opens the channel that `send` needs. */
  readonly onMessage?: (message: unknown) => void;
}

export interface SupervisedProcess extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** Settles when the process has ended and all its output was read. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** How it ended; undefined while it runs. */
  readonly exit: ProcessExit | undefined;
  /** The last lines that it printed, on either stream. */
  readonly lastLines: readonly string[];
  /** Sends a signal to the child and all it started. False if it has ended. */
  signal(signal: NodeJS.Signals): boolean;
  /** Sends a message to a Node child that was started with `onMessage`. */
  send(message: object): void;
  /** Signals the child (SIGTERM by default), wakes it if it is paused, kills it after `graceMs`. */
  stop(options?: { signal?: NodeJS.Signals; graceMs?: number }): Promise<ProcessExit>;
}

/** Starts a child that ends with us, even if we are killed. It runs when this returns. */
export function superviseProcess(options: SuperviseOptions): SupervisedProcess {
  const child = spawn('sh', ['-c', GATE_SCRIPT, 'gate', options.command, ...options.args], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', ...(options.onMessage ? (['ipc'] as const) : [])],
    ...(options.env && { env: options.env }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  // Without an id the spawn itself failed; the reason arrives in an 'error' event of its own.
  child.once('error', () => undefined);
  if (child.pid === undefined) {
    throw new LabError('command-failed', `${options.name}: cannot start a process (sh)`);
  }
  const watch = watchOver({ kind: 'process', pid: child.pid });
  child.stdin?.on('error', () => undefined); // The gate died before it read: 'close' says so.
  child.stdin?.end('go\n');
  return new ChildUnderWatch(child, child.pid, watch, options);
}

class ChildUnderWatch implements SupervisedProcess {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  readonly #lastLines: string[] = [];
  #exit: ProcessExit | undefined;

  constructor(child: ChildProcess, pid: number, watch: Watch, options: SuperviseOptions) {
    this.name = options.name;
    this.pid = pid;
    this.#child = child;
    this.#read(child.stdout, 'stdout', options.onLine);
    this.#read(child.stderr, 'stderr', options.onLine);
    if (options.onMessage) child.on('message', options.onMessage);
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#exit = { code, signal };
        watch.release();
        resolve(this.#exit);
      });
    });
  }

  get exit(): ProcessExit | undefined {
    return this.#exit;
  }

  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  signal(signal: NodeJS.Signals): boolean {
    if (this.#exit !== undefined) return false;
    try {
      process.kill(-this.pid, signal);
      return true;
    } catch (error) {
      // It ended a moment ago and 'close' has not reached us yet.
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
      throw error;
    }
  }

  send(message: object): void {
    if (!this.#child.connected) {
      throw new LabError('command-failed', `${this.name}: no channel to send a message on`);
    }
    this.#child.send(message);
  }

  async stop(options: { signal?: NodeJS.Signals; graceMs?: number } = {}): Promise<ProcessExit> {
    this.signal(options.signal ?? 'SIGTERM');
    // A paused process receives no signal but SIGKILL until it is woken.
    this.signal('SIGCONT');
    const killer = setTimeout(() => this.signal('SIGKILL'), options.graceMs ?? STOP_GRACE_MS);
    try {
      return await this.exited;
    } finally {
      clearTimeout(killer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #read(
    stream: Readable | null,
    which: 'stdout' | 'stderr',
    onLine: SuperviseOptions['onLine'],
  ): void {
    if (stream === null) return;
    createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
      this.#lastLines.push(line);
      if (this.#lastLines.length > OUTPUT_LINES_KEPT_MAX) this.#lastLines.shift();
      onLine?.(line, which);
    });
  }
}
