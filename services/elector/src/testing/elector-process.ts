/** A real `herald-elector` process for tests, with the lines that it logs; in plain text unless told. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';

export interface LogLine {
  readonly msg?: string;
  readonly monotonicMs?: number;
  readonly [field: string]: unknown;
}

export class ElectorProcess implements AsyncDisposable {
  readonly lines: LogLine[] = [];
  readonly #child: ChildProcess;
  #errors = '';

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const script = fileURLToPath(new URL('../main.js', import.meta.url));
    this.#child = spawn(process.execPath, [script, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], HERALD_INSECURE: 'true', ...env },
    });
    const { stdout, stderr } = this.#child;
    if (stdout === null || stderr === null) throw new Error('the pipes are missing');
    createInterface({ input: stdout }).on('line', (line) => {
      if (line.startsWith('{')) this.lines.push(JSON.parse(line) as LogLine);
      else this.lines.push({ msg: line });
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get errors(): string {
    return this.#errors;
  }

  /** Waits for a line with this message. */
  logged(msg: string, where: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    return eventually(`a line "${msg}"`, () => {
      if (this.#child.exitCode !== null) {
        throw new Error(`it ended with ${this.#child.exitCode}: ${this.#errors}`);
      }
      return this.lines.find((line) => line.msg === msg && where(line));
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Its exit code, or the signal that ended it. */
  async ended(): Promise<number | NodeJS.Signals> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      await once(this.#child, 'close');
    }
    return this.#child.exitCode ?? this.#child.signalCode ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended();
  }
}
