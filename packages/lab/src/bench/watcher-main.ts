/**
 * A worker process that hosts direct watchers of etcd: what every machine would do without Herald.
 * Decides what such a watcher is: a client of the same library that the electors use, with a
 * connection of its own, watching the prefix under which the leader's key lies.
 */
import { monotonicNowMs } from '@herald/process';
import { Etcd3 } from 'etcd3';
import { serveWorker } from '../worker/serve-worker.ts';
import type { WatcherCalls } from './watcher-protocol.ts';

/** Marks kept for each watcher; the bench asks about one within seconds. */
const marksKeptMax = 64;

/** Receipts of one watcher: mark → moment. */
type Receipts = Map<string, number>;

const watchers: Receipts[] = [];

async function openWatcher(endpoints: readonly string[], prefix: string): Promise<void> {
  const client = new Etcd3({
    hosts: [...endpoints],
    // As separate machines would: clients of one process would otherwise share a connection.
    grpcOptions: { 'grpc.use_local_subchannel_pool': 1 },
  });
  const receipts: Receipts = new Map();
  const watcher = await client.watch().prefix(prefix).create();
  watcher.on('put', ({ value }) => {
    const atMs = monotonicNowMs();
    const { mark } = JSON.parse(value.toString()) as { readonly mark: string };
    if (!receipts.has(mark)) receipts.set(mark, atMs);
    const [oldest] = receipts.keys();
    if (receipts.size > marksKeptMax && oldest !== undefined) receipts.delete(oldest);
  });
  watchers.push(receipts);
}

serveWorker<WatcherCalls>({
  open: async ({ endpoints, prefix, count }) => {
    await Promise.all(Array.from({ length: count }, () => openWatcher(endpoints, prefix)));
    return null;
  },
  receipts: ({ mark }) => watchers.map((receipts) => receipts.get(mark) ?? null),
});
