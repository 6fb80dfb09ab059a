/**
 * One elector of the lab: the real `herald-elector` as a process of its own. Decides how it is
 * started, that it keeps its port when it is started again, and what is done to it on request.
 */
import { fileURLToPath } from 'node:url';
import { monotonicNowMs } from '@herald/process';
import { LabError } from '../lab-error.ts';
import { Notifier } from '../notifier.ts';
import { superviseProcess } from '../process/supervised-process.ts';
import type { ProcessExit, SupervisedProcess } from '../process/supervised-process.ts';
import { parseElectorLogLine } from './elector-log.ts';
import type { ElectorLogEvent } from './elector-log.ts';
import type { LeadershipLedger } from './leadership-ledger.ts';

/** From the spawn to "elector ready": Node's start, its modules, a look at etcd. */
const readyTimeoutMs = 30_000;
/** Lines of its output that an error message quotes. */
const quotedLinesMax = 8;

export interface ElectorProcessOptions {
  readonly id: string;
  /** The elector's flags, but for those that this file decides. */
  readonly args: readonly string[];
  readonly host: string;
  readonly port: number;
  /** Told of what is done to this elector; what it logs is the business of `onEvent`. */
  readonly ledger: LeadershipLedger;
  readonly onEvent: (event: ElectorLogEvent) => void;
  readonly onEnd: (exit: ProcessExit) => void;
}

export class ElectorProcess implements AsyncDisposable {
  readonly id: string;
  readonly #options: ElectorProcessOptions;
  readonly #ready = new Notifier();
  #process: SupervisedProcess | undefined;
  #address: string | undefined;
  #isPaused = false;

  constructor(options: ElectorProcessOptions) {
    this.id = options.id;
    this.#options = options;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.isRunning ? this.#process?.pid : undefined;
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exit === undefined;
  }

  get isPaused(): boolean {
    return this.isRunning && this.#isPaused;
  }

  get address(): string {
    return this.#address ?? `${this.#options.host}:${String(this.#options.port)}`;
  }

  /** Settles when the process that runs now has ended. */
  get exited(): Promise<ProcessExit> | undefined {
    return this.#process?.exited;
  }

  /**
   * Starts it; resolves when it is ready.
   * @throws LabError `elector-failed` with its last words, or `timeout`.
   */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.isRunning) throw new LabError('unsupported', `${this.id} runs already`);
    const { host, port, args, onEvent, onEnd } = this.#options;
    let isReady = false;
    const child = superviseProcess({
      name: this.id,
      command: process.execPath,
      args: [electorScript(), '--id', this.id, '--listen', `${host}:${String(port)}`, ...args],
      env: environment(),
      onLine: (line) => {
        const event = parseElectorLogLine(line);
        if (event?.kind === 'ready') {
          this.#address = event.address;
          isReady = true;
          this.#ready.notify();
        }
        if (event !== undefined) onEvent(event);
        if (event !== undefined && !this.#isPaused) this.#options.ledger.heard(this.id);
      },
    });
    this.#process = child;
    this.#isPaused = false;
    void child.exited.then((exit) => {
      this.#options.ledger.died(this.id, monotonicNowMs());
      onEnd(exit);
      this.#ready.notify();
    });
    await this.#ready.until(
      () => {
        if (isReady) return true;
        if (child.exit !== undefined) throw this.#failure(child, child.exit);
        return undefined;
      },
      { what: `${this.id} to be ready`, timeoutMs: readyTimeoutMs, signal },
    );
  }

  /** Sends a signal, SIGKILL unless another is asked for; resolves when the process has ended. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#process?.signal(signal) !== true) {
      throw new LabError('unsupported', `${this.id} does not run, so it cannot be sent ${signal}`);
    }
    await this.#process.exited;
  }

  /** SIGSTOP: connections stay open and nothing is answered. */
  pause(): void {
    this.#signal('SIGSTOP');
    this.#isPaused = true;
    this.#options.ledger.paused(this.id, monotonicNowMs());
  }

  resume(): void {
    this.#isPaused = false;
    this.#signal('SIGCONT');
  }

  /** Starts it again, under the same id and port, stopping it first if it runs. */
  async restart(signal?: AbortSignal): Promise<void> {
    await this.stop();
    await this.start(signal);
  }

  /** Lets it step down and end; kills it if it takes too long. */
  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#process?.signal(signal) === true) return;
    throw new LabError('unsupported', `${this.id} does not run, so it cannot be sent ${signal}`);
  }

  #failure(child: SupervisedProcess, exit: ProcessExit): LabError {
    const how = exit.signal ?? `exit code ${String(exit.code)}`;
    const words = child.lastLines.filter((line) => !line.startsWith('{')).slice(-quotedLinesMax);
    const message = [`${this.id} did not come up: ${how}`, ...words].join('\n');
    return new LabError('elector-failed', message);
  }
}

/** The process that the package's `herald-elector` command runs. */
function electorScript(): string {
  return fileURLToPath(new URL('./main.js', import.meta.resolve('@herald/elector')));
}

/** Ours without the variables by which Herald's processes are configured: the flags say everything. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('HERALD_'));
  return Object.fromEntries(kept);
}
