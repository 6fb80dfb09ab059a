/**
 * The compose environment: whom it lets in, and how it goes on when it is troubled with Docker's own means:
 * killed, paused and cut-off electors, etcd without a member and without a majority, everything restarted.
 * Each time all resumes by itself, and at the end of each test P1, P2 and P5 have held ever since the
 * cluster came up.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createClient } from '@herald/client';
import type { SeenLeadership } from '../fixtures/sampling-protocol.ts';
import { ComposeCluster, etcdServices } from './compose-cluster.ts';
import { election, Observers } from './observers.ts';

const heraldUser = '1000:1000';
const exitNoLeader = 4;
/** Long enough for a refusal on a busy machine; the client tries again until then. */
const refusedMs = 10_000;
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
    const authority = await cluster.inspectAuthority();
    assert.equal(authority.State.ExitCode, 0, 'the keys were made');
    assert.equal(authority.HostConfig.NetworkMode, 'none', 'and nobody can reach who made them');
    for (const container of [authority, ...(await cluster.inspectAll())]) {
      const { Config, HostConfig, Name } = container;
      assert.equal(HostConfig.ReadonlyRootfs, true, `${Name} cannot write to its image`);
      assert.deepEqual(HostConfig.CapDrop, ['ALL'], `${Name} has no capability`);
      assert.deepEqual(HostConfig.SecurityOpt, ['no-new-privileges:true'], Name);
      assert.ok(
        (HostConfig.Memory ?? 0) > 0 && (HostConfig.NanoCpus ?? 0) > 0,
        `${Name} is bounded`,
      );
      assert.equal(Config.User, heraldUser, `${Name} is not root`);
    }
  });

  it('gives no container the secrets of another', async () => {
    const secretsOf = async (service: string): Promise<readonly string[]> => {
      const { output } = await cluster.exec(service, ['find', '/keys', '-name', '*.key']);
      return output.trim().split('\n').sort();
    };
    assert.deepEqual(await secretsOf('published-node'), ['/keys/cert.key']);
    const ofElector = ['/keys/cert.key', '/keys/etcd.key', '/keys/signing.key'];
    assert.deepEqual(await secretsOf('elector-1'), ofElector);
    const read = async (service: string): Promise<string> =>
      (await cluster.exec(service, ['cat', '/keys/signing.key'])).output;
    assert.notEqual(await read('elector-1'), await read('elector-2'));
    const change = ['sh', '-c', 'echo >> /keys/ca.pem'];
    assert.notEqual((await cluster.exec('published-node', change)).exitCode, 0);
  });

  it('refuses who speaks in plain text', async () => {
    const { publishedAddress } = cluster;
    await using client = createClient({ seeds: [publishedAddress], election, insecure: true });
    await assert.rejects(client.getLeader({ timeoutMs: refusedMs }), {
      code: 'UNREACHABLE',
      message: /speaks TLS while we do not/,
    });
  });

  it('lets an operator alone step a leader down', async () => {
    const first = await observers.untilAllKnowOneLeader();
    const elector = `${first.electorId}:7400`;
    const asking = ['step-down', '--election', election, '--elector', elector];
    const asNode = await cluster.exec('published-node', ['herald', ...asking]);
    assert.notEqual(asNode.exitCode, 0);
    assert.match(asNode.output, /PERMISSION_DENIED: .* role operator is needed/);
    assert.match((await cluster.runHerald(...asking)).stderr, /PERMISSION_DENIED/);
    const { exitCode, stderr } = await cluster.runOperator(...asking, '--timeout', '30s');
    assert.equal(exitCode, 0, stderr);
    const second = await observers.untilAllKnowOneLeader({ afterEpoch: first.epoch });
    assert.notEqual(second.electorId, first.electorId);
    await observers.assertPromisesHeld();
  });

  it('opens etcd to electors and to nobody else', async () => {
    const ask = ['etcdctl', 'endpoint', 'status', '--command-timeout=30s', '--dial-timeout=10s'];
    const [member] = etcdServices;
    assert.equal(
      (await cluster.exec(member, ask)).exitCode,
      0,
      'who has a certificate is answered',
    );
    const without = { ETCDCTL_CERT: '', ETCDCTL_KEY: '' };
    const briefly = [...ask, '--command-timeout=5s'];
    assert.notEqual((await cluster.exec(member, briefly, without)).exitCode, 0);
    // What opens the door for an elector, and what Herald's authority says of the same elector.
    assert.equal(await cluster.askEtcd('elector-1', 'etcd'), 'HTTP 200');
    assert.match(await cluster.askEtcd('elector-1', 'cert'), /alert/);
    assert.match(await cluster.askEtcd('published-node', 'cert'), /alert/);
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
    // Killed and not stopped: who is asked to end takes its time, and one member after the other. Meanwhile
    // a majority may still hear the farewell of a leader that could not renew its lease.
    await Promise.all(lost.map((service) => cluster.kill(service)));
    try {
      await observers.until('the leader to step down by itself', async () => {
        return (await observers.leading()).length === 0;
      });
      const code = await observers.until('clients to be told that nobody is to be believed', () => {
        const status = observers.watching.last?.status;
        if (status === undefined || status === 'current') return false;
        // Even so one dies first. Where the farewell was heard nobody leads, which is as true.
        const expected = status === 'vacant' ? 'NO_LEADER' : 'EXPIRED';
        return observers.errorCodes(failuresBefore).has(expected) && expected;
      });
      const { exitCode, stderr } = await cluster.runHerald('leader', '--timeout', '15s');
      assert.equal(exitCode, exitNoLeader, stderr);
      assert.match(stderr, new RegExp(`${code}.*${election}|${election}.*${code}`, 's'));
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
