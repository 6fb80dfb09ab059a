/**
 * etcd restored from a snapshot, wiped, replaced: real processes refuse, the one command is given, and all
 * goes on in a new lineage. No elector, node, watch or client is ever taken back, and no two lead at once.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareVersions } from '@herald/core';
import type { Version } from '@herald/core';
import { AskingClient } from './support/asking-client.ts';
import { RestorableEtcd } from './support/restorable-etcd.ts';
import type { Comeback } from './support/restorable-etcd.ts';
import { runProgram } from './support/run-program.ts';
import type { Outcome } from './support/run-program.ts';
import type { SamplingElector } from './support/sampling-elector.ts';
import { defaultElection, patienceMs, startTestCluster } from './support/test-cluster.ts';
import type { TestCluster } from './support/test-cluster.ts';

/** From the command to a leader that all nodes know: a wait for the last lease, a read, an election. */
const recoveryMs = 20_000;

interface Disaster {
  readonly what: string;
  readonly comeback: (snapshot: string) => Comeback;
  /** What electors that ran all the while say of it, and what one says that starts then. */
  readonly says: RegExp;
  readonly saysLate: RegExp;
  /** What etcd's mark says by then, if there is one: whoever starts without hearing the tier leaves one. */
  readonly lineageBefore: readonly (number | null)[];
}

const disasters: readonly Disaster[] = [
  {
    what: 'restored from an old snapshot, as another cluster',
    comeback: (snapshot) => ({ kind: 'restored', snapshot, clusterId: 'another' }),
    says: /it belongs to cluster \d+, and was cluster \d+ before/,
    saysLate: /it was marked by cluster \d+, and is cluster \d+: its data came from a backup/,
    lineageBefore: [0],
  },
  {
    what: 'restored from an old snapshot, under its old cluster id',
    comeback: (snapshot) => ({ kind: 'restored', snapshot, clusterId: 'the same' }),
    says: /its revision went back from \d+ to \d+|the tier knows of/,
    saysLate: /the tier knows of/,
    lineageBefore: [0],
  },
  {
    what: 'wiped, and started with the same flags',
    comeback: () => ({ kind: 'wiped' }),
    says: /its mark is gone/,
    saysLate: /it bears no mark, but the tier knows version 0\.|the tier knows of revision/,
    lineageBefore: [null, 0],
  },
  {
    what: 'replaced by another cluster',
    comeback: () => ({ kind: 'replaced' }),
    says: /it belongs to cluster \d+, and was cluster \d+ before/,
    saysLate: /it bears no mark, but the tier knows version 0\.|the tier knows of revision/,
    lineageBefore: [null, 0],
  },
];

