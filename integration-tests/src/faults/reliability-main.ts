/**
 * `npm run reliability`: every row of the fault matrix, several times and on a larger cluster than in the
 * tests, and the table of docs/RELIABILITY.md from what was measured. Decides the exit code: 1 when a
 * promise was broken, and then the document stays as it was.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, release, type } from 'node:os';
import { counted, formatMs, labVersion, Terminal, whyNotWritable } from '@herald/lab';
import {
  defineOptions,
  listOf,
  oneOf,
  ProcessError,
  runProcess,
  text,
  wholeNumber,
} from '@herald/process';
import { FaultCluster, ttlSeconds } from './fault-cluster.ts';
import { runRow } from './fault-row.ts';
import type { FaultRow, RowOutcome } from './fault-row.ts';
import { faultRows } from './fault-rows.ts';
import { recordOutcome } from './outcome-file.ts';
import { withTable } from './reliability-table.ts';

const [firstId = '', ...otherIds] = faultRows.map(({ id }) => id);
const repeatsMax = 100;
const electorsMax = 9;
const nodesMax = 50;
/** To end a dozen processes and three members of etcd. */
const shutdownTimeoutMs = 15_000;

const options = defineOptions({
  rows: {
    flag: '--row <id>',
    repeatable: true,
    schema: listOf(oneOf([firstId, ...otherIds])),
    description: `Faults to make: ${[firstId, ...otherIds].join(', ')}; all of them unless given`,
    group: 'Reliability',
  },
  repeat: {
    flag: '--repeat <count>',
    schema: wholeNumber({ min: 1, max: repeatsMax }),
    default: '3',
    description: 'How often each fault is made',
    group: 'Reliability',
  },
  electors: {
    flag: '--electors <count>',
    schema: wholeNumber({ min: 2, max: electorsMax }),
    default: '3',
    description: 'Electors, each with a service that writes',
    group: 'Reliability',
  },
  nodes: {
    flag: '--nodes <count>',
    schema: wholeNumber({ min: 3, max: nodesMax }),
    default: '9',
    description: 'Gossip nodes',
    group: 'Reliability',
  },
  document: {
    flag: '--document <file>',
    schema: text(),
    optional: true,
    description: 'Where to put the table of all rows, between its markers; nowhere unless given',
    group: 'Reliability',
  },
});

async function runAll(
  cluster: FaultCluster,
  rows: readonly FaultRow[],
  repeats: number,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<readonly RowOutcome[]> {
  const outcomes: RowOutcome[] = [];
  for (let repeat = 1; repeat <= repeats; repeat++) {
    terminal.heading(`The fault matrix, ${repeat} of ${repeats}`);
    for (const row of rows) {
      signal.throwIfAborted();
      const outcome = await runRow(row, cluster);
      outcomes.push(outcome);
      await recordOutcome(outcome);
      showOutcome(terminal, outcome);
    }
  }
  return outcomes;
}

function showOutcome(terminal: Terminal, outcome: RowOutcome): void {
  const { id, recoveryMs, writes, versionsSeen, broken } = outcome;
  const seen = `${counted(writes, 'write')}, ${counted(versionsSeen, 'version')} seen`;
  terminal.row(id, `recovered after ${formatMs(recoveryMs)}; ${seen}`);
  for (const promise of broken) terminal.line(terminal.tone(`   BROKEN: ${promise}`, 'bad'));
}

await runProcess(
  {
    name: 'herald-reliability',
    summary:
      'Makes every fault of the fault matrix on a real cluster, and writes down what was measured.',
    version: labVersion,
    options,
    examples: [
      'npm run reliability',
      'npm run reliability -- --row leader-killed --row partition --repeat 10',
    ],
    log: { destination: 'stderr', level: 'fatal' },
    shutdownTimeoutMs,
  },
  async ({ options: { rows: ids, repeat, electors, nodes, document }, own, signal }) => {
    const problem = document === undefined ? undefined : await whyNotWritable(document);
    if (problem !== undefined)
      throw new ProcessError('BAD_CONFIGURATION', `--document: ${problem}`);
    const terminal = new Terminal(process.stdout);
    const rows = faultRows.filter(({ id }) => ids.length === 0 || ids.includes(id));
    const outcomes: RowOutcome[] = [];
    let etcdVersion = '';
    for (const etcdUsers of [false, true]) {
      const chosen = rows.filter((row) => (row.etcdUsers ?? false) === etcdUsers);
      if (chosen.length === 0) continue;
      const cluster = own('the cluster', await FaultCluster.start({ electors, nodes, etcdUsers }));
      etcdVersion = cluster.etcd.version;
      outcomes.push(...(await runAll(cluster, chosen, repeat, terminal, signal)));
      // The next one is not to share the machine with it.
      await cluster[Symbol.asyncDispose]();
    }
    const broken = outcomes.flatMap((outcome) => outcome.broken);
    if (broken.length > 0) throw new ProcessError('FAILED', `did not hold: ${broken.join('; ')}`);
    if (document === undefined) return;
    if (rows.length < faultRows.length) {
      terminal.row('not written', `${document} tells of all rows, and these were ${rows.length}`);
      return;
    }
    const machine = [
      counted(availableParallelism(), 'core'),
      `${type()} ${release().split('-')[0] ?? ''}`,
      `Node ${process.versions.node}`,
      `etcd ${etcdVersion}`,
    ];
    const table = withTable(await readFile(document, 'utf8'), outcomes, {
      machine: machine.join(', '),
      date: today(),
      ...{ electors, nodes, repeats: repeat, ttlSeconds },
    });
    await writeFile(document, table);
    terminal.row('written', document);
  },
);

function today(): string {
  return new Date().toISOString().slice(0, 'yyyy-mm-dd'.length);
}
