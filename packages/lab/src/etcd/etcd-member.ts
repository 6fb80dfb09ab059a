/**
 * One member of an etcd cluster that the lab runs. Decides when a member counts as started (it
 * answers a linearizable read) and what to do when it does not come up; how it is run, as a process
 * or in a container, is a `MemberRunner`'s business.
 */
import { LabError } from '../lab-error.ts';
import { sleep } from '../process/wait-until.ts';
import { readLinearizably } from './etcd-http.ts';

/** How long a member may take to come up. It takes half a second; a loaded CI machine takes longer. */
export const READY_TIMEOUT_MS = 60_000;

/** How often a starting member is asked: often, since a lab's start and a test's restart wait for it. */
const READY_POLL_MS = 50;

/** Bound on one such question, so that a member that accepts and never answers is asked again. */
const READY_QUESTION_TIMEOUT_MS = 2_000;

/** Pause before a port that somebody took while the member was down is tried again. */
const PORT_RETRY_MS = 250;

export interface StartOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

export interface EtcdMember {
  readonly name: string;
  /** URL at which clients reach it. */
  readonly clientEndpoint: string;
  /** Process id of etcd; undefined while stopped, and where the process is not on this machine. */
  readonly pid: number | undefined;
  /** Ends it: SIGTERM (default) lets it hand over, SIGKILL is a crash. Its data stay. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again on the same data and ports; resolves when it answers a linearizable read. */
  start(options?: StartOptions): Promise<void>;
  /** Freezes it: connections stay open and nothing is answered. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

/** Why a member is not running. */
export interface MemberEnd {
  readonly reason: string;
  /** It could not bind one of its ports: another try, or another port, may work. */
  readonly portTaken: boolean;
}

/** What runs one etcd. All but `launch` may be called in any state. */
export interface MemberRunner {
  readonly pid: number | undefined;
  /** The port on which etcd listens for clients where it runs (in a container, not the published one). */
  readonly listenPort: number;
  /** Starts etcd and does not wait until it serves. */
  launch(): Promise<void>;
  /** How it ended, or undefined while it runs. */
  ended(): Promise<MemberEnd | undefined>;
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends it for good and removes what it left. */
  remove(): Promise<void>;
}

export type StartOutcome =
  { readonly kind: 'ready' } | { readonly kind: 'ended'; readonly end: MemberEnd };

export class ManagedMember implements EtcdMember {
  readonly name: string;
  readonly clientEndpoint: string;
  readonly runner: MemberRunner;

  constructor(name: string, clientEndpoint: string, runner: MemberRunner) {
    this.name = name;
    this.clientEndpoint = clientEndpoint;
    this.runner = runner;
  }

  get pid(): number | undefined {
    return this.runner.pid;
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.runner.stop(signal);
  }

  async start({ signal, timeoutMs = READY_TIMEOUT_MS }: StartOptions = {}): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      if ((await this.runner.ended()) !== undefined) await this.runner.launch();
      const outcome = await this.untilReady(deadlineMs, signal);
      if (outcome.kind === 'ready') return;
      const { portTaken, reason } = outcome.end;
      if (!portTaken || performance.now() + PORT_RETRY_MS >= deadlineMs) {
        throw new LabError('etcd-failed', `etcd ${this.name} did not come up: ${reason}`);
      }
      await sleep(PORT_RETRY_MS, signal);
    }
  }

  async pause(): Promise<void> {
    await this.runner.pause();
  }

  async resume(): Promise<void> {
    await this.runner.resume();
  }

  /**
   * Waits until the launched member answers, or has ended.
   * @throws LabError `timeout` when neither happens before `deadlineMs` (of `performance.now()`).
   */
  async untilReady(deadlineMs: number, signal?: AbortSignal): Promise<StartOutcome> {
    for (;;) {
      const failure = await this.#ask(signal);
      if (failure === undefined) return { kind: 'ready' };
      const end = await this.runner.ended();
      if (end) return { kind: 'ended', end };
      if (performance.now() >= deadlineMs) {
        throw new LabError('timeout', `etcd ${this.name} does not answer: ${failure.message}`, {
          cause: failure,
        });
      }
      await sleep(READY_POLL_MS, signal);
    }
  }

  async #ask(signal?: AbortSignal): Promise<LabError | undefined> {
    try {
      await readLinearizably(this.clientEndpoint, {
        timeoutMs: READY_QUESTION_TIMEOUT_MS,
        signal,
      });
      return undefined;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof LabError) return error;
      throw error;
    }
  }
}
