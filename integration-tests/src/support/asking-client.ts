/**
 * A client that asks for the leader without a pause worth mentioning, or watches, and has everything
 * that it is given judged: forward only (P2), and no call fails that has the time to succeed (P5).
 */
import { createClient } from '@herald/client';
import type {
  Client,
  ClientOptions,
  GetLeaderOptions,
  LeaderResult,
  LeaderUpdate,
} from '@herald/client';
import { monotonicNowMs } from '@herald/process';
import type { ForwardOnly } from './forward-only.ts';

/** Between two questions: a client that spins would leave the two cores to nobody else. */
const pauseMs = 15;

/** An answer, and when it was asked for and given on the machine's clock. */
export interface Call {
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly result: LeaderResult;
}

export interface AskingClientOptions extends Pick<ClientOptions, 'seeds' | 'election' | 'cacheMs'> {
  readonly name: string;
  readonly judge: ForwardOnly;
  /** How it asks; without, it watches. */
  readonly ask?: GetLeaderOptions;
  /** What it proves itself with, and whom it believes; plain text, and everybody, unless given. */
  readonly security?: Pick<ClientOptions, 'tls' | 'trustedKeys' | 'insecure'>;
}

export class AskingClient implements AsyncDisposable {
  readonly calls: Call[] = [];
  readonly failures: unknown[] = [];
  /** What it was told last. */
  last: LeaderUpdate | undefined;
  readonly #options: AskingClientOptions;
  readonly #client: Client;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: AskingClientOptions) {
    const { seeds, election, cacheMs, ask, security = { insecure: true } } = options;
    this.#options = options;
    this.#client = createClient({
      ...security,
      seeds,
      election,
      ...(cacheMs !== undefined && { cacheMs }),
    });
    this.#running = ask === undefined ? this.#watch() : this.#ask(ask);
  }

  /** Ends the loop after the present call. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #ask(options: GetLeaderOptions): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const askedMs = monotonicNowMs();
      try {
        const result = await this.#client.getLeader(options);
        this.calls.push({ askedMs, answeredMs: monotonicNowMs(), result });
        this.#take(result);
      } catch (error) {
        this.failures.push(error);
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    for await (const update of this.#client.watchLeader({ signal, includeRenewals: true })) {
      this.#take(update);
    }
  }

  #take(update: LeaderUpdate): void {
    const { name, judge, election } = this.#options;
    this.last = update;
    const leaderId = update.status === 'vacant' ? undefined : update.leaderId;
    judge.note(name, { election, version: update.version, leaderId });
  }
}
