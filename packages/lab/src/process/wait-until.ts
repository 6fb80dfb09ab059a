/** Waits for a condition with a deadline: what the lab and its tests do instead of sleeping and hoping. */
import { setTimeout as delay } from 'node:timers/promises';

import { LabError } from '../lab-error.ts';

/** How often the condition is looked at, unless the caller says. */
const POLL_MS = 20;

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly pollMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Resolves with the first result of `condition` that is neither undefined nor false.
 * @throws LabError `timeout` that names `what` was waited for.
 */
export async function waitUntil<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs, pollMs = POLL_MS, signal }: WaitOptions,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result !== undefined && result !== false) return result;
    if (performance.now() >= deadlineMs) {
      throw new LabError('timeout', `waited ${timeoutMs} ms in vain for: ${what}`);
    }
    await sleep(pollMs, signal);
  }
}

/** Resolves after `ms`; rejects with the signal's own reason, not a generic AbortError, when aborted. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
