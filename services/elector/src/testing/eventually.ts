/** How tests wait: for a condition, under a deadline that names what did not happen. */

/**
 * Slow machines are slow, but not forever: one that shares its processors with builds needs more than ten
 * seconds to start three processes. What goes well does not wait for it.
 */
const timeoutMsDefault = 30_000;
const pollIntervalMs = 5;

/** The first value of `probe` that is neither undefined nor false. */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = timeoutMsDefault,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pollIntervalMs));
  }
}
