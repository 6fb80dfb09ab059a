/**
 * The table of docs/RELIABILITY.md, from the outcomes of the rows. Decides what stands in which column, and
 * where the table lies in the document: between two markers, so that all else in it is written by people.
 */
import { spreadOf } from '@herald/lab';
import type { RowOutcome } from './fault-row.ts';

const beginMarker = '<!-- measured: npm run reliability -->';
const endMarker = '<!-- end of what was measured -->';

const columns = [
  'fault',
  'recovered after',
  'two leaders',
  'versions back',
  'writes: acknowledged, lost, overtaken',
  'errors, all typed',
] as const;

export interface Circumstances {
  /** As `2 cores, Linux 6.1, Node 20.20.2, etcd 3.4.23`. */
  readonly machine: string;
  /** As `2026-01-31`. */
  readonly date: string;
  readonly electors: number;
  readonly nodes: number;
  readonly repeats: number;
  readonly ttlSeconds: number;
}

/** `document` with a new table. @throws Error when it does not have the markers. */
export function withTable(
  document: string,
  outcomes: readonly RowOutcome[],
  circumstances: Circumstances,
): string {
  const begin = document.indexOf(beginMarker);
  const end = document.indexOf(endMarker);
  if (begin < 0 || end < begin) throw new Error(`no ${beginMarker} … ${endMarker} in the document`);
  const measured = [beginMarker, '', caption(circumstances), '', ...table(outcomes), ''];
  return `${document.slice(0, begin)}${measured.join('\n')}\n${document.slice(end)}`;
}

function caption({ machine, date, electors, nodes, repeats, ttlSeconds }: Circumstances): string {
  const tier = `${electors} electors, ${nodes} nodes, three members of etcd, a lease of ${ttlSeconds} s`;
  const times = repeats === 1 ? 'each row once' : `each row ${repeats} times: median, worst`;
  return `Measured on ${date}: ${machine}; ${tier}; ${times}.`;
}

function table(outcomes: readonly RowOutcome[]): string[] {
  const ids = [...new Set(outcomes.map(({ id }) => id))];
  const rows = ids.map((id) => cells(outcomes.filter((outcome) => outcome.id === id)));
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  return [line(columns), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

function cells(runs: readonly RowOutcome[]): string[] {
  const sum = (count: (run: RowOutcome) => number): number =>
    runs.reduce((total, run) => total + count(run), 0);
  const [first] = runs;
  const { p50Ms = 0, maxMs = 0 } = spreadOf(runs.map(({ recoveryMs }) => recoveryMs)) ?? {};
  const from = first?.recoversFrom === 'end' ? ' from its end' : '';
  const time = runs.length === 1 ? seconds(maxMs) : `${seconds(p50Ms)}, ${seconds(maxMs)}`;
  const writes = [
    sum((run) => run.writes),
    sum((run) => run.writesLost),
    sum((run) => run.writesOvertaken),
  ];
  return [
    first?.fault ?? '',
    `${time}${from}`,
    String(sum((run) => run.dualLeaderships)),
    String(sum((run) => run.versionsBackwards)),
    writes.join(', '),
    errorsOf(runs),
  ];
}

function errorsOf(runs: readonly RowOutcome[]): string {
  const counts = new Map<string, number>();
  for (const { errors } of runs)
    for (const [code, count] of Object.entries(errors))
      counts.set(code, (counts.get(code) ?? 0) + count);
  const words = [...counts].toSorted().map(([code, count]) => `${code} ${count}`);
  return words.length === 0 ? 'none' : words.join(', ');
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1_000).toFixed(1)} s`;
}
