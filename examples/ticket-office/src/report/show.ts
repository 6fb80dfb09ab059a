/** Decides how a run is shown while it goes on, and what of its figures people see in the end. */
import { counted, formatMs } from '@herald/lab';
import type { Terminal } from '@herald/lab';
import type { Recovery } from '../chaos/chaos.ts';
import type { Sales } from '../office/sales.ts';
import { causes } from '../chaos/troubles.ts';
import type { Cause } from '../chaos/troubles.ts';
import type { OfficeReport } from './report.ts';

const words: Readonly<Record<Cause, string>> = {
  kill: 'killed',
  pause: 'paused',
  'cut-off': 'cut off',
  'cut-off-from-etcd': 'cut off from etcd',
  'step-down': 'asked to step down',
};

/** Longest of the words, so that the rows line up. */
const causeColumns = words['step-down'].length;

/** The line that is redrawn. */
export function showSales(terminal: Terminal, sales: Sales, sinceMs: number): void {
  const { newestEpoch, purchases, failures } = sales;
  const left = failures.length === 0 ? '' : `, ${String(failures.length)} left in haste`;
  terminal.progress(
    atSecond(sinceMs),
    `${counted(purchases.length, 'ticket')} sold${left}; epoch ${String(newestEpoch)} sells`,
    false,
  );
}

/** One leader that fell, and what came of it. */
export function showRecovery(terminal: Terminal, recovery: Recovery, sinceMs: number): void {
  const { replicaId, cause, unservedMs, epoch, nextEpoch } = recovery;
  terminal.progress(
    atSecond(sinceMs),
    `${replicaId} ${words[cause].padEnd(causeColumns)}  nobody was served for ${formatMs(unservedMs).padStart(7)}; ` +
      `epoch ${String(epoch)} → ${String(nextEpoch)}`,
    true,
  );
}

export function showReport(terminal: Terminal, report: OfficeReport): void {
  const { sold, drawMs, withoutLeader, seconds } = report;
  terminal.heading('What it came to');
  const unclaimed = sold.written - sold.acknowledged;
  const left = unclaimed > 0 ? `; ${String(unclaimed)} more lie printed and unclaimed` : '';
  terminal.row('sold', `${counted(sold.acknowledged, 'ticket')}${left}`);
  if (drawMs !== null) {
    const { p50Ms, p99Ms, maxMs } = drawMs;
    terminal.row(
      'a draw took',
      `half ${formatMs(p50Ms)}, 99 % ${formatMs(p99Ms)}, all ${formatMs(maxMs)}`,
    );
  }
  for (const cause of causes) {
    const facts = report.causes[cause];
    if (facts === undefined) continue;
    const { strikes, medianMs, maxMs } = facts;
    terminal.row(
      words[cause],
      `${counted(strikes, 'time')}; nobody was served for ${formatMs(medianMs)} (median), ${formatMs(maxMs)} at most`,
    );
  }
  const { totalMs, longestMs } = withoutLeader;
  terminal.row(
    'without a leader',
    `${formatMs(totalMs)} of ${counted(seconds, 'second')}, ${formatMs(longestMs)} at a time at most`,
  );
}

function atSecond(sinceMs: number): string {
  return `at ${(Math.max(0, sinceMs) / 1_000).toFixed(1)} s`;
}
