/**
 * Decides what time is in a Herald process: CLOCK_MONOTONIC, which all processes of one machine
 * share. `performance.now()` starts at zero in each process, so its readings cannot be compared.
 */

/** Milliseconds of this machine's monotonic clock, comparable across its processes. */
export function monotonicNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
