/**
 * How fast the client is: answers from what it knows, and answers for which it asks a node. Decides
 * how the latter is measured: at a fixed rate whatever the answers do (an open loop), each latency
 * from the moment the call was due, so that a stall counts for every call it delayed.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Client } from '@herald/client';
import { monotonicNowMs } from '@herald/process';
import type { EtcdCluster } from '../etcd/etcd-cluster.ts';
import { quantile } from '../measure/statistics.ts';
import { startLab } from '../start-lab.ts';

const warmUpMs = 500;
const cachedMs = 2_000;
/** Calls between two looks at the clock, which costs as much as a cached call. */
const callsPerLook = 1_000;

const uncachedPerSecond = 1_000;
const uncachedSeconds = 5;
/** First second, in which code is compiled and connections are made; not counted. */
const uncachedWarmUpCalls = 1_000;
/**
 * Clients that take turns: calls of one client that overlap share a lookup, and here each call shall
 * make its own.
 */
const clientCount = 32;

export interface ClientSpeed {
  readonly cachedPerSecond: number;
  readonly uncachedP99Ms: number;
}

/** Measures on a small lab of its own: three nodes in a worker process, asked from this one. */
export async function measureClient(etcd: EtcdCluster, signal: AbortSignal): Promise<ClientSpeed> {
  await using lab = await startLab({ etcd, nodes: 3, electors: 1, signal });
  await using client = lab.createClient();
  const cachedPerSecond = await measureCached(client);
  signal.throwIfAborted();
  const clients = Array.from({ length: clientCount }, () => lab.createClient({ cacheMs: 0 }));
  try {
    return { cachedPerSecond, uncachedP99Ms: await measureUncached(clients, signal) };
  } finally {
    for (const each of clients) await each[Symbol.asyncDispose]();
  }
}

async function measureCached(client: Client): Promise<number> {
  await countCalls(client, warmUpMs);
  const { calls, tookMs } = await countCalls(client, cachedMs);
  return (calls * 1_000) / tookMs;
}

/** One call after the other, each awaited. */
async function countCalls(
  client: Client,
  durationMs: number,
): Promise<{ readonly calls: number; readonly tookMs: number }> {
  const startMs = monotonicNowMs();
  for (let calls = 0; ;) {
    for (let call = 0; call < callsPerLook; call++) await client.getLeader();
    calls += callsPerLook;
    const tookMs = monotonicNowMs() - startMs;
    if (tookMs >= durationMs) return { calls, tookMs };
    // Answers to what the client asks in the background arrive in a turn of their own.
    await nextTurn();
  }
}

async function measureUncached(clients: readonly Client[], signal: AbortSignal): Promise<number> {
  const latenciesMs: number[] = [];
  const open: Promise<void>[] = [];
  const calls = uncachedWarmUpCalls + uncachedPerSecond * uncachedSeconds;
  const startMs = monotonicNowMs();
  for (let call = 0; call < calls; call++) {
    const dueMs = startMs + (call * 1_000) / uncachedPerSecond;
    // A timer is a millisecond or two late, which would be counted as the client's.
    while (monotonicNowMs() < dueMs) await nextTurn();
    signal.throwIfAborted();
    const client = clients[call % clients.length];
    if (client === undefined) throw new Error('no clients to measure with');
    open.push(
      client.getLeader().then(() => {
        if (call >= uncachedWarmUpCalls) latenciesMs.push(monotonicNowMs() - dueMs);
      }),
    );
  }
  await Promise.all(open);
  const p99Ms = quantile(latenciesMs, 0.99);
  if (p99Ms === undefined) throw new Error('no call was measured');
  return p99Ms;
}
