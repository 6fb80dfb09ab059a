/** What the parts of the demonstration share, and what they leave behind for the report. */
import type { Lab } from '../lab.ts';
import type { ChangeReport } from '../report.ts';
import type { ProbeCall } from './client-probe.ts';
import type { Terminal } from './terminal.ts';

export interface Stage {
  readonly lab: Lab;
  readonly ttlSeconds: number;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly changes: ChangeReport[];
  readonly calls: ProbeCall[];
}
