/**
 * A client that goes on asking who leads while leaders come and go. Decides what counts as a wrong
 * answer: an elector that did not lead, under that epoch, at any moment between question and answer.
 */
import { HeraldClientError } from '@herald/client';
import type { Attempt, Client } from '@herald/client';
import { monotonicNowMs } from '@herald/process';
import type { LeadershipLedger } from '../elector/leadership-ledger.ts';
import type { ClientReport } from '../report.ts';

/** A new call every so often, whether or not those before it have been answered. */
const callEveryMs = 100;
/** Calls open at a time, far more than a failover of seconds brings about. */
const openCallsMax = 1_000;

export interface ProbeCall {
  readonly startMs: number;
  readonly endMs: number;
  readonly outcome:
    | { readonly kind: 'leader'; readonly leaderId: string; readonly epoch: bigint }
    | { readonly kind: 'failed'; readonly reason: string };
  readonly attempts: readonly Attempt[];
  readonly redirects: number;
  readonly retries: number;
}

export interface ProbeOptions {
  /** Of each call. */
  readonly timeoutMs: number;
  /** Ends the calls that are open; the lab is being stopped. */
  readonly signal: AbortSignal;
}

export class ClientProbe {
  readonly #client: Client;
  readonly #options: ProbeOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Set<Promise<void>>();
  readonly #calls: ProbeCall[] = [];

  /** Begins to ask. The client stays the caller's. */
  constructor(client: Client, options: ProbeOptions) {
    this.#client = client;
    this.#options = options;
    this.#timer = setInterval(() => {
      this.#call();
    }, callEveryMs);
    this.#call();
  }

  /** Asks no more, and waits for the answers to what was asked. */
  async stop(): Promise<readonly ProbeCall[]> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    return this.#calls;
  }

  #call(): void {
    if (this.#open.size >= openCallsMax) return;
    const call = this.#ask().then((done) => {
      this.#calls.push(done);
      this.#open.delete(call);
    });
    this.#open.add(call);
  }

  async #ask(): Promise<ProbeCall> {
    const startMs = monotonicNowMs();
    try {
      const leader = await this.#client.getLeader({ verify: true, ...this.#options });
      const { leaderId, epoch, attempts, redirects, retries } = leader;
      const outcome = { kind: 'leader', leaderId, epoch } as const;
      return { startMs, endMs: monotonicNowMs(), outcome, attempts, redirects, retries };
    } catch (error) {
      const { code, message, attempts, redirects, retries } = HeraldClientError.from(error);
      const outcome = { kind: 'failed', reason: `${code}: ${message}` } as const;
      return { startMs, endMs: monotonicNowMs(), outcome, attempts, redirects, retries };
    }
  }
}

/** Counts, with each answer held against who led when. */
export function judgeCalls(calls: readonly ProbeCall[], ledger: LeadershipLedger): ClientReport {
  const isWrong = ({ outcome, startMs, endMs }: ProbeCall): boolean =>
    outcome.kind === 'leader' && !ledger.led(outcome.leaderId, outcome.epoch, startMs, endMs);
  return {
    calls: calls.length,
    redirects: calls.reduce((sum, { redirects }) => sum + redirects, 0),
    retries: calls.reduce((sum, { retries }) => sum + retries, 0),
    failures: calls.filter(({ outcome }) => outcome.kind === 'failed').length,
    wrongLeader: calls.filter(isWrong).length,
  };
}

/** The call that took longest. */
export function longestCall(calls: readonly ProbeCall[]): ProbeCall | undefined {
  return calls.reduce<ProbeCall | undefined>(
    (longest, call) =>
      longest === undefined || call.endMs - call.startMs > longest.endMs - longest.startMs
        ? call
        : longest,
    undefined,
  );
}
