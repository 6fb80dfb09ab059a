/** What a failover costs the nodes: clients that wait share what they ask, and do not return together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@herald/core';
import type { LeaderRecord } from '@herald/core';
import { createClientOver } from './client.ts';
import { MemoryNetwork } from './memory/memory-network.ts';
import { VirtualClock } from './memory/virtual-clock.ts';
import { claim, election, fixture, vacancy } from './test-support/fixture.ts';

const seeds = ['a:1', 'b:1', 'c:1'];

test('1000 concurrent calls during a failover cause at most two lookups per back-off step', async () => {
  const backoffMs = 400;
  await using f = fixture({ backoffBaseMs: backoffMs, backoffCapMs: backoffMs });
  for (const seed of seeds) f.network.at(seed).hold(vacancy(7));
  const calls: Promise<unknown>[] = [];
  const forMs = 4_000;
  // They also arrive all the time, not only at the beginning.
  for (let index = 0; index < 1_000; index++) {
    calls.push(f.client.getLeader({ timeoutMs: 60_000 }));
    await f.clock.advance(forMs / 1_000);
  }
  const atMs = f.network.questions.filter(({ what }) => what === 'lookup').map((each) => each.atMs);
  // A step is one full-jitter pause, and each lookup has at most two questions where all nodes answer.
  assert.ok(f.client.stats().asks <= 2 * f.client.stats().lookups);
  assert.equal(atMs.length, f.client.stats().asks);
  const mean = forMs / (backoffMs / 2);
  const { lookups } = f.client.stats();
  assert.ok(lookups <= 2 * mean, `${String(lookups)} lookups in ${String(mean)} steps on average`);
  for (const seed of seeds) f.network.at(seed).hold(claim(9));
  await f.clock.advance(backoffMs);
  await Promise.all(calls);
});

interface Tier {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly hold: (record: LeaderRecord) => void;
  /** Questions that arrived at each node since the last call, summed up by second. */
  readonly perSecond: () => Map<string, number>;
}

function tierOf(nodes: readonly string[]): Tier {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  for (const node of nodes) network.at(node).latencyMs = 2;
  return {
    clock,
    network,
    hold: (record) => {
      for (const node of nodes) network.at(node).hold(record);
    },
    perSecond: () => {
      const counts = new Map<string, number>();
      for (const { atMs, endpoint } of network.questions) {
        const key = `${endpoint} in second ${String(Math.floor(atMs / 1_000))}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      network.questions.length = 0;
      return counts;
    },
  };
}

/** Keeps `clients` asking as programs do: each call when the last one has ended, and a moment later. */
test('1000 clients do not stampede: per node and second under 3 × the steady rate + their number', async (t) => {
  const clientCount = 1_000;
  const { clock, hold, network, perSecond } = tierOf(seeds);
  const random = seededRandom(7);
  const clients = Array.from({ length: clientCount }, (_, index) =>
    createClientOver({
      seeds,
      election,
      clock,
      random: seededRandom(index + 1),
      transport: network.transport(),
    }),
  );
  hold(claim(7, { validityMs: 3_000 }));
  let isOver = false;
  let failures = 0;
  const pause = (): Promise<void> =>
    new Promise((resolve) => void clock.startTimer(random() * 500, resolve));
  const loops = clients.map(async (client) => {
    await pause();
    while (!isOver) {
      await client.getLeader().catch(() => failures++);
      await pause();
    }
  });
  const run = async (seconds: number, renewed: boolean): Promise<number> => {
    network.questions.length = 0;
    for (let second = 0; second < seconds; second++) {
      await clock.advance(1_000);
      if (renewed) hold(claim(7, { renewal: Math.floor(clock.nowMs()) }));
    }
    return Math.max(...perSecond().values());
  };
  await run(3, true);
  const steady = await run(3, true);
  // The leader dies: its record expires at the nodes, then they hear of a vacancy, then of a successor.
  const dying = await run(3, false);
  hold(vacancy(7));
  const vacant = await run(2, false);
  hold(claim(9, { validityMs: 60_000 }));
  const elected = await run(2, false);
  const bound = 3 * steady + clientCount;
  const seen = `steady ${String(steady)}, leader dying ${String(dying)}, vacant ${String(vacant)}, elected ${String(elected)}`;
  t.diagnostic(`requests per node and second, at most: ${seen}`);
  assert.ok(Math.max(dying, vacant, elected) < bound, `${seen} against ${String(bound)}`);
  assert.equal(failures, 0);
  isOver = true;
  await clock.advance(501);
  await Promise.all(loops);
  await Promise.all(clients.map((client) => client.close()));
  assert.equal(clock.pendingTimers, 0);
});
