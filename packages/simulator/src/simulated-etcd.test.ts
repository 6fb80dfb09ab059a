/** The simulated etcd lets one elector lead at a time, and only one that can see it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ObservedCluster, electors } from './observed-cluster.ts';
import { simulatedElection } from './records.ts';

const away = 1;

function campaigning(): ObservedCluster {
  const tuning = { membership: false };
  const cluster = ObservedCluster.started({ nodes: 10, seed: 1, startOverMs: 100, tuning });
  cluster.etcd.runCampaigns();
  cluster.wait(100);
  return cluster;
}

function epoch({ etcd }: ObservedCluster): bigint {
  return etcd.version.epoch;
}

describe('the simulated etcd', () => {
  it('has a leader at once, whose renewals reach all', () => {
    const cluster = campaigning();
    assert.deepEqual([cluster.etcd.leader, epoch(cluster)], [0, 1n]);
    cluster.wait(10_000);
    assert.equal(epoch(cluster), 1n);
    assert.ok(cluster.etcd.version.renewal >= 9);
    assert.ok(cluster.behind().length <= 1, 'but for a renewal that is on its way');
  });

  const losses = [
    ['dies', (cluster: ObservedCluster): void => cluster.simulation.kill(0)],
    ['stops', (cluster: ObservedCluster): void => cluster.simulation.pause(0, 60_000)],
    [
      'is cut off',
      (cluster: ObservedCluster): void => {
        cluster.simulation.network.place([0], away);
      },
    ],
  ] as const;
  for (const [name, lose] of losses) {
    it(`has the next leader when the lease of one that ${name} has expired, no sooner`, () => {
      const cluster = campaigning();
      lose(cluster);
      cluster.wait(1900);
      assert.equal(cluster.etcd.leader, 0);
      cluster.wait(2300);
      assert.deepEqual([cluster.etcd.leader, epoch(cluster)], [1, 2n]);
    });
  }

  it('tells what it missed to an elector that comes back, which publishes it', () => {
    const cluster = campaigning();
    for (const elector of electors) cluster.simulation.kill(elector);
    cluster.wait(10_000);
    cluster.simulation.restart(2);
    cluster.wait(2000);
    assert.deepEqual([cluster.etcd.leader, epoch(cluster)], [2, 2n]);
    assert.deepEqual(cluster.behind(), []);
    cluster.simulation.restart(1);
    const [, restarted] = cluster.simulation.members;
    cluster.wait(1500);
    assert.equal(restarted?.engine.held(simulatedElection)?.sealed.record.version.epoch, 2n);
  });

  it('knows what was sealed, byte by byte', () => {
    const { etcd, simulation } = campaigning();
    const held = simulation.members[5]?.engine.held(simulatedElection);
    assert.ok(held !== undefined);
    assert.equal(etcd.sealedAs(held.sealed.record)?.bytes, held.sealed.bytes);
  });
});
