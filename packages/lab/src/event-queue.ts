/**
 * Hands events of the lab to whoever iterates over them. Decides what happens to a slow reader: its
 * oldest events are dropped, so that it never holds more than a bound.
 */

/** Events that wait for a reader. A lab makes a few in a minute. */
const waitingMax = 256;

export class EventQueue<Event> {
  readonly #readers = new Set<(event: Event) => void>();

  /** Gives `event` to everyone who reads at this moment. */
  push(event: Event): void {
    for (const take of this.#readers) take(event);
  }

  /** The events from now on, until the signal aborts. */
  read(signal: AbortSignal): AsyncIterable<Event> {
    const waiting: Event[] = [];
    let wake: (() => void) | undefined;
    const take = (event: Event): void => {
      waiting.push(event);
      if (waiting.length > waitingMax) waiting.shift();
      wake?.();
    };
    const stop = (): void => wake?.();
    // From the call on, not from the first step: what happens in between is not lost.
    this.#readers.add(take);
    signal.addEventListener('abort', stop, { once: true });
    const readers = this.#readers;
    return (async function* () {
      try {
        while (!signal.aborted) {
          const event = waiting.shift();
          if (event !== undefined) {
            yield event;
            continue;
          }
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        readers.delete(take);
        signal.removeEventListener('abort', stop);
      }
    })();
  }
}
