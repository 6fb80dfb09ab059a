/**
 * Asks electors of one process the same question over and over, on one clock: who leads now? Counts
 * the moments at which more than one said yes.
 */
import { monotonicNowMs } from '@herald/process';
import type { Contestant } from './contest.ts';

const sampleIntervalMs = 1;

export interface LeaderCheck extends AsyncDisposable {
  readonly overlaps: number;
  /** From the last yes of one to the first yes of the other; NaN unless both were seen. */
  gapMs(earlier: string, later: string): number;
  /** How often one that said yes said no afterwards. */
  interruptions(name: string): number;
  /** Says what was measured, where somebody wants to know. */
  note(text: string): void;
}

export function checkOneLeader(contestants: readonly Contestant[]): LeaderCheck {
  const first = new Map<string, number>();
  const last = new Map<string, number>();
  const wasLeading = new Map<string, boolean>();
  const stops = new Map<string, number>();
  let overlaps = 0;
  const sample = (): void => {
    const leading = contestants.filter(({ candidacy }) => candidacy.isLeader());
    if (leading.length > 1) overlaps++;
    const nowMs = monotonicNowMs();
    for (const contestant of contestants) {
      const { name } = contestant;
      const isLeading = leading.includes(contestant);
      if (isLeading && !first.has(name)) first.set(name, nowMs);
      if (isLeading) last.set(name, nowMs);
      if (!isLeading && wasLeading.get(name) === true) stops.set(name, (stops.get(name) ?? 0) + 1);
      wasLeading.set(name, isLeading);
    }
  };
  const timer = setInterval(sample, sampleIntervalMs);
  return {
    get overlaps() {
      return overlaps;
    },
    gapMs: (earlier, later) => (first.get(later) ?? NaN) - (last.get(earlier) ?? NaN),
    interruptions: (name) => stops.get(name) ?? 0,
    note: (text) => {
      if (process.env['HERALD_TEST_NOTES'] !== undefined) console.log(text);
    },
    [Symbol.asyncDispose]: () => {
      clearInterval(timer);
      return Promise.resolve();
    },
  };
}
