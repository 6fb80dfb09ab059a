/**
 * `npm run soak`: the rows of the fault matrix at random, for as long as was said, under the client's load.
 * Decides what happens in which order from a seed, reads after each fault what every process uses, and
 * ends with 1 when a promise was broken or a process grows.
 */
import { randomInt } from 'node:crypto';
import { counted, formatMs, labVersion, Terminal } from '@herald/lab';
import { pickOne, seededRandom } from '@herald/core';
import {
  defineOptions,
  monotonicNowMs,
  ProcessError,
  runProcess,
  wholeNumber,
} from '@herald/process';
import { FaultCluster } from '../fault-cluster.ts';
import { runRow } from '../fault-row.ts';
import type { RowOutcome } from '../fault-row.ts';
import { faultRows } from '../fault-rows.ts';
import { recordOutcome } from '../outcome-file.ts';
import { judgeSoak, showSoak } from './soak-report.ts';
import { UsageLog } from './usage-log.ts';

const minutesMax = 7 * 24 * 60;
const nodesMax = 50;
/** Seeds are shown to people, who type them in again. */
const seedMax = 999_999;
const msPerMinute = 60_000;
/** To end a dozen processes and three members of etcd. */
const shutdownTimeoutMs = 15_000;

const options = defineOptions({
  minutes: {
    flag: '--minutes <count>',
    schema: wholeNumber({ min: 1, max: minutesMax }),
    default: '30',
    description: 'For how long faults are made',
    group: 'Soak',
  },
  seed: {
    flag: '--seed <number>',
    schema: wholeNumber({ min: 0, max: seedMax }),
    optional: true,
    description: 'Which faults, in which order; a random one unless given',
    group: 'Soak',
  },
  nodes: {
    flag: '--nodes <count>',
    schema: wholeNumber({ min: 3, max: nodesMax }),
    default: '6',
    description: 'Gossip nodes',
    group: 'Soak',
  },
});

await runProcess(
  {
    name: 'herald-soak',
    summary: 'Makes faults at random on a real cluster under load, and looks for what grows.',
    version: labVersion,
    options,
    examples: ['npm run soak -- --minutes 30', 'npm run soak -- --minutes 5 --seed 42'],
    log: { destination: 'stderr', level: 'fatal' },
    shutdownTimeoutMs,
  },
  async ({ options: { minutes, seed = randomInt(seedMax + 1), nodes }, own, signal }) => {
    const terminal = new Terminal(process.stdout);
    terminal.heading(`Faults for ${counted(minutes, 'minute')} (seed ${seed})`);
    const cluster = own('the cluster', await FaultCluster.start({ nodes }));
    const rows = faultRows.filter(({ etcdUsers }) => etcdUsers !== true);
    const random = seededRandom(seed);
    const usage = new UsageLog();
    await usage.read(cluster);
    const outcomes: RowOutcome[] = [];
    const endMs = monotonicNowMs() + minutes * msPerMinute;
    while (monotonicNowMs() < endMs && !signal.aborted) {
      const row = pickOne(rows, random);
      if (row === undefined) throw new Error('there are no faults to make');
      const outcome = await runRow(row, cluster);
      outcomes.push(outcome);
      await recordOutcome(outcome);
      await usage.read(cluster);
      terminal.row(row.id, `recovered after ${formatMs(outcome.recoveryMs)}`);
      for (const promise of outcome.broken) terminal.line(`   BROKEN: ${promise}`);
    }
    showSoak(terminal, outcomes, usage.lives);
    const { findings } = judgeSoak(outcomes, usage.lives);
    if (findings.length > 0) throw new ProcessError('FAILED', findings.join('; '));
    terminal.row('verdict', 'every promise held, no growth');
  },
);
