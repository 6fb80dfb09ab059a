/**
 * A series of crashes, freezes and step-downs under the eyes of twenty nodes, watchers and clients.
 * P2: nobody is ever given anything older than before. P3: all nodes converge after each change.
 * P5: calls that have the time end on the leader, and a verified leader led. P6: etcd hears of none of it.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { countClientConnections } from '@herald/lab';
import type { EtcdCluster } from '@herald/lab';
import type { SeenLeadership } from './fixtures/sampling-protocol.ts';
import { AskingClient } from './support/asking-client.ts';
import type { Call } from './support/asking-client.ts';
import { startOwnEtcd } from './support/own-etcd.ts';
import { defaultElection, startTestCluster, ttlMs } from './support/test-cluster.ts';
import type { TestCluster } from './support/test-cluster.ts';

const nodes = 20;
const electors = 3;
/** P6.1: one for leases, one for the rest. */
const connectionsPerElector = 2;
/**
 * A call that began just before the leader died succeeds after the rest of its lease and one election.
 * What goes beyond is room for two busy cores.
 */
const callTimeoutMs = ttlMs + 4_000;
/** An elector is asked between two of its samples, which come late where it has to wait for a core. */
const sampleGapMs = 250;

describe('P2, P5: a series of changes', () => {
  let etcd: EtcdCluster;

  before(async () => {
    etcd = await startOwnEtcd();
  });

  after(async () => {
    await etcd.stop();
  });

  it('never goes back, converges each time, and leaves no call without its leader', async () => {
    await using cluster = await startTestCluster({
      etcdEndpoints: etcd.endpoints,
      nodes,
      electors,
    });
    const first = await cluster.untilAllKnowOneLeader();
    await using clients = startClients(cluster);
    const changes = [crash, stepDown, freeze, stepDown, crash, stepDown];
    let leader = first;
    for (const change of changes) {
      await change(cluster, leader);
      leader = await cluster.untilAllKnowOneLeader({ afterEpoch: leader.epoch });
      await untilClientsKnow(cluster, clients, leader);
    }
    assert.ok(leader.epoch > first.epoch);
    await assertFewConnections(etcd, cluster);
    await clients.stop();
    cluster.assertPromisesHeld();
    assertAllWereJudged(cluster, clients);
    assert.deepEqual(
      clients.asking.flatMap(({ failures }) => failures),
      [],
      'P5: no call failed',
    );
    assertVerifiedLed(clients.verifying.calls, cluster.leaderships());
  });
});

interface Clients extends AsyncDisposable {
  /** Asks the elector beside the leader each time. */
  readonly verifying: AskingClient;
  readonly asking: readonly AskingClient[];
  readonly watching: readonly AskingClient[];
  stop(): Promise<void>;
}

function startClients(cluster: TestCluster): Clients {
  const { addresses } = cluster.nodes;
  const { judge } = cluster;
  const election = defaultElection;
  const timeoutMs = callTimeoutMs;
  const start = (name: string, options: Partial<ConstructorParameters<typeof AskingClient>[0]>) =>
    new AskingClient({ name, judge, election, seeds: addresses.slice(0, 3), ...options });
  const verifying = start('verifying client', { ask: { verify: true, timeoutMs } });
  const asking = [
    verifying,
    start('asking client', { ask: { timeoutMs }, cacheMs: 0, seeds: addresses.slice(-3) }),
    start('caching client', { ask: { timeoutMs } }),
  ];
  const watching = [
    start('watching client 1', {}),
    start('watching client 2', { seeds: addresses.slice(5, 8) }),
  ];
  const stop = async (): Promise<void> => {
    await Promise.all([...asking, ...watching].map((client) => client.stop()));
  };
  return { verifying, asking, watching, stop, [Symbol.asyncDispose]: stop };
}

/** The leader dies; another elector takes its place in the line. */
async function crash(cluster: TestCluster, leader: SeenLeadership): Promise<void> {
  await cluster.elector(leader.electorId).kill();
  await cluster.addElector();
}

async function stepDown(cluster: TestCluster, leader: SeenLeadership): Promise<void> {
  await cluster.stepDown(cluster.elector(leader.electorId));
}

/** The leader stands still until another one leads. */
async function freeze(cluster: TestCluster, leader: SeenLeadership): Promise<void> {
  const elector = cluster.elector(leader.electorId);
  elector.pause();
  try {
    await cluster.until('another leader', () =>
      cluster.leading().some(({ epoch }) => epoch > leader.epoch),
    );
  } finally {
    elector.resume();
  }
}

async function untilClientsKnow(
  cluster: TestCluster,
  { asking, watching }: Clients,
  leader: SeenLeadership,
): Promise<void> {
  await cluster.until('all clients to know the leader', () =>
    [...asking, ...watching].every(({ last }) => last !== undefined && last.epoch >= leader.epoch),
  );
}

async function assertFewConnections(etcd: EtcdCluster, cluster: TestCluster): Promise<void> {
  const live = cluster.electors.filter(({ isRunning }) => isRunning).length;
  assert.equal(live, electors);
  // A connection that was given up takes a moment to be closed on both sides.
  await cluster.until(
    'P6: at most two connections per elector, and none from nodes or clients',
    async () => {
      const connections = await countClientConnections(etcd);
      return connections === undefined || connections <= live * connectionsPerElector;
    },
  );
}

/** Without this, a judge that was shown nothing would find nothing. */
function assertAllWereJudged(cluster: TestCluster, { asking, watching }: Clients): void {
  const readers = cluster.judge.readers.map((reader) => reader.replace(/ in .*/, ''));
  for (let number = 1; number <= nodes; number++) {
    for (const reader of ['node', 'watch of node', 'question to node']) {
      assert.ok(readers.includes(`${reader}-${number}`), `${reader}-${number} was judged`);
    }
  }
  for (const { id } of cluster.electors) assert.ok(readers.includes(id), `${id} was judged`);
  for (const { calls } of asking) assert.ok(calls.length > 0, 'calls were answered');
  for (const { last } of watching) assert.ok(last !== undefined);
}

/** Whoever was said to lead by its own elector did, at some moment of the call. */
function assertVerifiedLed(calls: readonly Call[], led: readonly SeenLeadership[]): void {
  const wrong = calls.filter(({ askedMs, answeredMs, result }) => {
    assert.ok(result.verified && result.validForMs > 0);
    return !led.some(
      ({ electorId, epoch, firstMs, lastMs }) =>
        electorId === result.leaderId &&
        epoch === result.epoch &&
        firstMs - sampleGapMs <= answeredMs &&
        lastMs + sampleGapMs >= askedMs,
    );
  });
  assert.deepEqual(wrong, [], 'a verified leader led');
}
