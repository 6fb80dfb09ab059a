/**
 * The test's handle of one elector process that samples its own `isLeader()`. What it reported is kept
 * when the process is gone: the dead must be judged, too.
 */
import { fileURLToPath } from 'node:url';
import { superviseProcess, waitUntil } from '@herald/lab';
import type { ProcessExit, SupervisedProcess } from '@herald/lab';
import { decodeMessage, encodeMessage } from '../fixtures/sampling-protocol.ts';
import type {
  AppliedRecord,
  Awakening,
  SamplingElectorPlan,
  SamplingReport,
  SeenLeadership,
} from '../fixtures/sampling-protocol.ts';

const readyTimeoutMs = 60_000;
/** Lines of its log that a failure quotes. */
const quotedLinesMax = 20;
const quotedLengthMax = 300;

export class SamplingElector implements AsyncDisposable {
  readonly id: string;
  readonly awakenings: Awakening[] = [];
  readonly #process: SupervisedProcess;
  readonly #onApplied: (applied: AppliedRecord) => void;
  /** By election, lineage and epoch. */
  readonly #seen = new Map<string, SeenLeadership>();
  #address: string | undefined;
  #isPaused = false;

  private constructor(plan: SamplingElectorPlan, onApplied: (applied: AppliedRecord) => void) {
    this.id = plan.id;
    this.#onApplied = onApplied;
    const script = new URL('../fixtures/sampling-elector.js', import.meta.url);
    this.#process = superviseProcess({
      name: plan.id,
      command: process.execPath,
      args: [fileURLToPath(script), encodeMessage(plan)],
      onMessage: (message) => {
        this.#take(decodeMessage(message) as SamplingReport);
      },
    });
  }

  /** Starts it; resolves when it listens and campaigns. */
  static async start(
    plan: SamplingElectorPlan,
    onApplied: (applied: AppliedRecord) => void,
  ): Promise<SamplingElector> {
    const elector = new SamplingElector(plan, onApplied);
    try {
      await waitUntil(`${plan.id} to be ready`, () => elector.#isReady(), {
        timeoutMs: readyTimeoutMs,
      });
      return elector;
    } catch (error) {
      await elector[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where it answers Confirm, Status and StepDown. */
  get address(): string {
    if (this.#address === undefined) throw new Error(`${this.id} is not ready`);
    return this.#address;
  }

  get isRunning(): boolean {
    return this.#process.exit === undefined;
  }

  /** Runs, and is not stopped. */
  get isAwake(): boolean {
    return this.isRunning && !this.#isPaused;
  }

  /** All leaderships that it saw of itself. */
  get leaderships(): readonly SeenLeadership[] {
    return [...this.#seen.values()];
  }

  get lastLines(): readonly string[] {
    const lines = this.#process.lastLines.slice(-quotedLinesMax);
    return lines.map((line) => line.slice(0, quotedLengthMax));
  }

  /** The leadership that goes on. */
  leading(election: string): SeenLeadership | undefined {
    if (!this.isAwake) return undefined;
    return this.leaderships.find((each) => each.election === election && !each.hasEnded);
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

  /** SIGTERM; resolves when it has stepped down and ended. */
  stop(): Promise<ProcessExit> {
    return this.#process.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #isReady(): boolean {
    if (this.#process.exit === undefined) return this.#address !== undefined;
    throw new Error([`${this.id} did not come up:`, ...this.lastLines].join('\n'));
  }

  #take(report: SamplingReport): void {
    switch (report.kind) {
      case 'ready':
        this.#address = report.address;
        return;
      case 'led':
        this.#seen.set(keyOf(report.seen), report.seen);
        return;
      case 'awoke':
        this.awakenings.push(report.awakening);
        return;
      case 'applied':
        this.#onApplied(report.applied);
        return;
      case 'closed':
        return;
    }
  }
}

function keyOf({ election, lineage, epoch }: SeenLeadership): string {
  return `${election} ${lineage}.${epoch}`;
}
