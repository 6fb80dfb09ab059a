/**
 * The main job, shown on a running lab. Decides the order of its parts, and makes one report of what
 * they measured and one list of what held.
 */
import type { Lab } from '../lab.ts';
import { rounded } from '../measure/statistics.ts';
import { reportIdle, reportMembers } from '../report.ts';
import type { LabReport } from '../report.ts';
import { judgeCalls } from './client-probe.ts';
import {
  showClient,
  showConnections,
  showCrash,
  showElected,
  showMassFailure,
  showMembers,
  showRest,
  showStepDown,
} from './scenes.ts';
import type { Stage } from './stage.ts';
import type { Terminal } from './terminal.ts';
import { judge } from './verdict.ts';
import type { Finding } from './verdict.ts';

export interface DemonstrationOptions {
  readonly lab: Lab;
  readonly ttlSeconds: number;
  /** Whether a worker process is killed at the end, with all its nodes. */
  readonly losesNodes: boolean;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

export interface Demonstrated {
  readonly report: LabReport;
  readonly findings: readonly Finding[];
}

export async function demonstrate(options: DemonstrationOptions): Promise<Demonstrated> {
  const { lab } = options;
  const stage: Stage = { ...options, changes: [], calls: [] };
  showElected(stage);
  const allKnownMs = await showMembers(stage);
  await showClient(stage);
  await showCrash(stage);
  await showStepDown(stage);
  const idle = await showRest(stage);
  const connections = await showConnections(stage);
  const massFailure = options.losesNodes ? await showMassFailure(stage) : undefined;
  const report: LabReport = {
    nodes: lab.nodes.length,
    electors: lab.electors.length,
    etcd: { version: lab.etcd.version, clientConnections: connections ?? null },
    startup: { readyMs: rounded(lab.readyMs, 0) },
    changes: stage.changes,
    client: judgeCalls(stage.calls, lab.ledger),
    idle: reportIdle(idle),
    members: reportMembers(allKnownMs, massFailure),
  };
  // The connection of this question is closed again; it was not there when they were counted.
  const leaderKey = await lab.leaderKey();
  const findings = judge(report, {
    overlaps: lab.ledger.overlaps(),
    leaderships: lab.ledger.leaderships.length,
    epochInEtcd: leaderKey?.epoch,
    epochInLogs: lab.leader()?.epoch,
  });
  return { report, findings };
}

export function showFindings(findings: readonly Finding[], terminal: Terminal): void {
  terminal.heading('What held');
  for (const { promise, held, seen } of findings) {
    const verdict = held ? terminal.tone('held', 'good') : terminal.tone('BROKEN', 'bad');
    terminal.row(promise, `${verdict}: ${seen}`);
  }
}
