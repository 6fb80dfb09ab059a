import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createOperator } from '@herald/client';
import { startEtcd } from './etcd/etcd-cluster.ts';
import type { Lab } from './lab.ts';
import { processRuns } from './process/proc-fs.ts';
import { waitUntil } from './process/wait-until.ts';
import { startLab } from './start-lab.ts';

const ttlSeconds = 2;
const successorMs = 20_000;

/** A whole lab, small: real etcd, three electors, ten nodes in two workers. */
describe('a lab', () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab({ nodes: 10, nodesPerProcess: 5, electors: 3, ttlSeconds });
  });
  after(async () => {
    await lab.close();
  });

  /** The leadership that goes on; there is one between the tests. */
  function leadership() {
    const leader = lab.leader();
    assert.ok(leader !== undefined, 'somebody leads');
    return leader;
  }

  test('comes up with a leader that every node knows, and etcd agrees', async () => {
    assert.equal(lab.elected.reached, 10);
    assert.equal(new Set(lab.nodes.map(({ address }) => address)).size, 10);
    assert.ok(lab.readyMs > 0);
    const leader = leadership();
    assert.deepEqual(
      [leader.electorId, leader.epoch],
      [lab.elected.leaderId, (await lab.leaderKey())?.epoch],
    );
  });

  test('a client finds the leader through its nodes', async () => {
    await using client = lab.createClient();
    const found = await client.getLeader({ verify: true });
    assert.equal(found.leaderId, leadership().electorId);
    assert.equal(found.epoch, leadership().epoch);
  });

  test('a killed leader is followed by another one, and comes back under its port', async () => {
    const { epoch, electorId } = leadership();
    const elector = lab.leadingElector();
    assert.ok(elector !== undefined);
    const { pid, address } = elector;
    await elector.kill('SIGKILL');
    assert.equal(elector.isRunning, false);
    const change = await lab.awaitChange({ afterEpoch: epoch, timeoutMs: successorMs });
    assert.equal(change.reached, 10);
    assert.notEqual(change.leaderId, electorId);
    await elector.start();
    assert.notEqual(elector.pid, pid);
    assert.equal(elector.address, address);
  });

  test('a paused leader is followed by another one, and wakes to find it', async () => {
    const { epoch, electorId } = leadership();
    const elector = lab.leadingElector();
    assert.ok(elector !== undefined);
    elector.pause();
    const change = await lab.awaitChange({ afterEpoch: epoch, timeoutMs: successorMs });
    assert.notEqual(change.leaderId, electorId);
    elector.resume();
    await using operator = createOperator({
      ...{ elector: elector.address, ...lab.security.operator },
    });
    await waitUntil(
      'it to be back in line',
      async () => (await operator.status()).elections.every(({ state }) => state === 'waiting'),
      { timeoutMs: successorMs },
    );
  });

  test('a step-down is followed at once, and told to whoever reads the events', async () => {
    const stop = new AbortController();
    const events = lab.events(stop.signal);
    const { epoch, requestedMs } = await lab.stepDown();
    const change = await lab.awaitChange({ afterEpoch: epoch, timeoutMs: successorMs });
    assert.equal(change.reached, 10);
    assert.ok(change.publishedMs - requestedMs < ttlSeconds * 1_000, 'no lease had to run out');
    for await (const event of events) {
      if (event.kind !== 'published') continue;
      assert.equal(event.change.id, change.id);
      stop.abort();
    }
  });

  test('with a worker killed, its nodes no longer count and the others still hear', async () => {
    const [worker] = lab.workers;
    assert.ok(worker !== undefined);
    worker.process.signal('SIGKILL');
    await worker.process.exited;
    const { epoch } = await lab.stepDown();
    const change = await lab.awaitChange({ afterEpoch: epoch, timeoutMs: successorMs });
    assert.equal(change.nodes, 5);
    assert.equal(change.reached, 5);
  });

  test('nobody ever led at the same time as another, and epochs only grew', () => {
    assert.deepEqual(lab.ledger.overlaps(), []);
    const epochs = lab.ledger.leaderships.map(({ epoch }) => epoch);
    assert.ok(epochs.length >= 5);
    assert.deepEqual(
      epochs,
      [...epochs].sort((a, b) => Number(a - b)),
    );
  });

  test('etcd is asked by electors alone', async () => {
    const connections = await lab.etcdConnections();
    assert.ok(connections === undefined || connections <= 6, `${String(connections)} connections`);
  });

  test('at rest it measures what everything together uses', async () => {
    const idle = await lab.measureIdle(1);
    assert.ok(idle.framesPerNodePerSecond > 0);
    if (process.platform !== 'linux') return;
    assert.ok(idle.cpuCores !== undefined && idle.cpuCores > 0 && idle.cpuCores < 2);
    assert.ok(idle.rssMiB !== undefined && idle.rssMiB > 100);
    assert.ok(idle.bytesPerNodePerSecond !== undefined && idle.bytesPerNodePerSecond > 0);
  });

  test('closed, it leaves no process', async () => {
    const pids = [
      ...lab.electors.flatMap(({ pid }) => pid ?? []),
      ...lab.workers.map((worker) => worker.process.pid),
      ...lab.etcd.members.flatMap(({ pid }) => pid ?? []),
    ];
    assert.ok(pids.length >= 4);
    await lab.close();
    for (const pid of pids) assert.equal(await processRuns(pid), false, `pid ${String(pid)}`);
  });
});

test('an etcd that is given is left running, and two labs share it without meeting', async () => {
  await using etcd = await startEtcd();
  const small = { etcd, nodes: 1, electors: 1, ttlSeconds };
  const [one, other] = await Promise.all([startLab(small), startLab(small)]);
  try {
    const epochs = await Promise.all([one.leaderKey(), other.leaderKey()]);
    assert.deepEqual(
      epochs.map((key) => key?.epoch),
      [one.elected.epoch, other.elected.epoch],
    );
    assert.notEqual(one.elected.epoch, other.elected.epoch);
  } finally {
    await Promise.all([one.close(), other.close()]);
  }
  const again = await startLab(small);
  await again.close();
});
