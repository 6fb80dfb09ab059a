/** Decides how a client's calls are shown: what was asked, whom, and what came back. */
import type { Attempt } from '@herald/client';
import type { ClientReport } from '../report.ts';
import { longestCall } from './client-probe.ts';
import type { ProbeCall } from './client-probe.ts';
import type { Stage } from './stage.ts';
import type { Terminal } from './terminal.ts';
import { counted, formatMs } from './wording.ts';

/** Attempts of the longest call that are shown, at its beginning and at its end. */
const attemptsShownEachEnd = 4;

const questions: Readonly<Record<Attempt['what'], string>> = {
  lookup: 'who leads?',
  confirm: 'do you lead?',
  members: 'who is there?',
  convergence: 'who knows?',
  status: 'how are you?',
  'step-down': 'step down',
  'raise-lineage': 'raise the lineage',
  work: 'do this',
};

/** One call, step by step. */
export function showQuestion({ terminal }: Stage, call: ProbeCall): void {
  showAttempts(terminal, 'it asks', call.attempts);
  terminal.row(
    'and knows',
    `${describeOutcome(call)}, after ${formatMs(call.endMs - call.startMs)}`,
  );
}

/** Many calls, and the longest of them step by step. */
export function showCalls(
  { terminal }: Stage,
  calls: readonly ProbeCall[],
  report: ClientReport,
): void {
  const answered = report.calls - report.failures;
  const verdict =
    answered === report.calls && report.wrongLeader === 0
      ? 'each answered with the elector that led'
      : `${String(report.failures)} failed, ${String(report.wrongLeader)} were told a wrong leader`;
  terminal.row('a client meanwhile', `${counted(report.calls, 'call')}, ${verdict}`);
  terminal.row(
    '',
    `${counted(report.redirects, 'redirect')}, ${counted(report.retries, 'retry', 'retries')}`,
  );
  for (const failed of calls.filter(({ outcome }) => outcome.kind === 'failed').slice(0, 3)) {
    terminal.row('', terminal.tone(describeOutcome(failed), 'bad'));
  }
  const longest = longestCall(calls);
  if (longest === undefined) return;
  showAttempts(terminal, 'its longest call', longest.attempts);
  const tookMs = longest.endMs - longest.startMs;
  terminal.row('', `${describeOutcome(longest)}, after ${formatMs(tookMs)}`);
}

function showAttempts(terminal: Terminal, label: string, attempts: readonly Attempt[]): void {
  const rows = attempts.map(describeAttempt);
  const skipped = rows.length - 2 * attemptsShownEachEnd;
  if (skipped > 1) {
    const note = `… ${counted(skipped, 'more question')} …`;
    rows.splice(attemptsShownEachEnd, skipped, note);
  }
  rows.forEach((row, index) => {
    terminal.row(index === 0 ? label : '', row);
  });
}

/** `127.0.0.1:7104  who leads?    current       1.2 ms`. */
export function describeAttempt({ endpoint, what, outcome, durationMs }: Attempt): string {
  const question = questions[what].padEnd(13);
  return `${endpoint.padEnd(16)} ${question} ${outcome.padEnd(12)} ${formatMs(durationMs)}`;
}

function describeOutcome({ outcome }: ProbeCall): string {
  return outcome.kind === 'leader'
    ? `${outcome.leaderId} leads, epoch ${String(outcome.epoch)}`
    : outcome.reason;
}
