/**
 * The test's handle of a process that the test brought up and that reports over IPC: how it is started,
 * ordered about, frozen and ended. What it reported is kept when the process is gone.
 */
import { fileURLToPath } from 'node:url';
import { superviseProcess, waitUntil } from '@herald/lab';
import type { ProcessExit, SupervisedProcess } from '@herald/lab';
import type { Order } from '../fixtures/orders.ts';
import type { ProcessUsage } from '../fixtures/process-usage.ts';
import { decodeMessage, encodeMessage } from '../fixtures/sampling-protocol.ts';

const readyTimeoutMs = 60_000;
/** It collects its garbage first; and a busy machine lets a process wait. */
const usageTimeoutMs = 60_000;
/** Lines of its log that a failure quotes. */
const quotedLinesMax = 20;
const quotedLengthMax = 300;

export interface FixturePlan {
  readonly id: string;
  /** A module of the folder `fixtures`. */
  readonly script: string;
  readonly plan: object;
  /** How many files and sockets it may have open; as many as the test unless given. */
  readonly descriptorsMax?: number;
}

export abstract class FixtureProcess<Report> implements AsyncDisposable {
  readonly id: string;
  readonly #process: SupervisedProcess;
  readonly #usages: ((usage: ProcessUsage) => void)[] = [];
  #isPaused = false;

  protected constructor({ id, script, plan, descriptorsMax }: FixturePlan) {
    this.id = id;
    const path = fileURLToPath(new URL(`../fixtures/${script}.js`, import.meta.url));
    const words = [process.execPath, path, encodeMessage(plan)];
    const [command = '', ...args] =
      descriptorsMax === undefined
        ? words
        : ['sh', '-c', `ulimit -n ${descriptorsMax} && exec "$@"`, 'limited', ...words];
    this.#process = superviseProcess({
      name: id,
      command,
      args,
      onMessage: (message) => {
        this.take(decodeMessage(message) as Report);
      },
    });
  }

  /** Resolves when it has said that it is ready; ends it when it does not come to that. */
  protected static async ready<Fixture extends FixtureProcess<never>>(
    fixture: Fixture,
  ): Promise<Fixture> {
    try {
      await waitUntil(`${fixture.id} to be ready`, () => fixture.#hasComeUp(), {
        timeoutMs: readyTimeoutMs,
      });
      return fixture;
    } catch (error) {
      await fixture[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#process.pid;
  }

  get isRunning(): boolean {
    return this.#process.exit === undefined;
  }

  /** Runs, and is not stopped. */
  get isAwake(): boolean {
    return this.isRunning && !this.#isPaused;
  }

  get isPaused(): boolean {
    return this.isRunning && this.#isPaused;
  }

  get lastLines(): readonly string[] {
    const lines = this.#process.lastLines.slice(-quotedLinesMax);
    return lines.map((line) => line.slice(0, quotedLengthMax));
  }

  order(order: Order): void {
    this.#process.send(order);
  }

  /** What it uses at present. */
  async usage(): Promise<ProcessUsage> {
    let told: ProcessUsage | undefined;
    this.#usages.push((usage) => (told = usage));
    this.order({ kind: 'tell-usage' });
    return waitUntil(
      `${this.id} to tell what it uses`,
      () => {
        if (this.isRunning) return told;
        throw new Error([`${this.id} has ended:`, ...this.lastLines].join('\n'));
      },
      { timeoutMs: usageTimeoutMs },
    );
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#process.signal('SIGKILL');
    await this.#process.exited;
  }

  /** SIGSTOP: its connections stay open, and nothing in it moves. */
  pause(): void {
    this.#process.signal('SIGSTOP');
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#process.signal('SIGCONT');
  }

  /** SIGTERM; resolves when it has ended. */
  stop(): Promise<ProcessExit> {
    return this.#process.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  protected abstract get isReady(): boolean;

  protected abstract take(report: Report): void;

  protected takeUsage(usage: ProcessUsage): void {
    this.#usages.shift()?.(usage);
  }

  #hasComeUp(): boolean {
    if (this.isRunning) return this.isReady;
    throw new Error([`${this.id} did not come up:`, ...this.lastLines].join('\n'));
  }
}
