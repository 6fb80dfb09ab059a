/** What is held: newest wins, age and hops, expiry, and the bound on elections. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import {
  PlaneBench,
  link1,
  link2,
  ofKind,
  payments,
  push,
  sealed,
  sent,
  version,
} from './fixtures.test.ts';
import { parseElectionName } from './ids.ts';
import { limits } from './limits.ts';
import { isNewer } from './version.ts';
import type { Version } from './version.ts';

describe('leader plane: what is held', () => {
  it('P2: takes only what is newer, and says what it replaced', () => {
    const { plane, effects } = new PlaneBench();
    plane.receivePush(link1, push(sealed({ version: version(5) })), 0, 0);
    plane.receivePush(link2, push(sealed({ version: version(4) })), 0, 1);
    plane.receivePush(link2, push(sealed({ version: version(5) })), 0, 2);
    plane.receivePush(link2, push(sealed({ version: version(5, 1) })), 0, 3);
    plane.receivePush(link2, push(sealed({ version: version(6) })), 0, 4);
    const applied = ofKind(effects, 'applied');
    assert.deepEqual(
      applied.map(({ held, previous, isChange }) => [
        held.sealed.record.version,
        previous?.sealed.record.version,
        isChange,
      ]),
      [
        [version(5), undefined, true],
        [version(5, 1), version(5), false],
        [version(6), version(5, 1), true],
      ],
    );
  });

  it('P2: whatever is published and pushed in whatever order, the newest is held at the end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ epoch: fc.nat(5), renewal: fc.nat(3), publish: fc.boolean() }), {
          minLength: 1,
        }),
        (steps) => {
          const bench = new PlaneBench();
          let newest: Version | undefined;
          for (const { epoch, renewal, publish } of steps) {
            const at = version(epoch, renewal);
            const before = bench.heldVersion();
            if (publish) bench.plane.publish(sealed({ version: at }), 0, 0);
            else bench.plane.receivePush(link1, push(sealed({ version: at })), 0, 0);
            if (isNewer(at, newest)) newest = at;
            assert.deepEqual(bench.heldVersion(), newest);
            if (before !== undefined) assert.ok(!isNewer(before, bench.heldVersion()));
          }
        },
      ),
    );
  });

  it('P4: adds the way of the link to the age, and a hop', () => {
    const { plane } = new PlaneBench();
    plane.receivePush(link1, push(sealed({ version: version(1) }), { ageMs: 30, hops: 2 }), 4, 100);
    const held = plane.held(payments);
    assert.deepEqual([held?.ageAtApplyMs, held?.hops, held?.appliedAtMs], [34, 3, 100]);
  });

  it('P4: sends the age on with the time it was held', () => {
    const bench = new PlaneBench();
    bench.plane.publish(sealed({ version: version(1) }), 7, 100);
    bench.take();
    bench.plane.receiveWant(link1, { kind: 'want', elections: [payments] }, 150);
    assert.deepEqual(
      sent(bench.take(), 'push').map((frame) => [frame.mode, frame.ageMs, frame.hops]),
      [['repair', 57, 0]],
    );
  });

  it('never sends an age or a number of hops above the limits', () => {
    const bench = new PlaneBench();
    const vacancy = sealed({ version: version(1), vacancy: true });
    bench.plane.receivePush(
      link1,
      push(vacancy, { ageMs: limits.ageMsMax, hops: limits.hopsMax }),
      5,
      0,
    );
    bench.take();
    bench.plane.receiveWant(link2, { kind: 'want', elections: [payments] }, 1e9);
    const [frame] = sent(bench.take(), 'push');
    assert.deepEqual([frame?.ageMs, frame?.hops], [limits.ageMsMax, limits.hopsMax]);
  });

  it('tells once that a record expired, and again only of a later one', () => {
    const bench = new PlaneBench();
    bench.plane.publish(sealed({ version: version(1), validityMs: 3000 }), 500, 0);
    bench.plane.publish(sealed({ version: version(1, 1), validityMs: 3000 }), 0, 1000);
    bench.take();
    bench.plane.wake(2500);
    bench.plane.wake(3999);
    assert.deepEqual(ofKind(bench.take(), 'expired'), [], 'the renewal put it off');
    assert.equal(bench.plane.nextWakeMs, 4000);
    bench.plane.wake(4000);
    assert.deepEqual(ofKind(bench.take(), 'expired'), [
      { kind: 'expired', election: payments, version: version(1, 1) },
    ]);
    bench.plane.wake(9000);
    assert.deepEqual(ofKind(bench.take(), 'expired'), []);
    assert.equal(bench.plane.nextWakeMs, Infinity);
    bench.plane.publish(sealed({ version: version(2), validityMs: 10 }), 0, 9000);
    bench.plane.wake(9010);
    assert.equal(ofKind(bench.take(), 'expired').length, 1);
  });

  it('P4: tells that a renewal revives what had expired, told or not, and of no other renewal', () => {
    const bench = new PlaneBench();
    const renewed = (renewal: number, atMs: number): boolean | undefined => {
      bench.plane.publish(sealed({ version: version(1, renewal), validityMs: 1000 }), 0, atMs);
      return ofKind(bench.take(), 'applied')[0]?.revives;
    };
    assert.equal(renewed(0, 0), false, 'the first record');
    assert.equal(renewed(1, 999), false, 'in time');
    bench.plane.wake(1999);
    assert.equal(renewed(2, 3000), true, 'after it was told');
    assert.equal(renewed(3, 4000), true, 'before it could be told');
    bench.plane.publish(sealed({ version: version(2), validityMs: 1000 }), 0, 9000);
    assert.equal(ofKind(bench.take(), 'applied')[0]?.revives, false, 'a change is a change');
  });

  it('tells of each election by itself', () => {
    const bench = new PlaneBench();
    const other = parseElectionName('other');
    bench.plane.publish(sealed({ version: version(1), validityMs: 1000 }), 0, 0);
    bench.plane.publish(sealed({ version: version(1), validityMs: 2000, election: other }), 0, 0);
    bench.take();
    const told: string[][] = [];
    for (const atMs of [999, 1000, 1500, 2000, 3000]) {
      bench.plane.wake(atMs);
      told.push(ofKind(bench.take(), 'expired').map(({ election }) => election));
    }
    assert.deepEqual(told, [[], [payments], [], [other], []]);
  });

  it('a vacancy never expires', () => {
    const bench = new PlaneBench();
    bench.plane.publish(sealed({ version: version(1), vacancy: true }), 0, 0);
    bench.plane.wake(1e12);
    assert.deepEqual(ofKind(bench.take(), 'expired'), []);
  });

  it('keeps no more elections than the limit, counts the rest and asks for none of them', () => {
    const bench = new PlaneBench();
    const names = Array.from({ length: limits.electionsMax + 3 }, (_, n) =>
      parseElectionName(`e${n}`),
    );
    for (const election of names) {
      bench.plane.receivePush(link1, push(sealed({ version: version(1), election })), 0, 0);
    }
    assert.equal(bench.plane.elections().length, limits.electionsMax);
    assert.equal(bench.plane.counters.electionsRefused, 3);
    bench.take();
    const entries = names.slice(-3).map((election) => ({ election, version: version(9) }));
    const digest = { kind: 'digest', after: names.at(-4), upTo: names.at(-1), entries } as const;
    bench.plane.receiveDigest(link1, digest, 0);
    assert.deepEqual(sent(bench.take(), 'want'), []);
    const [first] = names;
    assert.ok(first !== undefined);
    const newer = push(sealed({ version: version(2), election: first }));
    bench.plane.receivePush(link1, newer, 0, 0);
    assert.deepEqual(bench.plane.held(first)?.sealed.record.version, version(2));
  });
});
