/**
 * What is asked to end ends in good order: an elector steps down at once, so that its successor waits
 * for no lease, and takes its keys along; a node leaves; both exit with 0, and leave nothing behind.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startEtcd, takeFreePorts, TcpProxy, waitUntil } from '@herald/lab';
import type { EtcdCluster } from '@herald/lab';
import { monotonicNowMs } from '@herald/process';
import { keysUnder } from './support/etcdctl.ts';
import { RunningProgram } from './support/run-program.ts';
import { patienceMs, startTestCluster } from './support/test-cluster.ts';

/** Longer than all that could delay a successor but the lease. */
const ttlSeconds = 30;
const successorMs = 1_000;
/** An elector waits for etcd for 2 s at most, and for its links for half a second. */
const farewellMs = 4_500;
const prefix = `herald-test/clean-up-${process.pid}`;

describe('asked to end', () => {
  let etcd: EtcdCluster;

  before(async () => {
    etcd = await startEtcd();
  });

  after(async () => {
    await etcd.stop();
  });

  async function startElector(
    id: string,
    { endpoints }: { readonly endpoints: readonly string[] } = etcd,
  ): Promise<RunningProgram> {
    const elector = await RunningProgram.start({
      program: 'herald-elector',
      args: [
        ...['--id', id, '--cluster', 'clean-up', '--election', 'payments', '--election', 'reports'],
        ...['--listen', '127.0.0.1:0', '--prefix', prefix, '--ttl', `${ttlSeconds}s`],
        ...endpoints.flatMap((url) => ['--etcd', url]),
      ],
    });
    await elector.untilLogged('elector ready', patienceMs);
    return elector;
  }

  async function untilLeadsBoth(elector: RunningProgram): Promise<void> {
    await waitUntil(
      `${elector.process.name} to lead both elections`,
      () => elector.logged('leadership started').length === 2,
      { timeoutMs: patienceMs },
    );
  }

  /** All but the mark of the lineage, which is there for as long as the cluster is. */
  async function candidatesUnder(path: string) {
    const keys = await keysUnder(etcd, path);
    return keys.filter(({ key }) => key !== `${path}/lineage`);
  }

  it('an elector steps down at once, takes its keys along and exits with 0', async () => {
    await using first = await startElector('elector-1');
    await untilLeadsBoth(first);
    await using second = await startElector('elector-2');
    await waitUntil('four keys', async () => (await candidatesUnder(prefix)).length === 4, {
      timeoutMs: patienceMs,
    });
    const askedMs = monotonicNowMs();
    first.process.signal('SIGTERM');
    const { exitCode, stderr } = await first.exited();
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    await untilLeadsBoth(second);
    const started = second.logged('leadership started');
    for (const { monotonicMs, election } of started) {
      const delayMs = Number(monotonicMs) - askedMs;
      assert.ok(delayMs < successorMs, `${String(election)} was led again after ${delayMs} ms`);
    }
    const keys = await candidatesUnder(prefix);
    assert.equal(keys.length, 2);
    for (const { value } of keys) assert.match(value, /"id":"elector-2"/);
    await second.process.stop();
    assert.deepEqual(await candidatesUnder(prefix), [], 'no key of a stopped elector stays');
    assert.equal((await second.exited()).exitCode, 0);
  });

  it('an elector that cannot tell etcd ends all the same, in time', async () => {
    const [endpoint = ''] = etcd.endpoints;
    await using proxy = await TcpProxy.start(endpoint);
    await using elector = await startElector('elector-3', { endpoints: [proxy.endpoint] });
    await untilLeadsBoth(elector);
    proxy.set({ kind: 'black-hole' });
    const askedMs = monotonicNowMs();
    elector.process.signal('SIGTERM');
    assert.equal((await elector.exited()).exitCode, 0);
    assert.equal(elector.logged('leadership ended').length, 2, 'it stepped down by itself');
    assert.ok(monotonicNowMs() - askedMs < farewellMs);
  });

  it('a node leaves and exits with 0, and the tier goes on', async () => {
    await using cluster = await startTestCluster({ etcdEndpoints: etcd.endpoints });
    const [port = 0] = await takeFreePorts(1);
    await using node = await RunningProgram.start({
      program: 'herald-gossip-node',
      args: [
        ...['--id', 'leaving', '--cluster', cluster.name, '--listen', `127.0.0.1:${port}`],
        ...cluster.nodes.addresses.flatMap((address) => ['--join', address]),
      ],
    });
    await node.untilLogged('node ready', patienceMs);
    const leader = await cluster.untilAllKnowOneLeader();
    await cluster.until('the tier to know the node', () => cluster.nodes.know('leaving'));
    node.process.signal('SIGTERM');
    const { exitCode, stderr } = await node.exited();
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    await cluster.stepDown(cluster.elector(leader.electorId));
    await cluster.untilAllKnowOneLeader({ afterEpoch: leader.epoch });
    cluster.assertPromisesHeld();
  });

  it('the electors of a cluster end one by one, and the last one tells that nobody leads', async () => {
    await using cluster = await startTestCluster({ etcdEndpoints: etcd.endpoints });
    let leader = await cluster.untilAllKnowOneLeader();
    for (let left = cluster.electors.length; left > 1; left--) {
      const { code } = await cluster.elector(leader.electorId).stop();
      assert.equal(code, 0);
      leader = await cluster.untilAllKnowOneLeader({ afterEpoch: leader.epoch });
    }
    assert.equal((await cluster.elector(leader.electorId).stop()).code, 0);
    assert.deepEqual(await candidatesUnder(cluster.prefix), []);
    await cluster.until('the nodes to say that nobody leads', () =>
      cluster.nodes.answers().every(({ status }) => status === 'vacant'),
    );
    cluster.assertPromisesHeld();
  });
});
