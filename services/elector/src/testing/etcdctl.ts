/** etcd's own command line, as a second opinion on what our keys mean. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** A running etcdctl, with what it has printed so far. */
export class EtcdctlProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  #output = '';

  constructor(endpoint: string, args: readonly string[]) {
    this.#child = spawn('etcdctl', ['--endpoints', endpoint, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'], ETCDCTL_API: '3' },
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
  }

  get output(): string {
    return this.#output;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exited;
  }

  async exited(): Promise<void> {
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill('SIGKILL');
  }
}

/** Runs one command to its end. */
export async function etcdctl(endpoint: string, ...args: readonly string[]): Promise<string> {
  await using command = new EtcdctlProcess(endpoint, args);
  await command.exited();
  return command.output;
}
