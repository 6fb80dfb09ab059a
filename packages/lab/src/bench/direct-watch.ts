/**
 * The bench's other side: N machines that each watch etcd themselves. Decides how that is measured:
 * every watcher has a client and a connection of its own, in as many processes as Herald's nodes
 * have; one writer puts the value; a time runs from the sending of the put to a watcher's receipt.
 */
import { monotonicNowMs } from '@herald/process';
import { Etcd3 } from 'etcd3';
import type { EtcdCluster } from '../etcd/etcd-cluster.ts';
import { countClientConnections } from '../etcd/etcd-load.ts';
import { spreadOf } from '../measure/statistics.ts';
import type { Spread } from '../measure/statistics.ts';
import { waitUntil } from '../process/wait-until.ts';
import { counted } from '../story/wording.ts';
import { WorkerProcess } from '../worker/worker-process.ts';
import { etcdUsage, usageSince } from './etcd-usage.ts';
import type { EtcdUsage } from './etcd-usage.ts';
import { keepPace } from './pace.ts';
import type { WatcherCalls } from './watcher-protocol.ts';

/** Watchers opened at a time: a thundering herd of new connections is not what is measured. */
const watchersPerBatch = 25;
const openTimeoutMs = 60_000;
const askTimeoutMs = 10_000;
/** Bound on one value reaching everybody. It takes a fraction of a second. */
const receiptTimeoutMs = 15_000;
/** Workers are not asked while the value may still be on its way: that would disturb it. */
const quietMs = 300;

const prefix = 'herald-bench/direct/';

export interface DirectWatchOptions {
  readonly etcd: EtcdCluster;
  readonly watchers: number;
  readonly processes: number;
  readonly changes: number;
  /** Changes before those, not counted. */
  readonly warmUps: number;
  readonly paceMs: number;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface DirectChange extends Spread {
  /** The same times, from when etcd had acknowledged the put; a watcher may be told before that. */
  readonly fromAcknowledged: Spread;
}

export interface DirectWatchResult {
  readonly changes: readonly DirectChange[];
  /** Connections of the watchers alone. */
  readonly etcdConnections: number | undefined;
  readonly etcd: EtcdUsage | undefined;
}

/** Opens the watchers, measures, and closes them again. */
export async function measureDirectWatch(options: DirectWatchOptions): Promise<DirectWatchResult> {
  const { etcd, watchers, processes, signal } = options;
  const connectionsBefore = await countClientConnections(etcd);
  const workers = Array.from(
    { length: processes },
    (_, index) =>
      new WorkerProcess<WatcherCalls>({
        name: `watchers-${String(index + 1)}`,
        script: new URL('./watcher-main.js', import.meta.url),
      }),
  );
  try {
    const shares = workers.map((_, index) => shareOf(watchers, processes, index));
    await Promise.all(
      workers.map((worker, index) => openWatchers(worker, etcd, shares[index] ?? 0)),
    );
    signal?.throwIfAborted();
    const where = counted(processes, 'process', 'processes');
    options.log(`${counted(watchers, 'direct watcher')} connected, in ${where}`);
    const connections = await countClientConnections(etcd);
    const etcdConnections =
      connections === undefined || connectionsBefore === undefined
        ? undefined
        : connections - connectionsBefore;
    return { ...(await measureChanges(options, workers)), etcdConnections };
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
}

/** How many of `total` fall to one of `parts`; the first parts take what does not divide. */
export function shareOf(total: number, parts: number, index: number): number {
  return Math.floor(total / parts) + (index < total % parts ? 1 : 0);
}

async function openWatchers(
  worker: WorkerProcess<WatcherCalls>,
  etcd: EtcdCluster,
  total: number,
): Promise<void> {
  const { endpoints } = etcd;
  for (let open = 0; open < total; open += watchersPerBatch) {
    const count = Math.min(watchersPerBatch, total - open);
    await worker.call('open', { endpoints, prefix, count }, { timeoutMs: openTimeoutMs });
  }
}

async function measureChanges(
  options: DirectWatchOptions,
  workers: readonly WorkerProcess<WatcherCalls>[],
): Promise<Pick<DirectWatchResult, 'changes' | 'etcd'>> {
  const { etcd, warmUps, changes, paceMs, signal } = options;
  const writer = new Etcd3({ hosts: [...etcd.endpoints] });
  try {
    for (let warmUp = 0; warmUp < warmUps; warmUp++) {
      await keepPace(paceMs, signal, () => measureChange(writer, workers));
    }
    const measured: DirectChange[] = [];
    const before = await etcdUsage(etcd);
    for (let change = 0; change < changes; change++) {
      measured.push(await keepPace(paceMs, signal, () => measureChange(writer, workers)));
    }
    return { changes: measured, etcd: usageSince(before, await etcdUsage(etcd)) };
  } finally {
    writer.close();
  }
}

async function measureChange(
  writer: Etcd3,
  workers: readonly WorkerProcess<WatcherCalls>[],
): Promise<DirectChange> {
  const mark = String(monotonicNowMs());
  const sentMs = monotonicNowMs();
  await writer.put(`${prefix}leader`).value(leaderValue(mark));
  const acknowledgedMs = monotonicNowMs();
  const receipts = await waitUntil(
    'the value to reach every direct watcher',
    () => (monotonicNowMs() < sentMs + quietMs ? undefined : askReceipts(workers, mark)),
    { timeoutMs: receiptTimeoutMs, pollMs: quietMs },
  );
  const spread = spreadOf(receipts.map((atMs) => atMs - sentMs));
  const fromAcknowledged = spreadOf(receipts.map((atMs) => Math.max(0, atMs - acknowledgedMs)));
  if (spread === undefined || fromAcknowledged === undefined) throw new Error('no watchers');
  return { ...spread, fromAcknowledged };
}

/** The moments of receipt of all watchers; undefined while one of them lacks the value. */
async function askReceipts(
  workers: readonly WorkerProcess<WatcherCalls>[],
  mark: string,
): Promise<number[] | undefined> {
  const replies = await Promise.all(
    workers.map((worker) => worker.call('receipts', { mark }, { timeoutMs: askTimeoutMs })),
  );
  const receipts = replies.flat();
  const received = receipts.filter((atMs) => atMs !== null);
  return received.length === receipts.length ? received : undefined;
}

/** As large as a leader's key in etcd, with the mark by which a receipt is recognised. */
function leaderValue(mark: string): string {
  return JSON.stringify({
    mark,
    election: 'demo',
    leader: { id: 'elector-1', address: '127.0.0.1:7000', metadata: { zone: 'lab' } },
    electorAddress: '127.0.0.1:7001',
    issuer: 'elector-1',
    ttlMs: 3_000,
  });
}
