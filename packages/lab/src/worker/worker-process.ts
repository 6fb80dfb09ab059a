/**
 * The lab's handle of one worker process. Decides how a worker is started (as a supervised child, so
 * that it never outlives the lab), how it is asked, and what its death means to those who wait.
 */
import { fileURLToPath } from 'node:url';
import { LabError } from '../lab-error.ts';
import { superviseProcess } from '../process/supervised-process.ts';
import type { ProcessExit, SupervisedProcess } from '../process/supervised-process.ts';
import { Caller } from './calls.ts';
import type { CallShapes } from './calls.ts';

/** Lines of a worker's output that an error message quotes: an uncaught error with its first frames. */
const quotedLinesMax = 12;

/**
 * Collecting garbage stops a whole process: here hundreds of machines at once, which in the field are
 * processes of their own with next to no garbage each. A nursery of twice Node's own size lets it
 * happen half as often, for some 25 MiB in each worker.
 */
const nodeFlags = ['--max-semi-space-size=32'];

export interface WorkerProcessOptions {
  /** As in messages and reports: `worker-1`. */
  readonly name: string;
  /** The module that the process runs. */
  readonly script: URL;
  /** Told each line the worker prints. */
  readonly onLine?: (line: string) => void;
}

export class WorkerProcess<Calls extends CallShapes<Calls>> implements AsyncDisposable {
  readonly name: string;
  readonly #process: SupervisedProcess;
  readonly #caller: Caller<Calls>;

  constructor(options: WorkerProcessOptions) {
    this.name = options.name;
    const { onLine } = options;
    this.#process = superviseProcess({
      name: options.name,
      command: process.execPath,
      args: [...nodeFlags, fileURLToPath(options.script)],
      onMessage: (message) => {
        this.#caller.receive(message);
      },
      ...(onLine && { onLine }),
    });
    this.#caller = new Caller<Calls>(options.name, (message) => {
      this.#process.send(message);
    });
    void this.#process.exited.then((exit) => {
      this.#caller.close(this.#deathOf(exit));
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  get isRunning(): boolean {
    return this.#process.exit === undefined;
  }

  /** Settles when the process has ended; never rejects. */
  get exited(): Promise<ProcessExit> {
    return this.#process.exited;
  }

  /** @throws LabError `timeout`, or `worker-failed` if the worker said so or has ended. */
  call<Name extends keyof Calls & string>(
    name: Name,
    request: Calls[Name]['request'],
    options: { readonly timeoutMs: number },
  ): Promise<Calls[Name]['reply']> {
    return this.#caller.call(name, request, options);
  }

  /** False if it has ended. */
  signal(signal: NodeJS.Signals): boolean {
    return this.#process.signal(signal);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #deathOf(exit: ProcessExit): LabError {
    const how = exit.signal ?? `exit code ${String(exit.code)}`;
    const words = this.#process.lastLines.slice(-quotedLinesMax);
    const message = [`${this.name} (pid ${String(this.pid)}) has ended: ${how}`, ...words].join(
      '\n',
    );
    return new LabError('worker-failed', message);
  }
}
