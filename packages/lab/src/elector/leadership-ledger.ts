/**
 * Decides who led when, from what the electors logged and what the lab did to them. This is the
 * ground truth against which "one leader at a time" and "the client was told the leader" are judged.
 */

/** One elector's time as leader under one epoch, on the machine's monotonic clock. */
export interface Leadership {
  readonly electorId: string;
  readonly epoch: bigint;
  readonly startMs: number;
  /** Undefined while it goes on. */
  readonly endMs: number | undefined;
  readonly endReason: string | undefined;
}

/** Leaderships kept; a lab left up for days shows changes, it does not collect them. */
const leadershipsKeptMax = 512;

export class LeadershipLedger {
  #leaderships: Leadership[] = [];
  /** Since when an elector that was paused has said nothing, by its id. */
  readonly #silentSinceMs = new Map<string, number>();

  /** All leaderships known, in the order in which they were reported. */
  get leaderships(): readonly Leadership[] {
    return this.#leaderships;
  }

  /** The one that began last, if it goes on. */
  current(): Leadership | undefined {
    const newest = this.#leaderships.reduce<Leadership | undefined>(
      (best, each) => (best === undefined || each.epoch > best.epoch ? each : best),
      undefined,
    );
    return newest?.endMs === undefined ? newest : undefined;
  }

  started(electorId: string, epoch: bigint, startMs: number): void {
    this.#leaderships.push({ electorId, epoch, startMs, endMs: undefined, endReason: undefined });
    if (this.#leaderships.length > leadershipsKeptMax) this.#leaderships.shift();
  }

  /** @param endMs When it led for the last time, at the latest. */
  ended(electorId: string, epoch: bigint, endMs: number, reason: string): void {
    this.#end((each) => each.electorId === electorId && each.epoch === epoch, endMs, reason);
  }

  /** The process ended: whatever it led, it leads no more. */
  died(electorId: string, endMs: number): void {
    this.#silentSinceMs.delete(electorId);
    this.#end((each) => each.electorId === electorId, endMs, 'the process ended');
  }

  /** The process stands still: from now on it tells nobody that it leads. */
  paused(electorId: string, nowMs: number): void {
    this.#silentSinceMs.set(electorId, nowMs);
  }

  /** It said something after it was resumed; if it leads no more, it has said that first. */
  heard(electorId: string): void {
    this.#silentSinceMs.delete(electorId);
  }

  /** Pairs that led at the same time: none, if Herald keeps its first promise. */
  overlaps(): readonly (readonly [Leadership, Leadership])[] {
    const inOrder = [...this.#leaderships].sort((a, b) => a.startMs - b.startMs);
    const pairs: (readonly [Leadership, Leadership])[] = [];
    inOrder.forEach((earlier, index) => {
      for (const later of inOrder.slice(index + 1)) {
        if (later.startMs < this.#lastMomentMs(earlier)) pairs.push([earlier, later]);
      }
    });
    return pairs;
  }

  /** Whether that elector led under that epoch at some moment between the two. */
  led(electorId: string, epoch: bigint, fromMs: number, toMs: number): boolean {
    return this.#leaderships.some(
      (each) =>
        each.electorId === electorId &&
        each.epoch === epoch &&
        each.startMs <= toMs &&
        (each.endMs ?? Infinity) >= fromMs,
    );
  }

  #lastMomentMs({ electorId, endMs }: Leadership): number {
    return endMs ?? this.#silentSinceMs.get(electorId) ?? Infinity;
  }

  #end(which: (leadership: Leadership) => boolean, endMs: number, endReason: string): void {
    this.#leaderships = this.#leaderships.map((each) =>
      which(each) && each.endMs === undefined ? { ...each, endMs, endReason } : each,
    );
  }
}
