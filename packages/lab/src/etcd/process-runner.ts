/** Runs one etcd member as a child process of ours, which ends with us (see process/watchdog.ts). */
import { superviseProcess, type SupervisedProcess } from '../process/supervised-process.ts';
import { LabError } from '../lab-error.ts';
import type { MemberEnd, MemberRunner } from './etcd-member.ts';

/** Lines of etcd's output that an error message quotes. */
const QUOTED_LINES_MAX = 5;

/** Go's own wording when a port cannot be bound, the same in every etcd. */
const PORT_TAKEN = 'address already in use';

export interface ProcessRunnerOptions {
  readonly name: string;
  readonly binary: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly listenPort: number;
}

export class ProcessRunner implements MemberRunner {
  readonly listenPort: number;
  readonly #options: ProcessRunnerOptions;
  #process: SupervisedProcess | undefined;

  constructor(options: ProcessRunnerOptions) {
    this.#options = options;
    this.listenPort = options.listenPort;
  }

  get pid(): number | undefined {
    return this.#process?.exit === undefined ? this.#process?.pid : undefined;
  }

  launch(): Promise<void> {
    if (this.pid !== undefined) {
      return Promise.reject(new Error(`etcd ${this.#options.name} runs already`));
    }
    const { name, binary, args, env } = this.#options;
    this.#process = superviseProcess({ name: `etcd ${name}`, command: binary, args, env });
    return Promise.resolve();
  }

  ended(): Promise<MemberEnd | undefined> {
    const child = this.#process;
    if (child === undefined) return Promise.resolve({ reason: 'not started', portTaken: false });
    if (child.exit === undefined) return Promise.resolve(undefined);
    const how = child.exit.signal ?? `exit code ${String(child.exit.code)}`;
    const words = child.lastLines.slice(-QUOTED_LINES_MAX).join('\n');
    return Promise.resolve({
      reason: words === '' ? how : `${how}\n${words}`,
      portTaken: child.lastLines.some((line) => line.includes(PORT_TAKEN)),
    });
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#process?.stop({ signal });
  }

  pause(): Promise<void> {
    return this.#signal('SIGSTOP');
  }

  resume(): Promise<void> {
    return this.#signal('SIGCONT');
  }

  /** Not asked politely: what SIGTERM saves and hands over (seconds, in a cluster) is thrown away. */
  remove(): Promise<void> {
    return this.stop('SIGKILL');
  }

  #signal(signal: NodeJS.Signals): Promise<void> {
    if (this.#process?.signal(signal) === true) return Promise.resolve();
    const message = `etcd ${this.#options.name} does not run, so it cannot be sent ${signal}`;
    return Promise.reject(new LabError('unsupported', message));
  }
}
