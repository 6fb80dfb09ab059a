/** Decides the shape of `--json`: what was measured, for programs. */
import { rounded, spreadOf } from '@herald/lab';
import type { Finding, Spread } from '@herald/lab';
import type { CauseReports, Evidence } from './verdict.ts';
import { byCause, countByCode } from './verdict.ts';

export interface OfficeReport {
  readonly seed: number;
  readonly isFenced: boolean;
  readonly seconds: number;
  readonly customers: number;
  readonly replicas: number;
  /** Tickets that customers hold, and those in the log: some customers left before theirs was printed. */
  readonly sold: { readonly acknowledged: number; readonly written: number };
  /** From the beginning of a draw to the ticket; failovers included. Null when none was drawn. */
  readonly drawMs: Spread | null;
  /** Draws that failed, by code. */
  readonly failures: Readonly<Record<string, number>>;
  readonly causes: CauseReports;
  readonly withoutLeader: { readonly totalMs: number; readonly longestMs: number };
  readonly findings: readonly Finding[];
}

export type RunFacts = Pick<
  OfficeReport,
  'seed' | 'isFenced' | 'seconds' | 'customers' | 'replicas'
>;

export function reportOf(
  facts: RunFacts,
  evidence: Evidence,
  findings: readonly Finding[],
): OfficeReport {
  const { purchases, tickets, failures, recoveries } = evidence;
  const spread = spreadOf(purchases.map(({ startMs, endMs }) => endMs - startMs));
  const gapsMs = recoveries.map(({ unservedMs }) => unservedMs);
  return {
    ...facts,
    sold: { acknowledged: purchases.length, written: tickets.length },
    drawMs: spread === undefined ? null : roundedSpread(spread),
    failures: countByCode(failures),
    causes: byCause(recoveries),
    withoutLeader: {
      totalMs: rounded(
        gapsMs.reduce((sum, gapMs) => sum + gapMs, 0),
        0,
      ),
      longestMs: rounded(Math.max(0, ...gapsMs), 0),
    },
    findings,
  };
}

function roundedSpread({ p50Ms, p99Ms, maxMs }: Spread): Spread {
  return { p50Ms: rounded(p50Ms, 1), p99Ms: rounded(p99Ms, 1), maxMs: rounded(maxMs, 1) };
}
