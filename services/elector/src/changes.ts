/** Lets async code wait for "something changed" without events: one promise, replaced at each change. */

export class Changes {
  #next = newDeferred();

  notify(): void {
    const { resolve } = this.#next;
    this.#next = newDeferred();
    resolve();
  }

  /** Resolves at the next change after this call, or when `signal` aborts. */
  next(signal?: AbortSignal): Promise<void> {
    const { promise } = this.#next;
    if (signal === undefined) return promise;
    return new Promise((resolve) => {
      const end = (): void => {
        signal.removeEventListener('abort', end);
        resolve();
      };
      if (signal.aborted) end();
      signal.addEventListener('abort', end, { once: true });
      void promise.then(end);
    });
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function newDeferred(): Deferred {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
