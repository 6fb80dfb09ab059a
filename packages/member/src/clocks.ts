/** Decides what time is to a member: monotonic for all that is measured, the wall clock for its name alone. */

/** Adds up with `performance.now()` to CLOCK_MONOTONIC, without a BigInt for each look at the clock. */
const monotonicOriginMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds of CLOCK_MONOTONIC: comparable between the processes of one machine. */
export function monotonicNowMs(): number {
  return performance.now() + monotonicOriginMs;
}

/**
 * A number that grows with each restart of a node id, also on a machine that keeps no state. The wall
 * clock only names this life among those of one member; no times of two machines are compared.
 */
export function generationNow(): number {
  // eslint-disable-next-line no-restricted-properties
  return Date.now();
}
