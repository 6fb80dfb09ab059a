#!/usr/bin/env node
/**
 * `npm run example`: the ticket office, open while its leaders fall. Decides the order: open, sell in peace,
 * trouble, close, judge; and the exit code, which is 1 when a promise was broken.
 */
import { readFileSync } from 'node:fs';
import {
  counted,
  describeEtcd,
  describeProtection,
  etcdEnvironment,
  formatMs,
  showFindings,
  Terminal,
  toProcessError,
  whyNotWritable,
  writeJsonFile,
} from '@herald/lab';
import { monotonicNowMs, ProcessError, runProcess } from '@herald/process';
import { Chaos } from './chaos/chaos.ts';
import { causes } from './chaos/troubles.ts';
import { openOffice } from './office/office.ts';
import type { Office } from './office/office.ts';
import { chooseSeed, checkExampleOptions, exampleOptions, patienceMsOf } from './options.ts';
import type { ExampleOptions } from './options.ts';
import { reportOf } from './report/report.ts';
import type { OfficeReport } from './report/report.ts';
import { showRecovery, showReport, showSales } from './report/show.ts';
import { judge } from './report/verdict.ts';

/** Less than a failover after a crash takes, so that some leave in the middle of one. */
const hastyMs = 1_000;
/** Ctrl-C to the last process gone. Electors take up to 2 s to give back their leases. */
const shutdownTimeoutMs = 8_000;
const showEveryMs = 200;

interface Run {
  readonly office: Office;
  readonly options: ExampleOptions;
  readonly seed: number;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Troubles leaders for the time that was asked for, and lets everybody go home. */
async function troubleLeaders({ office, options, seed, terminal, signal }: Run) {
  const ttlMs = options.ttl;
  const beganMs = monotonicNowMs();
  terminal.heading(`Leaders fall for ${counted(options.seconds, 'second')} (seed ${String(seed)})`);
  const showing = setInterval(() => {
    showSales(terminal, office.sales, monotonicNowMs() - beganMs);
  }, showEveryMs);
  try {
    const chaos = new Chaos({
      ...{ office, ttlMs, seed, signal },
      causes: options.causes.length === 0 ? causes : options.causes,
      onRecovery: (recovery) => {
        showRecovery(terminal, recovery, recovery.struckMs - beganMs);
      },
    });
    const recoveries = await chaos.run(beganMs + options.seconds * 1_000);
    await office.close();
    return recoveries;
  } finally {
    clearInterval(showing);
  }
}

async function judgeRun(run: Run): Promise<OfficeReport> {
  const { office, options, seed, terminal } = run;
  const recoveries = await troubleLeaders(run);
  const { purchases, failures } = office.sales;
  const tickets = await office.readTickets();
  const patientMs = patienceMsOf(options);
  const evidence = { tickets, purchases, failures, recoveries, patientMs };
  const findings = judge(evidence);
  const { seconds, customers, fence: isFenced } = options;
  const facts = { seed, isFenced, seconds, customers, replicas: office.replicas.length };
  const report = reportOf(facts, evidence, findings);
  showReport(terminal, report);
  showFindings(findings, terminal);
  return report;
}

function ownVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

await runProcess(
  {
    name: 'ticket-office',
    summary:
      'Sells numbered tickets from whoever leads, while one leader after the other is killed, paused, ' +
      'cut off or asked to step down; then says what held.',
    version: ownVersion(),
    options: exampleOptions,
    check: checkExampleOptions,
    examples: [
      'npm run example',
      'npm run example -- --seconds 20',
      'npm run example -- --seconds 20 --cause pause --no-fence',
    ],
    log: { destination: 'stderr', level: 'fatal' },
    shutdownTimeoutMs,
  },
  async ({ options, own, signal }) => {
    const { customers, nodes, ttl, json, fence: isFenced, insecure, etcdEndpoints } = options;
    const problem = json === undefined ? undefined : await whyNotWritable(json);
    if (problem !== undefined) throw new ProcessError('BAD_CONFIGURATION', `--json: ${problem}`);
    const terminal = new Terminal(process.stdout);
    const seed = chooseSeed(options);
    try {
      terminal.heading(
        `Ticket office: 3 replicas, ${counted(nodes, 'gossip node')}, ` +
          `${counted(customers, 'customer')}, a lease of ${formatMs(ttl)}`,
      );
      if (!isFenced) terminal.row('no fence', terminal.tone('every leader may write late', 'bad'));
      const beganMs = monotonicNowMs();
      terminal.row('protection', describeProtection(insecure));
      const office = await openOffice(
        {
          ...{ customers, nodes, seed, isFenced, insecure, hastyMs, signal },
          ttlSeconds: ttl / 1_000,
          patientMs: patienceMsOf(options),
          env: etcdEnvironment(etcdEndpoints),
          onNote: (label, note) => {
            terminal.row(label, note);
          },
        },
        own,
      );
      terminal.row('etcd', describeEtcd(office.etcd));
      await office.letIn(own);
      terminal.row('open', `the first ticket after ${formatMs(monotonicNowMs() - beganMs)}`);
      const report = await judgeRun({ office, options, seed, terminal, signal });
      if (json !== undefined) await writeJsonFile(json, report);
      const broken = report.findings.filter(({ held }) => !held);
      if (broken.length > 0) {
        const promises = broken.map(({ promise }) => promise).join('; ');
        throw new ProcessError('FAILED', `did not hold: ${promises} (seed ${String(seed)})`);
      }
    } catch (error) {
      if (signal.aborted) throw new ProcessError('FAILED', 'was stopped before it could be judged');
      throw toProcessError(error);
    } finally {
      terminal.line();
    }
  },
);
