/**
 * How fast the client is: answers from what it knows, work at the leader, and answers for which it asks a
 * node; and how many of the latter one node gives. Decides
 * how the latter is measured. First calls follow each other until their code is compiled: while it is
 * not, they take so long that at a fixed rate a queue would be measured. Then they come at the fixed
 * rate whatever the answers do (an open loop), and after a while they count. Each latency is from the
 * moment the call was due, so that a stall counts for every call it delayed. Calls are paced by timers
 * of a millisecond, whose lateness counts as the client's: a loop that watched the clock instead would
 * keep a whole core busy, and the collector with it.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { createGrpcTransport } from '@herald/client';
import type { Client } from '@herald/client';
import { parseAddress, parseElectionName } from '@herald/core';
import { monotonicNowMs } from '@herald/process';
import type { EtcdCluster } from '../etcd/etcd-cluster.ts';
import { labNames } from '../lab-options.ts';
import { quantile } from '../measure/statistics.ts';
import type { LabNode } from '../node-tier.ts';
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

/** Unanswered questions that keep one node busy without a queue that grows. */
const questionsAtOnce = 64;
const saturatedMs = 3_000;

export interface ClientSpeed {
  readonly cachedPerSecond: number;
  /** What `withLeader` adds to work that does nothing, microseconds a call, without a redirect. */
  readonly workOverheadUs: number;
  readonly uncachedP99Ms: number;
  /** Lookups a second that one node answers on a stream, its process sharing the machine with the asker's. */
  readonly nodeLookupsPerSecond: number;
}

/** Measures on a small lab of its own: three nodes in a worker process, asked from this one. */
export async function measureClient(etcd: EtcdCluster, signal: AbortSignal): Promise<ClientSpeed> {
  await using lab = await startLab({ etcd, nodes: 3, electors: 1, signal });
  await using client = lab.createClient();
  const cachedPerSecond = await measureCached(client);
  const workOverheadUs = await measureWork(client);
  const [node] = lab.nodes;
  if (node === undefined) throw new Error('no node to measure with');
  const nodeLookupsPerSecond = await measureNode(node);
  signal.throwIfAborted();
  const clients = Array.from({ length: clientCount }, () => lab.createClient({ cacheMs: 0 }));
  try {
    const uncachedP99Ms = await measureUncached(clients, signal);
    return { cachedPerSecond, workOverheadUs, uncachedP99Ms, nodeLookupsPerSecond };
  } finally {
    for (const each of clients) await each[Symbol.asyncDispose]();
  }
}

async function measureCached(client: Client): Promise<number> {
  const call = (): Promise<unknown> => client.getLeader();
  await countCalls(call, warmUpMs);
  const { calls, tookMs } = await countCalls(call, cachedMs);
  return (calls * 1_000) / tookMs;
}

async function measureWork(client: Client): Promise<number> {
  const call = (): Promise<unknown> => client.withLeader(() => undefined);
  await countCalls(call, warmUpMs);
  const { calls, tookMs } = await countCalls(call, cachedMs);
  return (tookMs * 1_000) / calls;
}

/** As many questions are always open; each answer is followed by the next question. */
async function measureNode(node: LabNode): Promise<number> {
  const endpoint = parseAddress(node.address);
  const request = { election: parseElectionName(labNames.election), minVersion: undefined };
  await using transport = createGrpcTransport();
  const { signal } = new AbortController();
  let answers = 0;
  let isOver = false;
  const ask = async (): Promise<void> => {
    while (!isOver) {
      await transport.lookup(endpoint, request, { signal });
      answers++;
    }
  };
  const asking = Array.from({ length: questionsAtOnce }, ask);
  await sleep(warmUpMs);
  answers = 0;
  const startMs = monotonicNowMs();
  await sleep(saturatedMs);
  const perSecond = (answers * 1_000) / (monotonicNowMs() - startMs);
  isOver = true;
  await Promise.all(asking);
  return perSecond;
}

/** One call after the other, each awaited. */
async function countCalls(
  makeCall: () => Promise<unknown>,
  durationMs: number,
): Promise<{ readonly calls: number; readonly tookMs: number }> {
  const startMs = monotonicNowMs();
  for (let calls = 0; ;) {
    for (let call = 0; call < callsPerLook; call++) await makeCall();
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
