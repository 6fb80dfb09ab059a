/**
 * Decides how fast the changes of the bench follow each other: both sides get the same time for each,
 * so that what etcd used meanwhile can be compared.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** Does `work` and then waits for what is left of `paceMs`. */
export async function keepPace<T>(
  paceMs: number,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const [result] = await Promise.all([work(), delay(paceMs, undefined, { signal })]);
  return result;
}
