/**
 * The main promises of the leader plane on five hundred members under virtual time. A seed names the
 * run: a failure replays by it. P2 is checked after every single input (`checks/`).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { defaultTuning } from '@herald/core';

import { uniformLatency } from './latency.ts';
import { quantile } from './measures/spread.ts';
import { ObservedCluster, electors } from './observed-cluster.ts';

const nodes = 500;
const all = nodes + electors.length;
const { roundMs, lazyDelayMs } = defaultTuning;

/** The leader plane alone: what the membership adds to it is shown by the scenarios. */
const tuning = { membership: false };

/** A round is jittered by a fifth; then the repair itself crosses a few links. */
const withinOneRoundMs = roundMs * 1.2 + 100;

describe('the tree', () => {
  for (const seed of [1, 2, 3]) {
    it(`P2: P3: versions only go forward and reach all, in few hops and few pushes (seed ${seed})`, () => {
      const cluster = ObservedCluster.settled({ nodes, seed, tuning });
      cluster.checkOverlay();
      const publishings = [electors, electors, electors, [0], [1], [2]];
      for (const [index, publishers] of publishings.entries()) {
        const leader = index % electors.length;
        const about = `seed ${seed}, elector ${publishers.join(' and ')}`;
        const spread = cluster.change(publishers);
        assert.equal(spread.afterMs.size, all, about);
        assert.ok(
          spread.pushesPerMember.eager <= 1.1,
          `${about}: ${spread.pushesPerMember.eager} pushes`,
        );
        assert.ok(quantile(spread.hops, 0.99) <= 10, `${about}: ${spread.hops.at(-1)} hops`);
        const slowestMs = Math.max(...spread.afterMs.values());
        assert.ok(slowestMs < lazyDelayMs, `${about}: the tree alone reaches all, ${slowestMs} ms`);
        const { eager } = cluster.renew(leader);
        assert.ok(eager <= 1.1, `${about}: ${eager} pushes for a renewal`);
        assert.deepEqual(cluster.behind(), [], about);
      }
      cluster.checkOverlay();
    });
  }

  it('is found at once: the second renewal crosses each member once (seed 4)', () => {
    const cluster = ObservedCluster.started({ nodes, seed: 4, tuning });
    cluster.change(electors);
    cluster.renew(1);
    assert.deepEqual(cluster.behind(), []);
    const { eager } = cluster.renew(1);
    assert.deepEqual(cluster.behind(), [], 'no branch was cut while it formed');
    assert.ok(eager >= 0.99 && eager <= 1.1, `${eager} pushes`);
  });

  it('reaches all over a slow network too, with little more than one push each (seed 5)', () => {
    const latency = uniformLatency(1, 50);
    const cluster = ObservedCluster.settled({ nodes: 200, seed: 5, latency, tuning });
    for (const publisher of electors) {
      const spread = cluster.change([publisher], 2000);
      assert.equal(spread.afterMs.size, 203);
      assert.ok(spread.pushesPerMember.eager <= 1.2, `${spread.pushesPerMember.eager} pushes`);
    }
  });
});

describe('faults', () => {
  const deaths = [
    { name: 'processes that die', what: 'process' },
    { name: 'machines that lose power, unnoticed', what: 'machine' },
  ] as const;
  for (const { name, what } of deaths) {
    for (const seed of [11, 12]) {
      it(`P2: P3: 30 % killed at the instant of a change: ${name} (seed ${seed})`, () => {
        const cluster = ObservedCluster.settled({ nodes, seed, tuning });
        cluster.killThird(what);
        const live = cluster.connected();
        assert.ok(live.size > 0.98 * cluster.simulation.alive().length, 'most are still connected');
        const { afterMs } = cluster.change(electors, withinOneRoundMs);
        const late = [...live].filter((index) => (afterMs.get(index) ?? Infinity) > 200);
        assert.ok(late.length <= 0.005 * live.size, `seed ${seed}: ${late.length} after 200 ms`);
        const never = [...live].filter((index) => !afterMs.has(index));
        assert.deepEqual(never, [], `seed ${seed}`);
      });
    }
  }

  it('P3: the survivors mend the overlay and all hold the next renewals (seed 13)', () => {
    const cluster = ObservedCluster.settled({ nodes, seed: 13, tuning });
    cluster.killThird();
    cluster.change(electors);
    cluster.wait(20_000);
    cluster.checkOverlay();
    for (let renewals = 0; renewals < 3; renewals++) cluster.renew(0);
    assert.deepEqual(cluster.behind(), []);
  });

  for (const seed of [21, 22]) {
    it(`P2: P3: 1 % of frames lost: all within about a round (seed ${seed})`, () => {
      const cluster = ObservedCluster.settled({ nodes, seed, frameLoss: 0.01, tuning });
      for (let changes = 0; changes < 4; changes++) {
        const { afterMs } = cluster.change(electors, withinOneRoundMs);
        assert.equal(afterMs.size, all, `seed ${seed}, change ${changes}`);
        cluster.renew(changes % electors.length);
      }
    });
  }

  it('P2: electors that restart one after the other come back into the tree (seed 31)', () => {
    const cluster = ObservedCluster.settled({ nodes, seed: 31, tuning });
    for (const elector of electors) {
      cluster.simulation.kill(elector);
      cluster.wait(1000);
      cluster.simulation.restart(elector);
      cluster.wait(5000);
      assert.deepEqual(cluster.behind(), [], 'what it forgot is told to it again');
    }
    cluster.wait(10_000);
    cluster.checkOverlay();
    for (const elector of electors) {
      assert.equal(cluster.change([elector]).afterMs.size, all);
      cluster.renew(elector);
    }
    assert.ok(cluster.change(electors).pushesPerMember.eager <= 1.1);
  });

  it('P3: a member that lost all its links joins again and holds the newest record (seed 41)', () => {
    const cluster = ObservedCluster.settled({ nodes: 100, seed: 41, tuning });
    const lonely = cluster.simulation.members[50];
    assert.ok(lonely !== undefined);
    for (const { id } of lonely.engine.links()) cluster.simulation.cutLink(lonely.index, id);
    assert.deepEqual(lonely.engine.links(), []);
    cluster.change(electors, 3000);
    assert.deepEqual(cluster.behind(), []);
    assert.ok(lonely.engine.links().length >= defaultTuning.fanout);
    assert.ok(!lonely.engine.isolated);
  });

  it('P3: all members restarted at once find each other and the record again (seed 42)', () => {
    const cluster = ObservedCluster.settled({ nodes: 100, seed: 42, tuning });
    const { simulation } = cluster;
    for (const { index } of simulation.members) simulation.kill(index);
    for (const { index } of simulation.members) simulation.restart(index);
    cluster.wait(15_000);
    cluster.checkOverlay();
    assert.equal(cluster.change(electors).afterMs.size, 103);
  });
});

describe('a run', () => {
  it('is its seed: it replays to the last byte, and another seed is another run', () => {
    const [first, again, other] = [7, 7, 8].map((seed) => {
      const cluster = new ObservedCluster({ nodes: 60, seed, frameLoss: 0.02, startOverMs: 1000 });
      cluster.wire.start();
      cluster.wait(4000);
      cluster.change(electors);
      cluster.renew(0);
      cluster.wire.stop();
      return JSON.stringify(cluster.wire.byKind());
    });
    assert.equal(first, again);
    assert.notEqual(first, other);
  });
});
