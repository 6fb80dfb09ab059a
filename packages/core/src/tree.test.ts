/** Which links push at once: prune and graft, shorter ways, lazy pushes and their delays. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  PlaneBench,
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
import { defaultTuning } from './tuning.ts';

const { lazyDelayMs, flattenHops } = defaultTuning;

describe('leader plane: the tree', () => {
  it('pushes news at once on eager links, and not back where it came from', () => {
    const bench = new PlaneBench();
    bench.plane.receivePrune(link3);
    bench.plane.receivePush(link1, push(sealed({ version: version(1) })), 0, 0);
    const effects = bench.take();
    assert.equal(sent(effects, 'push', link1).length, 0);
    assert.deepEqual(
      sent(effects, 'push', link2).map((frame) => [frame.mode, frame.hops]),
      [['eager', 1]],
    );
    assert.equal(sent(effects, 'push', link3).length, 0);
  });

  it('a duplicate from the same issuer prunes its link', () => {
    const bench = new PlaneBench();
    const record = sealed({ version: version(1) });
    bench.plane.receivePush(link1, push(record), 0, 0);
    bench.take();
    bench.plane.receivePush(link2, push(record), 0, 1);
    assert.equal(sent(bench.take(), 'prune', link2).length, 1);
    assert.ok(!bench.plane.isEager(link2));
    assert.ok(bench.plane.isEager(link1));
  });

  it('a duplicate from another issuer prunes nobody', () => {
    const bench = new PlaneBench();
    bench.plane.receivePush(link1, push(sealed({ version: version(1), issuer: 'a' })), 0, 0);
    bench.plane.receivePush(link2, push(sealed({ version: version(1), issuer: 'b' })), 0, 1);
    assert.deepEqual(sent(bench.take(), 'prune'), []);
    assert.ok(bench.plane.isEager(link2));
  });

  it('neither a second copy from the parent nor a lazy or repairing one prunes', () => {
    const bench = new PlaneBench();
    const record = sealed({ version: version(1) });
    bench.plane.receivePush(link1, push(record), 0, 0);
    bench.plane.receivePush(link1, push(record), 0, 1);
    bench.plane.receivePush(link2, push(record, { mode: 'lazy' }), 0, 2);
    bench.plane.receivePush(link3, push(record, { mode: 'repair' }), 0, 3);
    assert.deepEqual(sent(bench.take(), 'prune'), []);
  });

  it('pushes lazily after the delay, unless the other end has shown the change', () => {
    const bench = new PlaneBench();
    bench.plane.receivePrune(link2);
    bench.plane.receivePrune(link3);
    const record = sealed({ version: version(1) });
    bench.plane.receivePush(link1, push(record), 0, 0);
    bench.plane.receivePush(link3, push(record, { mode: 'lazy' }), 0, 1);
    bench.take();
    bench.plane.wake(lazyDelayMs - 1);
    assert.deepEqual(sent(bench.take(), 'push'), [], 'not before the delay');
    bench.plane.wake(2 * lazyDelayMs);
    const effects = bench.take();
    assert.deepEqual(
      sent(effects, 'push', link2).map((frame) => frame.mode),
      ['lazy'],
    );
    assert.deepEqual(sent(effects, 'push', link3), [], 'it has shown the change');
    bench.plane.wake(1000);
    assert.deepEqual(sent(bench.take(), 'push'), [], 'once');
  });

  it('the end that accepted the link waits until the other one had its turn', () => {
    const bench = new PlaneBench([link1]);
    bench.plane.linkUp(link2, 'inbound');
    bench.plane.receivePrune(link2);
    bench.plane.publish(sealed({ version: version(1) }), 0, 0);
    bench.take();
    bench.plane.wake(1.75 * lazyDelayMs - 1);
    assert.deepEqual(sent(bench.take(), 'push', link2), []);
    bench.plane.wake(2.25 * lazyDelayMs);
    assert.equal(sent(bench.take(), 'push', link2)[0]?.mode, 'lazy');
  });

  it('a digest that shows the change makes the lazy push needless too', () => {
    const bench = new PlaneBench();
    bench.plane.receivePrune(link2);
    bench.plane.publish(sealed({ version: version(1) }), 0, 0);
    const entries = [{ election: payments, version: version(1, 4) }];
    const digest = { kind: 'digest', after: undefined, upTo: undefined, entries } as const;
    bench.plane.receiveDigest(link2, digest, 1);
    bench.take();
    bench.plane.wake(2 * lazyDelayMs);
    assert.deepEqual(sent(bench.take(), 'push', link2), []);
  });

  it('renewals are never pushed lazily', () => {
    const bench = new PlaneBench();
    bench.plane.receivePrune(link2);
    bench.plane.publish(sealed({ version: version(1) }), 0, 0);
    bench.plane.wake(2 * lazyDelayMs);
    bench.take();
    bench.plane.publish(sealed({ version: version(1, 1) }), 0, 1000);
    const effects = [...bench.take()];
    bench.plane.wake(1000 + 2 * lazyDelayMs);
    effects.push(...bench.take());
    assert.deepEqual(sent(effects, 'push', link2), []);
    assert.equal(sent(effects, 'push', link1)[0]?.mode, 'eager');
  });

  it('a renewal is not pushed lazily to whom showed nothing either: that is for the rounds', () => {
    const bench = new PlaneBench([]);
    bench.plane.publish(sealed({ version: version(1) }), 0, 0);
    bench.plane.wake(2 * lazyDelayMs + 5); // the change itself had its turns
    bench.plane.linkUp(link1, 'outbound');
    bench.plane.receivePrune(link1);
    bench.plane.publish(sealed({ version: version(1, 1) }), 0, 1000);
    bench.plane.wake(5000);
    assert.deepEqual(sent(bench.take(), 'push'), []);
  });

  it('a lazy appointment carries what is newest when it is due, however many changes came', () => {
    const bench = new PlaneBench();
    bench.plane.receivePrune(link2);
    for (let epoch = 1; epoch <= 50; epoch++) {
      bench.plane.publish(sealed({ version: version(epoch) }), 0, epoch / 10);
    }
    bench.take();
    bench.plane.wake(2 * lazyDelayMs + 5);
    assert.deepEqual(
      sent(bench.take(), 'push', link2).map((frame) => frame.sealed.record.version),
      [version(50)],
    );
  });

  it('whoever leaves does not keep for later what a lazy link lacks', () => {
    const bench = new PlaneBench();
    for (const link of [link1, link2, link3]) bench.plane.receivePrune(link);
    const vacancy = sealed({ version: version(1), vacancy: true });
    bench.plane.publish(vacancy, 0, 0);
    bench.plane.receivePush(link3, push(vacancy, { mode: 'lazy' }), 0, 1);
    assert.deepEqual(sent(bench.take(), 'push'), []);
    bench.plane.sendLastWords(2);
    const effects = bench.take();
    assert.deepEqual(
      [link1, link2, link3].map((link) => sent(effects, 'push', link).map(({ ageMs }) => ageMs)),
      [[2], [2], []],
    );
    bench.plane.wake(10 * lazyDelayMs);
    assert.deepEqual(sent(bench.take(), 'push'), [], 'once is enough');
  });

  it('a lazy push that was news grafts its link', () => {
    const bench = new PlaneBench();
    bench.plane.receivePrune(link1);
    const news = push(sealed({ version: version(1) }), { mode: 'lazy' });
    bench.plane.receivePush(link1, news, 0, 0);
    assert.equal(sent(bench.take(), 'graft', link1).length, 1);
    assert.ok(bench.plane.isEager(link1));
  });

  it('a repair grafts only when the tree had its time', () => {
    for (const [ageMs, grafts] of [
      [defaultTuning.treeGraceMs - 1, 0],
      [defaultTuning.treeGraceMs, 1],
    ] as const) {
      const bench = new PlaneBench();
      const repair = push(sealed({ version: version(1) }), { mode: 'repair', ageMs });
      bench.plane.receivePush(link1, repair, 0, 0);
      assert.equal(sent(bench.take(), 'graft').length, grafts, `age ${ageMs}`);
    }
  });

  it('news that come eagerly over a link we just pruned graft it again', () => {
    const bench = new PlaneBench();
    const first = sealed({ version: version(1) });
    bench.plane.receivePush(link1, push(first), 0, 0);
    bench.plane.receivePush(link2, push(first), 0, 1);
    assert.equal(sent(bench.take(), 'prune', link2).length, 1);
    bench.plane.receivePush(link2, push(sealed({ version: version(2) })), 0, 2);
    assert.equal(sent(bench.take(), 'graft', link2).length, 1, 'our prune is still under way');
    assert.ok(bench.plane.isEager(link2));
  });

  it('a much shorter way takes the place of the parent', () => {
    const bench = new PlaneBench();
    const record = sealed({ version: version(1) });
    bench.plane.receivePush(link1, push(record, { hops: 1 + flattenHops }), 0, 0);
    bench.plane.receivePush(link2, push(record, { hops: 1 }), 0, 1);
    const effects = bench.take();
    assert.equal(sent(effects, 'prune', link1).length, 1);
    assert.deepEqual(sent(effects, 'prune', link2), []);
    assert.ok(!bench.plane.isEager(link1));
    assert.ok(bench.plane.isEager(link2));
    assert.equal(bench.plane.held(payments)?.hops, 2);
    assert.equal(ofKind(effects, 'applied').length, 1, 'it is the same record still');
  });

  it('a way that is only a little shorter does not', () => {
    const bench = new PlaneBench();
    const record = sealed({ version: version(1) });
    bench.plane.receivePush(link1, push(record, { hops: flattenHops }), 0, 0);
    bench.plane.receivePush(link2, push(record, { hops: 1 }), 0, 1);
    assert.equal(sent(bench.take(), 'prune', link2).length, 1);
  });

  it('copies that cross on a link do not cut it when one end takes the other as its parent', () => {
    const deep = new PlaneBench([link1, link2]);
    const high = new PlaneBench([link1, link2]);
    const record = sealed({ version: version(1) });
    // Both hold the record by their links 1 and push it to each other over their links 2.
    deep.plane.receivePush(link1, push(record, { hops: 5 }), 0, 0);
    high.plane.receivePush(link1, push(record, { hops: 0 }), 0, 0);
    const under = [sent(deep.take(), 'push', link2), sent(high.take(), 'push', link2)] as const;
    for (const frame of under[0]) high.plane.receivePush(link2, frame, 0, 1);
    for (const frame of under[1]) deep.plane.receivePush(link2, frame, 0, 1);
    if (sent(high.take(), 'prune', link2).length > 0) deep.plane.receivePrune(link2);
    if (sent(deep.take(), 'prune', link2).length > 0) high.plane.receivePrune(link2);
    assert.ok(!deep.plane.isEager(link1), 'the long way is left');
    assert.ok(deep.plane.isEager(link2));
    assert.ok(high.plane.isEager(link2), 'the short way still pushes');
  });

  it('answers an older change with the newer one, and an older renewal not at all', () => {
    const bench = new PlaneBench();
    bench.plane.publish(sealed({ version: version(5, 3) }), 0, 0);
    bench.plane.linkDown(link1);
    bench.plane.linkUp(link1, 'outbound');
    bench.take();
    bench.plane.receivePush(link1, push(sealed({ version: version(5, 2) })), 0, 0);
    assert.deepEqual(sent(bench.take(), 'push'), []);
    bench.plane.receivePush(link1, push(sealed({ version: version(4) })), 0, 0);
    assert.equal(sent(bench.take(), 'push', link1)[0]?.mode, 'repair');
    bench.plane.receivePush(link1, push(sealed({ version: version(4) })), 0, 0);
    assert.deepEqual(sent(bench.take(), 'push'), [], 'it was sent already');
  });

  it('counts the pushes of the very change in its trace', () => {
    const bench = new PlaneBench();
    bench.plane.receivePrune(link3);
    bench.plane.publish(sealed({ version: version(1) }), 0, 0);
    bench.plane.wake(2 * lazyDelayMs);
    bench.plane.publish(sealed({ version: version(1, 1) }), 0, 1000);
    assert.deepEqual(bench.plane.trace(payments)?.pushesSent, { eager: 2, lazy: 1, repair: 0 });
  });

  it('does nothing on links that are gone', () => {
    const bench = new PlaneBench();
    bench.plane.receivePrune(link1);
    bench.plane.publish(sealed({ version: version(1) }), 0, 0);
    bench.plane.linkDown(link1);
    bench.take();
    bench.plane.wake(1000);
    bench.plane.receivePush(link1, push(sealed({ version: version(2) })), 0, 0);
    bench.plane.receiveWant(link1, { kind: 'want', elections: [payments] }, 0);
    bench.plane.receiveGraft(link1);
    bench.plane.receivePrune(link1);
    assert.deepEqual(sent(bench.take(), 'push', link1), []);
    assert.deepEqual(bench.heldVersion(), version(1));
  });
});
