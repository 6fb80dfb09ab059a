/** Decides how the results of the bench are laid out for people: one column for each side. */
import { arch, cpus, platform, release, totalmem } from 'node:os';
import type { EtcdCluster } from '../etcd/etcd-cluster.ts';
import type { Terminal } from '../story/terminal.ts';
import { describeEtcd } from '../story/start-rows.ts';
import { formatMs } from '../story/wording.ts';
import { mean, medianOf } from './bench-report.ts';
import type { BenchProtection, BenchReport, BenchResults } from './bench-report.ts';
import type { ClientSpeed } from './client-speed.ts';

const columnWidth = 19;

const titles: Readonly<Record<BenchProtection, string>> = {
  tls: 'Herald, TLS',
  'plain-text': 'Herald, plain text',
};

/** What the figures were measured on. */
export function showMachine(terminal: Terminal, etcd: EtcdCluster): void {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown processor';
  const memoryGiB = (totalmem() / 2 ** 30).toFixed(0);
  terminal.row('machine', `${String(processors.length)} × ${model}, ${memoryGiB} GiB`);
  terminal.row('', `${platform()} ${release()}, ${arch()}`);
  terminal.row('Node', process.version);
  terminal.row('etcd', describeEtcd(etcd));
}

export function showResults(terminal: Terminal, report: BenchReport, results: BenchResults): void {
  const { herald, directWatch, client, plainText } = report;
  const sides = [
    { title: titles[report.protection], figures: herald, results: results.herald },
    ...(plainText === null || results.plainText === undefined
      ? []
      : [
          {
            title: titles['plain-text'],
            figures: plainText.herald,
            results: results.plainText.herald,
          },
        ]),
  ];
  type Side = (typeof sides)[number];
  const columns = (label: string, ours: (side: Side) => string, theirs: string): void => {
    const texts = [...sides.map(ours), theirs].map((text) => text.padStart(columnWidth));
    terminal.row(label, texts.join(''));
  };
  const memory = mean(results.directWatch.map(({ etcd }) => etcd?.rssMiB));
  const direct = results.directWatch.flatMap(({ changes }) => changes);
  terminal.heading(`A change of leader reaches ${String(report.nodes)} machines`);
  columns('', ({ title }) => title, 'direct etcd watch');
  columns('changes measured', (side) => String(side.results.changes.length), String(direct.length));
  columns('p50', ({ figures }) => formatMs(figures.p50Ms), formatMs(directWatch.p50Ms));
  columns('p99', ({ figures }) => formatMs(figures.p99Ms), formatMs(directWatch.p99Ms));
  columns('the last', ({ figures }) => formatMs(figures.maxMs), formatMs(directWatch.maxMs));
  columns('pushes per node', ({ figures }) => figures.pushesPerNode.toFixed(2), '');
  columns('hops at most', ({ figures }) => String(figures.maxHops), '');
  columns(
    'etcd connections',
    ({ figures }) => shown(figures.etcdConnections),
    shown(directWatch.etcdConnections),
  );
  columns(
    'etcd CPU',
    ({ figures }) => shown(figures.etcdCpuSeconds, ' s'),
    shown(directWatch.etcdCpuSeconds, ' s'),
  );
  columns('etcd memory', (side) => megabytes(side.results.etcd?.rssMiB), megabytes(memory));
  terminal.line();
  terminal.row('p99, Herald : direct', report.p99Ratio.toFixed(2));
  const fromAcknowledged = medianOf(direct, (change) => change.fromAcknowledged.p99Ms);
  terminal.row(
    'fairness',
    'Herald’s time runs from the elector’s publishing, after etcd’s commit; a direct watcher’s from',
  );
  terminal.row(
    '',
    `the sending of the put. From the put’s acknowledgement its p99 is ${formatMs(fromAcknowledged)}, ` +
      `the ratio ${(herald.p99Ms / fromAcknowledged).toFixed(2)}.`,
  );
  showClient(terminal, titles[report.protection], client);
  if (plainText !== null) showClient(terminal, titles['plain-text'], plainText.client);
}

function showClient(terminal: Terminal, title: string, client: ClientSpeed): void {
  terminal.heading(`A client asks who leads (${title})`);
  terminal.row(
    'from what it knows',
    `${client.cachedPerSecond.toLocaleString('en-GB')} calls a second`,
  );
  terminal.row('work at the leader', `${client.workOverheadUs.toFixed(1)} µs more than the work`);
  terminal.row(
    'from a node',
    `p99 ${formatMs(client.uncachedP99Ms)} at 1,000 calls a second, each a lookup`,
  );
  terminal.row(
    'one node answers',
    `${client.nodeLookupsPerSecond.toLocaleString('en-GB')} lookups a second, with the asker beside it`,
  );
}

function shown(value: number | null, unit = ''): string {
  return value === null ? 'not measured' : `${String(value)}${unit}`;
}

function megabytes(value: number | undefined): string {
  return value === undefined ? 'not measured' : `${value.toFixed(0)} MiB`;
}
