/** Decides how figures are worded for people: units, precision, singular and plural. */
import type { Change } from '../measure/change.ts';
import type { ProcessExit } from '../process/supervised-process.ts';

/** `0.42 ms`, `4.2 ms`, `45 ms`, `3.05 s`. */
export function formatMs(durationMs: number): string {
  if (durationMs >= 1_000) return `${(durationMs / 1_000).toFixed(2)} s`;
  const digits = durationMs < 1 ? 2 : durationMs < 10 ? 1 : 0;
  return `${durationMs.toFixed(digits)} ms`;
}

/** `1 node`, `25 nodes`. */
export function counted(count: number, noun: string, nouns = `${noun}s`): string {
  return `${String(count)} ${count === 1 ? noun : nouns}`;
}

/** `25 of 25 nodes`. */
export function share(part: number, whole: number, noun: string): string {
  return `${String(part)} of ${counted(whole, noun)}`;
}

/** How the news of a change spread: `half in 1.9 ms, 99 % in 3.2 ms, all in 3.4 ms, 4 hops at most`. */
export function describeSpread(change: Change): string {
  const { p50Ms, p99Ms, maxMs, maxHops, reached, nodes } = change;
  if (p50Ms === undefined || p99Ms === undefined || maxMs === undefined) return 'nobody knows yet';
  const last = reached === nodes ? 'all' : 'the last of them';
  return [
    `half in ${formatMs(p50Ms)}`,
    `99 % in ${formatMs(p99Ms)}`,
    `${last} in ${formatMs(maxMs)}`,
    `${counted(maxHops ?? 0, 'hop')} at most`,
  ].join(', ');
}

/** The same in a few words: `25 of 25 nodes know, 99 % in 3.2 ms, 4 hops at most`. */
export function summariseSpread({ p99Ms, maxHops, reached, nodes }: Change): string {
  const who = `${share(reached, nodes, 'node')} know`;
  if (p99Ms === undefined || maxHops === undefined) return who;
  return `${who}, 99 % in ${formatMs(p99Ms)}, ${counted(maxHops, 'hop')} at most`;
}

/** `killed by SIGKILL`, `ended with exit code 1`. */
export function describeExit({ code, signal }: ProcessExit): string {
  return signal === null ? `ended with exit code ${String(code)}` : `killed by ${signal}`;
}
