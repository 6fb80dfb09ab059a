/**
 * The compose environment, troubled with Docker's own means: killed, paused and cut-off electors, etcd
 * without a member and without a majority, everything restarted. Each time all resumes by itself, and at
 * the end of each test P1, P2 and P5 have held ever since the cluster came up.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SeenLeadership } from '../fixtures/sampling-protocol.ts';
import { ComposeCluster, etcdServices } from './compose-cluster.ts';
import { election, Observers } from './observers.ts';

const heraldUser = '1000:1000';
const exitNoLeader = 4;
/** Leases are renewed every third of their time: after four, at least one lease has run its course. */
const renewalsMin = 4;

describe('docker-compose.yml', () => {
  let cluster: ComposeCluster;
  let observers: Observers;

  before(async () => {
    cluster = await ComposeCluster.start();
    observers = new Observers(cluster);
  });

  after(async () => {
    await observers[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  });

  /** A fault that is undone, and after which another leads. */
  async function untilSuccessor(
    first: SeenLeadership,
    undo: () => Promise<void>,
  ): Promise<SeenLeadership> {
    const afterEpoch = first.epoch;
    try {
      const second = await observers.untilAllKnowOneLeader({ afterEpoch, absent: 1 });
      assert.notEqual(second.electorId, first.electorId);
    } finally {
      await undo();
    }
    const leader = await observers.untilAllKnowOneLeader({ afterEpoch });
    await observers.assertPromisesHeld();
    return leader;
  }

  it('comes up, elects, and all members know', async () => {
    const leader = await observers.untilAllKnowOneLeader();
    const { exitCode, stdout, stderr } = await cluster.runHerald(
      'leader',
      '--verify',
      '--timeout',
      '30s',
      '--json',
    );
    assert.equal(exitCode, 0, stderr);
    const told = JSON.parse(stdout.slice(stdout.indexOf('{'))) as Record<string, unknown>;
    assert.equal(told['leaderId'], leader.electorId);
    assert.equal(told['epoch'], String(leader.epoch));
    assert.equal(told['verified'], true);
  });

  it('gives no container more than it needs', async () => {
    for (const { Config, HostConfig, Name } of await cluster.inspectAll()) {
      assert.equal(HostConfig.ReadonlyRootfs, true, `${Name} cannot write to its image`);
      assert.deepEqual(HostConfig.CapDrop, ['ALL'], `${Name} has no capability`);
      assert.deepEqual(HostConfig.SecurityOpt, ['no-new-privileges:true'], Name);
      assert.ok(
        (HostConfig.Memory ?? 0) > 0 && (HostConfig.NanoCpus ?? 0) > 0,
        `${Name} is bounded`,
      );
      if (!Name.includes('etcd')) assert.equal(Config.User, heraldUser, `${Name} is not root`);
    }
  });

  it('grows when it is asked for more nodes', async () => {
    const before = cluster.memberCount;
    await cluster.scaleNodes(12);
    assert.equal(cluster.memberCount, before + 2);
    await observers.untilAllKnowOneLeader();
  });

  it('has another leader when that of before is killed', async () => {
    const first = await observers.untilAllKnowOneLeader();
    await cluster.kill(first.electorId);
    await untilSuccessor(first, () => cluster.start(first.electorId));
  });

  it('has another leader when that of before is paused past its lease, and goes on', async () => {
    const first = await observers.untilAllKnowOneLeader();
    await cluster.pause(first.electorId);
    await untilSuccessor(first, () => cluster.resume(first.electorId));
  });

  it('has another leader when that of before is cut off from the network', async () => {
    const first = await observers.untilAllKnowOneLeader();
    const reconnect = await cluster.disconnect(first.electorId);
    await untilSuccessor(first, reconnect);
  });

  it('goes on without one member of etcd', async () => {
    const first = await observers.untilAllKnowOneLeader();
    const [lost] = etcdServices;
    await cluster.stop(lost);
    try {
      await untilRenewed(first);
    } finally {
      await cluster.start(lost);
    }
    await observers.untilAllKnowOneLeader();
    await observers.assertPromisesHeld();
  });

  it('says that what it knows has expired when etcd has no majority, and resumes by itself', async () => {
    const first = await observers.untilAllKnowOneLeader();
    const failuresBefore = observers.asking.failures.length;
    const [, ...lost] = etcdServices;
    await Promise.all(lost.map((service) => cluster.stop(service)));
    try {
      await observers.until('the leader to step down by itself', async () => {
        return (await observers.leading()).length === 0;
      });
      await observers.until('clients to be told that the record has expired', () => {
        const isSaid = observers.errorCodes(failuresBefore).has('EXPIRED');
        return isSaid && observers.watching.last?.status === 'expired';
      });
      const { exitCode, stderr } = await cluster.runHerald('leader', '--timeout', '2s');
      assert.equal(exitCode, exitNoLeader, stderr);
      assert.match(stderr, new RegExp(`EXPIRED.*${election}|${election}.*EXPIRED`, 's'));
    } finally {
      await Promise.all(lost.map((service) => cluster.start(service)));
    }
    await observers.untilAllKnowOneLeader({ afterEpoch: first.epoch });
    await observers.assertPromisesHeld();
  });

  it('is healthy after all that', async () => {
    await observers.until('every container to be healthy', async () => {
      return (await cluster.inspectAll()).every(({ State }) => State.Health?.Status === 'healthy');
    });
    for (const { Name, State } of await cluster.inspectAll()) {
      assert.equal(State.OOMKilled, false, `${Name} has memory enough`);
    }
  });

  it('is back by itself when every container was restarted', async () => {
    const first = await observers.untilAllKnowOneLeader();
    await cluster.restartAll();
    await observers.untilAllKnowOneLeader({ afterEpoch: first.epoch });
    await observers.assertPromisesHeld();
  });

  /** The same leader or the next has led for longer than it could without renewing its lease. */
  async function untilRenewed(before: SeenLeadership): Promise<void> {
    const told = observers.watching.last;
    assert.ok(told !== undefined && told.status !== 'vacant');
    const { renewal } = told.version;
    await observers.until('the leadership to be renewed', async () => {
      const [leader, ...others] = await observers.leading();
      if (leader === undefined || others.length > 0) return false;
      const { last } = observers.watching;
      if (last?.status !== 'current' || last.epoch !== leader.epoch) return false;
      const since = leader.epoch === before.epoch ? renewal : 0;
      return last.version.renewal >= since + renewalsMin;
    });
  }
});
