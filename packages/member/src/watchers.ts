/**
 * Watches of one member: each is an async iterable with a single slot, so that a reader gets the
 * newest answer whenever it comes back for one, and a slow reader costs nothing.
 */
import type { ElectionName } from '@herald/core';

interface Watcher {
  readonly includeRenewals: boolean;
  wake(): void;
}

export class Watchers {
  readonly #byElection = new Map<ElectionName, Set<Watcher>>();
  #closed = false;

  get size(): number {
    let size = 0;
    for (const watchers of this.#byElection.values()) size += watchers.size;
    return size;
  }

  /** Something changed for this election; renewals reach only those who asked for them. */
  notify(election: ElectionName, isRenewal: boolean): void {
    for (const watcher of this.#byElection.get(election) ?? []) {
      if (!isRenewal || watcher.includeRenewals) watcher.wake();
    }
  }

  /** Ends all iterations. */
  close(): void {
    this.#closed = true;
    for (const watchers of this.#byElection.values())
      for (const watcher of watchers) watcher.wake();
  }

  /** Yields `read()` now and after each notification, until aborted or closed. */
  async *watch<Answer>(
    election: ElectionName,
    read: () => Answer,
    options: { readonly signal?: AbortSignal; readonly includeRenewals?: boolean },
  ): AsyncGenerator<Answer, void, undefined> {
    const { signal, includeRenewals = false } = options;
    let dirty = true;
    let resume: (() => void) | undefined;
    const wake = (): void => {
      dirty = true;
      resume?.();
    };
    const watcher: Watcher = { includeRenewals, wake };
    const watchers = this.#byElection.get(election) ?? new Set();
    this.#byElection.set(election, watchers.add(watcher));
    signal?.addEventListener('abort', wake);
    try {
      while (!this.#closed && signal?.aborted !== true) {
        if (dirty) {
          dirty = false;
          yield read();
        } else {
          await new Promise<void>((resolve) => {
            resume = resolve;
          });
          resume = undefined;
        }
      }
    } finally {
      signal?.removeEventListener('abort', wake);
      watchers.delete(watcher);
      if (watchers.size === 0) this.#byElection.delete(election);
    }
  }
}
