/**
 * `npm start`: the lab as a process. Decides what happens in which order and with which exit code:
 * start, demonstration, report, and then, unless `--once` was said, staying up until Ctrl-C.
 */
import { ProcessError, runProcess } from '@herald/process';
import { etcdEnvironment } from './etcd-option.ts';
import { whyNotWritable, writeJsonFile } from './json-file.ts';
import {
  checkLabOptions,
  labProcessOptions,
  losesNodes,
  nodesPerProcessOf,
} from './lab-process-options.ts';
import type { LabProcessOptions } from './lab-process-options.ts';
import { labVersion } from './lab-version.ts';
import type { Lab } from './lab.ts';
import { toProcessError } from './process-errors.ts';
import { describeProtection } from './protection.ts';
import { startLab } from './start-lab.ts';
import { demonstrate, showFindings } from './story/demonstration.ts';
import { showProgress } from './story/start-rows.ts';
import { stayUp } from './story/stay-up.ts';
import { Terminal } from './story/terminal.ts';
import { counted, formatMs } from './story/wording.ts';

/** Ctrl-C to the last process gone. Electors take up to 2 s to give back their leases. */
const shutdownTimeoutMs = 5_000;

async function bringUp(
  options: LabProcessOptions,
  logLevel: string,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Lab> {
  const { nodes, electors, ttl, etcd, etcdEndpoints, portBase, fanout } = options;
  const sizes = [counted(nodes, 'gossip node'), counted(electors, 'elector')];
  terminal.heading(`Herald lab: ${sizes.join(', ')}, a lease of ${String(ttl / 1_000)} s`);
  terminal.row('protection', describeProtection(options.insecure));
  const lab = await startLab({
    nodes,
    electors,
    etcd: etcd === '3' ? 3 : 1,
    ttlSeconds: ttl / 1_000,
    nodesPerProcess: nodesPerProcessOf(options),
    logLevel,
    insecure: options.insecure,
    ...(portBase !== undefined && { portBase }),
    ...(fanout !== undefined && { fanout }),
    env: etcdEnvironment(etcdEndpoints),
    signal,
    progress: (progress) => {
      showProgress(terminal, progress);
    },
    onWorkerLine: (line) => {
      terminal.line(line);
    },
  });
  terminal.row('ready', `after ${formatMs(lab.readyMs)}`);
  return lab;
}

await runProcess(
  {
    name: 'herald-lab',
    summary:
      'A real Herald cluster on this machine: etcd, electors, gossip nodes, and the main job shown on them.',
    version: labVersion,
    options: labProcessOptions,
    check: checkLabOptions,
    examples: [
      'npm start',
      'npm start -- --nodes 200 --etcd 3',
      'npm start -- --once --json lab.json',
    ],
    log: { destination: 'stderr', level: 'fatal' },
    shutdownTimeoutMs,
  },
  async (context) => {
    const { options, logger, signal } = context;
    const { once, json, ttl } = options;
    const problem = json === undefined ? undefined : await whyNotWritable(json);
    if (problem !== undefined) throw new ProcessError('BAD_CONFIGURATION', `--json: ${problem}`);
    const terminal = new Terminal(process.stdout);
    try {
      const lab = context.own('the lab', await bringUp(options, logger.level, terminal, signal));
      const { report, findings } = await demonstrate({
        lab,
        ttlSeconds: ttl / 1_000,
        losesNodes: losesNodes(options),
        terminal,
        signal,
      });
      showFindings(findings, terminal);
      if (json !== undefined) await writeJsonFile(json, report);
      const broken = findings.filter(({ held }) => !held);
      if (once && broken.length > 0) {
        const promises = broken.map(({ promise, seen }) => `${promise} (${seen})`);
        throw new ProcessError('FAILED', `did not hold: ${promises.join('; ')}`);
      }
      if (!once) await stayUp(lab, terminal, signal);
    } catch (error) {
      if (once && signal.aborted) {
        const message = 'was stopped before the demonstration had come to its end';
        throw new ProcessError('FAILED', message);
      }
      throw toProcessError(error);
    } finally {
      terminal.line();
    }
  },
);
