/**
 * Abort signals, made cheap. Many calls may share one signal, such as that of a whole process: however
 * many they are, the signal gets one listener, so that the platform does not warn of a leak. Signals
 * of the client's own get none: who aborts them tells who listens, without an event of the platform.
 */

interface Hub {
  readonly callbacks: Set<() => void>;
  /** The platform's, which is taken off when nobody listens any longer; none on a signal of our own. */
  readonly listener: (() => void) | undefined;
}

const hubs = new WeakMap<AbortSignal, Hub>();

/**
 * Calls `callback` once, when `signal` aborts; at once if it has.
 *
 * @returns Stops listening.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => undefined;
  }
  const hub = hubs.get(signal) ?? openHub(signal);
  // A wrapper of its own, so that the same function may listen twice.
  const entry = (): void => {
    callback();
  };
  hub.callbacks.add(entry);
  return () => {
    hub.callbacks.delete(entry);
    if (hub.callbacks.size > 0 || hub.listener === undefined || hubs.get(signal) !== hub) return;
    signal.removeEventListener('abort', hub.listener);
    hubs.delete(signal);
  };
}

function openHub(signal: AbortSignal): Hub {
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    tell(signal);
  };
  const hub = { callbacks, listener };
  signal.addEventListener('abort', listener, { once: true });
  hubs.set(signal, hub);
  return hub;
}

function tell(signal: AbortSignal): void {
  const hub = hubs.get(signal);
  hubs.delete(signal);
  for (const callback of hub?.callbacks ?? []) callback();
}

/** A controller for use within the client: to be aborted by `abort`, and by nothing else. */
export function newAbort(): AbortController {
  const controller = new AbortController();
  hubs.set(controller.signal, { callbacks: new Set(), listener: undefined });
  return controller;
}

/**
 * The reason of every abort within the client, where nobody reads it. Without a reason the platform
 * makes an exception with a stack for each, which costs more than all the rest of a lookup.
 */
const noLongerNeeded = new Error('no longer needed');

export function abort(controller: AbortController): void {
  controller.abort(noLongerNeeded);
  tell(controller.signal);
}
