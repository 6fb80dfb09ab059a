/**
 * Decides what time it is for a lease. Deadlines are reckoned on CLOCK_MONOTONIC, which nobody can
 * set; but that clock stands still while a machine is suspended, and a lease in etcd does not. So
 * this clock adds the time that was slept through.
 *
 * Reading the boot clock (which counts suspension) on each `isLeader()` would cost a file read. The
 * wall clock is cheap, and is used as a *hint* only: when it moved otherwise than the monotonic clock
 * did, the boot clock is asked. An operator who sets the wall clock causes one look and no change.
 */
import { uptime } from 'node:os';
import { monotonicNowMs } from '@herald/process';

/** Time as leases and deadlines need it. */
export interface Clock {
  /** Milliseconds, monotonic, counting suspension. Comparable only within this process. */
  nowMs(): number;
}

/** The three clocks of a machine, in milliseconds from any origin. */
export interface ClockSources {
  /** CLOCK_MONOTONIC. */
  readonly monotonicMs: () => number;
  /** The time of day; only how it moves is looked at. */
  readonly wallMs: () => number;
  /** Time since boot, suspension included. */
  readonly bootMs: () => number;
}

/**
 * How far wall and monotonic clock may part between two readings before the boot clock is asked. NTP
 * slews by at most 0.05 %, so readings a minute apart differ by 30 ms; a suspension that matters to a
 * lease of seconds is longer than 100 ms.
 */
const hintToleranceMs = 100;
/** Uptime comes in steps of 10 ms; less than this is its rounding, not a suspension. */
const bootToleranceMs = 50;

const machine: ClockSources = {
  monotonicMs: monotonicNowMs,
  // eslint-disable-next-line no-restricted-properties -- a hint, never compared with another machine's
  wallMs: () => Date.now(),
  bootMs: () => uptime() * 1_000,
};

/** A monotonic clock that does not stop while the machine is suspended. */
export class SuspendAwareClock implements Clock {
  readonly #sources: ClockSources;
  readonly #bootAheadAtStartMs: number;
  /** Wall clock minus monotonic clock, when the two were last compared with the boot clock. */
  #wallAheadMs: number;
  #suspendedMs = 0;

  constructor(sources: ClockSources = machine) {
    this.#sources = sources;
    const monotonicMs = sources.monotonicMs();
    this.#bootAheadAtStartMs = sources.bootMs() - monotonicMs;
    this.#wallAheadMs = sources.wallMs() - monotonicMs;
  }

  nowMs(): number {
    const monotonicMs = this.#sources.monotonicMs();
    const wallAheadMs = this.#sources.wallMs() - monotonicMs;
    if (Math.abs(wallAheadMs - this.#wallAheadMs) > hintToleranceMs) {
      this.#wallAheadMs = wallAheadMs;
      this.#askBootClock(monotonicMs);
    }
    return monotonicMs + this.#suspendedMs;
  }

  /** How long the machine was suspended since this clock was made, as far as it was noticed. */
  get suspendedMs(): number {
    return this.#suspendedMs;
  }

  #askBootClock(monotonicMs: number): void {
    const suspendedMs = this.#sources.bootMs() - monotonicMs - this.#bootAheadAtStartMs;
    // Time that was lost stays lost: this clock never goes back.
    if (suspendedMs > this.#suspendedMs + bootToleranceMs) this.#suspendedMs = suspendedMs;
  }
}
