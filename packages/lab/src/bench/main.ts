/**
 * `npm run bench`: Herald beside what one would do without it, in one run on one machine. Decides what
 * makes the comparison fair:
 *  - one and the same etcd; as many processes host the watchers as host the nodes;
 *  - neither side exists while the other is measured; nor do Herald with TLS and Herald without it;
 *  - direct watchers are measured before Herald and again after it, so that a machine that grows slower
 *    or faster meanwhile favours neither;
 *  - changes follow each other at the same pace, and those of a side that has just started do not count.
 */
import { ProcessError, defineOptions, onOff, runProcess, text, wholeNumber } from '@herald/process';
import { startEtcd } from '../etcd/etcd-cluster.ts';
import type { EtcdCluster } from '../etcd/etcd-cluster.ts';
import { etcdEndpointsOption, etcdEnvironment } from '../etcd-option.ts';
import { whyNotWritable, writeJsonFile } from '../json-file.ts';
import { labDefaults, labLimits } from '../lab-options.ts';
import { labVersion } from '../lab-version.ts';
import { toProcessError } from '../process-errors.ts';
import { describeProtection } from '../protection.ts';
import { Terminal } from '../story/terminal.ts';
import { reportBench } from './bench-report.ts';
import type { BenchResults } from './bench-report.ts';
import { showMachine, showResults } from './bench-table.ts';
import { measureClient } from './client-speed.ts';
import { measureDirectWatch } from './direct-watch.ts';
import { measureHerald } from './herald-side.ts';
import type { HeraldSideResult } from './herald-side.ts';

/** Enough for a change to spread, be asked about, and for things to come to rest. */
const paceMs = 2_000;
/**
 * Changes before the counted ones: connections, compiled code, and Herald's tree settle. Each member runs
 * through a change once, so that it takes some twenty of them until the code of a process is compiled.
 */
const warmUps = 20;
/** Electors, hundreds of nodes and etcd end within this. */
const shutdownTimeoutMs = 9_000;

const benchOptions = defineOptions({
  nodes: {
    flag: '--nodes <count>',
    schema: wholeNumber({ min: 2, max: labLimits.nodesMax }),
    default: '500',
    description: 'Gossip nodes, and direct watchers, that the news has to reach',
    group: 'Bench',
  },
  changes: {
    flag: '--changes <count>',
    schema: wholeNumber({ min: 1, max: 1_000 }),
    default: '7',
    description: 'Changes of leader that are measured; the figures are medians over them',
    group: 'Bench',
  },
  nodesPerProcess: {
    flag: '--nodes-per-process <count>',
    schema: wholeNumber({ min: 1, max: labLimits.nodesPerProcessMax }),
    default: String(labDefaults.nodesPerProcess),
    description: 'Gossip nodes, or watchers, that share a worker process',
    group: 'Bench',
  },
  insecure: {
    flag: '--insecure',
    schema: onOff(),
    description:
      'Herald in plain text alone; else over TLS with signed records, and then in plain text',
    group: 'Bench',
  },
  etcdEndpoints: { ...etcdEndpointsOption, group: 'Bench' },
  json: {
    flag: '--json <file>',
    schema: text(),
    optional: true,
    description: 'Also write the figures to this file',
    group: 'Bench',
  },
});

interface BenchRun {
  readonly insecure: boolean;
  readonly etcd: EtcdCluster;
  readonly nodes: number;
  readonly nodesPerProcess: number;
  readonly changes: number;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

async function measure(run: BenchRun): Promise<BenchResults> {
  const { etcd, insecure, nodes, nodesPerProcess, terminal, signal } = run;
  const log = (line: string): void => {
    terminal.row('', line);
  };
  const common = { etcd, changes: run.changes, warmUps, paceMs, log, signal };
  const processes = Math.ceil(nodes / nodesPerProcess);
  const direct = { ...common, watchers: nodes, processes };
  terminal.heading(`Measuring ${String(run.changes)} changes, after ${String(warmUps)} to warm up`);
  const herald = (isPlain: boolean): Promise<HeraldSideResult> =>
    measureHerald({ ...common, insecure: isPlain, nodes, nodesPerProcess });
  const directBefore = await measureDirectWatch(direct);
  const asAsked = await herald(insecure);
  const plain = insecure ? undefined : await herald(true);
  const directAfter = await measureDirectWatch(direct);
  log('a client asks');
  const client = await measureClient(etcd, insecure, signal);
  return {
    ...{ nodes, protection: insecure ? 'plain-text' : 'tls', herald: asAsked, client },
    directWatch: [directBefore, directAfter],
    plainText: plain && { herald: plain, client: await measureClient(etcd, true, signal) },
  };
}

await runProcess(
  {
    name: 'herald-bench',
    summary:
      'Measures how fast a change of leader reaches N nodes through Herald, and N direct watchers of etcd.',
    version: labVersion,
    options: benchOptions,
    examples: ['npm run bench', 'npm run bench -- --nodes 100 --json bench.json'],
    log: { destination: 'stderr', level: 'fatal' },
    shutdownTimeoutMs,
  },
  async (context) => {
    const { options, signal } = context;
    const { json, etcdEndpoints, insecure, nodes, nodesPerProcess, changes } = options;
    const problem = json === undefined ? undefined : await whyNotWritable(json);
    if (problem !== undefined) throw new ProcessError('BAD_CONFIGURATION', `--json: ${problem}`);
    const terminal = new Terminal(process.stdout);
    try {
      terminal.heading('Herald bench');
      terminal.row('protection', describeProtection(insecure));
      const log = (line: string): void => {
        terminal.row('etcd', line);
      };
      const env = etcdEnvironment(etcdEndpoints);
      const etcd = context.own('etcd', await startEtcd({ members: 1, signal, log, env }));
      showMachine(terminal, etcd);
      const run = { etcd, insecure, nodes, nodesPerProcess, changes, terminal, signal };
      const results = await measure(run);
      const report = reportBench(results);
      showResults(terminal, report, results);
      if (json !== undefined) await writeJsonFile(json, report);
      terminal.line();
    } catch (error) {
      throw toProcessError(error);
    }
  },
);