describe('P2: history lost', () => {
  for (const { what, comeback, says, saysLate, lineageBefore } of disasters) {
    it(`etcd ${what}: electors refuse, one command, and all goes on`, async () => {
      await using etcd = await RestorableEtcd.start();
      await using cluster = await startTestCluster({ etcdEndpoints: [etcd.endpoint] });
      await using asking = clientOf(cluster, 'asks');
      await using watching = clientOf(cluster, 'watches');
      const first = await cluster.untilAllKnowOneLeader();
      const snapshot = await etcd.snapshot();
      // More history, which the snapshot lacks: other writes, and leaders that follow each other.
      await etcd.put(10);
      const before = await untilLedPast(cluster, first.epoch + 10n);

      await etcd.comeBack(comeback(snapshot));
      await untilAllRefuse(cluster, says);
      const late = await cluster.addElector();
      // One that the tier did not reach in time begins, and stops when it does.
      await cluster.until('the late one to refuse', async () => {
        return (await cluster.status(late)).state === 'refusing';
      });
      assert.match((await cluster.status(late)).trouble, saysLate);
      assert.deepEqual(cluster.leading(), [], 'none leads meanwhile');
      for (const version of versionsOf(cluster)) {
        assert.ok(compareVersions(version, before) >= 0, 'what was known is still known');
      }

      const look = await herald(cluster, late, '--json');
      assert.equal(look.exitCode, 0, look.stderr);
      const found = JSON.parse(look.stdout) as Record<string, unknown>;
      assert.ok(lineageBefore.includes(found['lineageBefore'] as number | null));
      assert.equal(found['raisedTo'], 1);
      await untilAllRefuse(cluster, /history was lost/);

      const done = await herald(cluster, late, '--yes');
      assert.equal(done.exitCode, 0, done.stderr);
      assert.match(done.stdout, /raised to lineage 1: every elector goes on by itself/);
      const next = await cluster.untilAllKnowOneLeader({ timeoutMs: recoveryMs });
      assert.equal(next.lineage, 1);
      await cluster.until('the clients to be told', () =>
        [asking, watching].every(({ last }) => last?.version.lineage === 1),
      );
      await untilAllAreWell(cluster);
      // The new lineage is a history like any other.
      await cluster.stepDown(cluster.elector(next.electorId));
      const successor = await cluster.untilAllKnowOneLeader({ afterEpoch: next.epoch });
      assert.equal(successor.lineage, 1);
      cluster.assertPromisesHeld();
    });
  }

  it('an elector that began alone on an empty etcd stops when it meets the tier', async () => {
    await using etcd = await RestorableEtcd.start();
    await using elsewhere = await RestorableEtcd.start();
    await using cluster = await startTestCluster({
      etcdEndpoints: [etcd.endpoint],
      // The third knows another etcd, as after a slip of configuration.
      endpointsOf: (id) => [id === 'elector-3' ? elsewhere.endpoint : etcd.endpoint],
      electors: 2,
    });
    await etcd.put(30);
    const { epoch } = await cluster.untilAllKnowOneLeader();
    const { electorId } = await untilLeader(cluster, epoch + 20n);
    const stray = await cluster.addElector();
    await cluster.until('it to refuse', async () => {
      const { state, trouble } = await cluster.status(stray);
      return state === 'refusing' && /no mark|the tier knows of/.test(trouble);
    });
    assert.equal(cluster.elector(electorId).leading(defaultElection)?.hasEnded, false);
    cluster.judge.assertHeld();
  });
});

function clientOf(cluster: TestCluster, how: 'asks' | 'watches'): AskingClient {
  const { judge, nodes } = cluster;
  const { addresses: seeds } = nodes;
  const name = `client that ${how}`;
  return new AskingClient({
    ...{ name, judge, seeds, election: defaultElection, cacheMs: 0 },
    ...(how === 'asks' ? { ask: { timeoutMs: patienceMs } } : {}),
  });
}

/** Leaders step down until one's key is newer than that; then all nodes know it. */
async function untilLeader(cluster: TestCluster, epoch: bigint) {
  for (;;) {
    const leader = await cluster.untilAllKnowOneLeader();
    if (leader.epoch > epoch) return leader;
    await cluster.stepDown(cluster.elector(leader.electorId));
  }
}

async function untilLedPast(cluster: TestCluster, epoch: bigint): Promise<Version> {
  const leader = await untilLeader(cluster, epoch);
  return { lineage: leader.lineage, epoch: leader.epoch, sequence: leader.epoch, renewal: 0 };
}

function versionsOf(cluster: TestCluster): Version[] {
  return cluster.nodes.answers().flatMap(({ carried }) => carried?.sealed.record.version ?? []);
}

async function untilAllRefuse(cluster: TestCluster, says: RegExp): Promise<void> {
  await cluster.until('all electors to refuse', async () => {
    const all = await Promise.all(cluster.electors.map((each) => cluster.status(each)));
    return all.every(({ state }) => state === 'refusing');
  });
  for (const elector of cluster.electors) {
    const { trouble } = await cluster.status(elector);
    assert.match(trouble, says);
    assert.ok(trouble.endsWith(`herald lineage raise --elector ${elector.address}`), trouble);
  }
}

async function untilAllAreWell(cluster: TestCluster): Promise<void> {
  for (const elector of cluster.electors) {
    let said = '';
    await cluster
      .until(`${elector.id} to be well`, async () => {
        const { state, trouble } = await cluster.status(elector);
        said = `${state}, ${trouble}`;
        return state !== 'refusing' && trouble === '';
      })
      .catch((error: unknown) => assert.fail(`${elector.id} is ${said}: ${String(error)}`));
  }
}

/** The command as an operator types it. */
function herald(
  cluster: TestCluster,
  elector: SamplingElector,
  ...more: string[]
): Promise<Outcome> {
  const [node = ''] = cluster.nodes.addresses;
  const args = ['lineage', 'raise', '--elector', elector.address, '--join', node, ...more];
  return runProgram({ program: 'herald', args });
}
