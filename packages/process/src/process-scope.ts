/**
 * Decides when a process ends and in what order: main runs until it returns or is asked to stop,
 * then what it owns is closed, newest first, all of it before one deadline that names what hung.
 */
import type { Logger } from 'pino';
import { monotonicNowMs } from './monotonic-clock.ts';
import { describeError, ProcessError } from './process-error.ts';

export type Resource = AsyncDisposable | Disposable;

export interface ProcessScopeOptions {
  readonly logger: Logger;
  readonly shutdownTimeoutMs: number;
}

export class ProcessScope {
  readonly #logger: Logger;
  readonly #shutdownTimeoutMs: number;
  readonly #stopping = new AbortController();
  readonly #resources: { readonly name: string; readonly resource: Resource }[] = [];
  /** What shutdown waits for at this moment. */
  #waitingFor = 'main';

  constructor(options: ProcessScopeOptions) {
    this.#logger = options.logger;
    this.#shutdownTimeoutMs = options.shutdownTimeoutMs;
  }

  /** Aborts when the process shall end; its reason is a `ProcessError` with code `STOPPED`. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Asks main to end; later reasons than the first change nothing. */
  stop(reason: string): void {
    if (this.signal.aborted) return;
    this.#stopping.abort(new ProcessError('STOPPED', reason));
  }

  /** Hands `resource` over to be closed after main, before what was handed over earlier. */
  own<Owned extends Resource>(name: string, resource: Owned): Owned {
    this.#resources.push({ name, resource });
    return resource;
  }

  /** Runs main and then closes everything. Returns what failed, the first cause first. */
  async run(main: () => Promise<void>): Promise<readonly unknown[]> {
    // Node ends when nothing is pending, even in the middle of main: a signal does not count.
    const keepAlive = setInterval(() => undefined, 0x7fff_ffff);
    let deadline: NodeJS.Timeout | undefined;
    const hung = new Promise<readonly unknown[]>((resolve) => {
      const startDeadline = (): void => {
        deadline = setTimeout(() => {
          clearInterval(keepAlive);
          resolve([this.#describeHang()]);
        }, this.#shutdownTimeoutMs);
      };
      this.signal.addEventListener('abort', startDeadline, { once: true });
    });
    try {
      return await Promise.race([this.#runAndClose(main), hung]);
    } finally {
      clearTimeout(deadline);
      clearInterval(keepAlive);
    }
  }

  async #runAndClose(main: () => Promise<void>): Promise<readonly unknown[]> {
    const failures: unknown[] = [];
    try {
      await main();
    } catch (error) {
      if (!this.#isStop(error)) failures.push(error);
    }
    this.stop(failures.length === 0 ? 'main is done' : 'main failed');
    for (let owned = this.#resources.pop(); owned !== undefined; owned = this.#resources.pop()) {
      const { name, resource } = owned;
      this.#waitingFor = name;
      const startMs = monotonicNowMs();
      try {
        await close(resource);
        const durationMs = Math.round(monotonicNowMs() - startMs);
        this.#logger.debug({ resource: name, durationMs }, 'closed');
      } catch (error) {
        const message = `${name} could not be closed`;
        failures.push(new ProcessError('FAILED', message, { cause: error }));
      }
    }
    return failures;
  }

  /** Whether main only passed on that it was stopped, itself or within its own error. */
  #isStop(error: unknown): boolean {
    if (!this.signal.aborted) return error instanceof ProcessError && error.code === 'STOPPED';
    for (
      let each = error, depth = 0;
      each instanceof Error && depth < 8;
      each = each.cause, depth++
    ) {
      if (each === this.signal.reason || each.name === 'AbortError') return true;
    }
    return false;
  }

  #describeHang(): ProcessError {
    // The deadline's own timer counts as open while it fires.
    const counts = new Map([['Timeout', -1]]);
    for (const kind of process.getActiveResourcesInfo()) {
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    const open = [...counts].filter(([, count]) => count > 0);
    const openText =
      open.map(([kind, count]) => `${String(count)} ${kind}`).join(', ') || 'nothing';
    const reason = describeError(this.signal.reason);
    return new ProcessError(
      'SHUTDOWN_TIMEOUT',
      `shutdown (${reason}) took longer than ${String(this.#shutdownTimeoutMs)} ms, ` +
        `still waiting for: ${this.#waitingFor} (open: ${openText})`,
    );
  }
}

async function close(resource: Resource): Promise<void> {
  if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
  else resource[Symbol.dispose]();
}

/** Resolves when `signal` aborts: the last line of a main that serves until it is stopped. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
