/** P2.6: what is disowned is as if it had never come: here, in the hash, in what links know, in what we say. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import {
  PlaneBench,
  arbitraryVersion,
  link1,
  link2,
  link3,
  ofKind,
  payments,
  push,
  sealed,
  sent,
  version,
} from './fixtures.test.ts';
import { parseElectionName } from './ids.ts';

const orders = parseElectionName('orders');

describe('a record that is disowned', () => {
  it('makes room for any other, and leaves nothing behind in the hash', () => {
    fc.assert(
      fc.property(arbitraryVersion, arbitraryVersion, (forged, honest) => {
        const { effects, plane } = new PlaneBench();
        plane.publish(sealed({ version: version(3), election: orders }), 0, 0);
        const before = plane.hash;
        plane.receivePush(link1, push(sealed({ version: forged })), 0, 1);
        plane.disown([payments, parseElectionName('unheard-of')]);
        assert.deepEqual(plane.hash, before);
        assert.equal(plane.held(payments), undefined);
        assert.deepEqual(plane.elections(), [orders]);
        const told = ofKind(effects, 'disowned').map(({ election, version: at }) => [election, at]);
        assert.deepEqual(told, [[payments, forged]]);
        plane.receivePush(link2, push(sealed({ version: honest })), 0, 2);
        assert.deepEqual(plane.held(payments)?.sealed.record.version, honest);
      }),
    );
  });

  it('keeps nothing true from those who showed it', () => {
    const bench = new PlaneBench();
    bench.plane.receivePush(link1, push(sealed({ version: version(2 ** 50) })), 0, 0);
    bench.plane.disown([payments]);
    bench.take();
    bench.plane.publish(sealed({ version: version(4) }), 0, 1);
    const effects = bench.take();
    for (const link of [link1, link2, link3]) {
      assert.deepEqual(
        sent(effects, 'push', link).map(({ sealed: { record } }) => record.version),
        [version(4)],
      );
    }
  });

  it('is not pushed later, though a lazy push of it was due', () => {
    const bench = new PlaneBench();
    for (const link of [link1, link2, link3]) bench.plane.receivePrune(link);
    bench.plane.publish(sealed({ version: version(5) }), 0, 0);
    bench.plane.disown([payments]);
    bench.take();
    bench.plane.wake(10_000);
    assert.deepEqual(sent(bench.take(), 'push'), []);
  });
});
