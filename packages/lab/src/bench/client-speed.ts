/**
 * How fast the client is: answers from what it knows, and answers for which it asks a node. Decides
 * how the latter is measured. First calls follow each other until their code is compiled: while it is
 * not, they take so long that at a fixed rate a queue would be measured. Then they come at the fixed
 * rate whatever the answers do (an open loop), and after a while they count. Each latency is from the
 * moment the call was due, so that a stall counts for every call it delayed. Calls are paced by timers
 * of a millisecond, whose lateness counts as the client's: a loop that watched the clock instead would
 * keep a whole core busy, and the collector with it.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
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
/** One after the other: after some thousands each takes as long as the last. */
const compilingCalls = 6_000;
/** At the fixed rate, not counted: what the compiling left behind is collected meanwhile. */
const settlingSeconds = 2;
const paceMs = 1;
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
  for (let call = 0; call < compilingCalls; call++) {
    await takingTurns(clients, call).getLeader();
    signal.throwIfAborted();
  }
  await latenciesAtRate(clients, settlingSeconds, signal);
  const latenciesMs = await latenciesAtRate(clients, uncachedSeconds, signal);
  const p99Ms = quantile(latenciesMs, 0.99);
  if (p99Ms === undefined) throw new Error('no call was measured');
  return p99Ms;
}

/** How long each call took from the moment it was due. */
async function latenciesAtRate(
  clients: readonly Client[],
  seconds: number,
  signal: AbortSignal,
): Promise<number[]> {
  const latenciesMs: number[] = [];
  const open: Promise<void>[] = [];
  const startMs = monotonicNowMs();
  for (let call = 0; call < uncachedPerSecond * seconds; call++) {
    const dueMs = startMs + (call * 1_000) / uncachedPerSecond;
    while (monotonicNowMs() < dueMs) await sleep(paceMs);
    signal.throwIfAborted();
    const answered = takingTurns(clients, call).getLeader();
    open.push(answered.then(() => void latenciesMs.push(monotonicNowMs() - dueMs)));
  }
  await Promise.all(open);
  return latenciesMs;
}

function takingTurns(clients: readonly Client[], call: number): Client {
  const client = clients[call % clients.length];
  if (client === undefined) throw new Error('no clients to measure with');
  return client;
}
