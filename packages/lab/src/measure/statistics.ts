/**
 * Decides what p50, p99 and a median are here: nearest-rank quantiles, so that every number shown
 * is one that was measured, never one between two.
 */

/** The smallest of `samples` that at least `share` of them do not exceed; undefined when empty. */
export function quantile(samples: readonly number[], share: number): number | undefined {
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = Math.ceil(share * sorted.length);
  return sorted[Math.min(Math.max(rank, 1), sorted.length) - 1];
}

/** The middle one; of an even number the lower of the two in the middle. */
export function median(samples: readonly number[]): number | undefined {
  return quantile(samples, 0.5);
}

/** How a set of times is spread out. */
export interface Spread {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Undefined when there is nothing to summarise. */
export function spreadOf(timesMs: readonly number[]): Spread | undefined {
  const p50Ms = quantile(timesMs, 0.5);
  const p99Ms = quantile(timesMs, 0.99);
  const maxMs = quantile(timesMs, 1);
  if (p50Ms === undefined || p99Ms === undefined || maxMs === undefined) return undefined;
  return { p50Ms, p99Ms, maxMs };
}

/** `value` to at most `digits` decimals: what goes into a report, where more would be noise. */
export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
