/** One appointment per election and turn, kept when it is due. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { payments } from './fixtures.test.ts';
import { LazyPushes } from './lazy-pushes.ts';

describe('lazy pushes', () => {
  it('returns what is due, once, and says when the next one is', () => {
    const lazy = new LazyPushes();
    assert.equal(lazy.nextMs, Infinity);
    lazy.add(payments, 'second', 70);
    lazy.add(payments, 'first', 50);
    assert.equal(lazy.nextMs, 50);
    assert.deepEqual(lazy.take(49), []);
    assert.deepEqual(lazy.take(50), [{ election: payments, turn: 'first' }]);
    assert.equal(lazy.nextMs, 70);
    assert.deepEqual(lazy.take(100), [{ election: payments, turn: 'second' }]);
    assert.deepEqual(lazy.take(1000), []);
    assert.equal(lazy.nextMs, Infinity);
  });

  it('keeps one appointment, which later ones do not put off', () => {
    const lazy = new LazyPushes();
    for (let at = 50; at < 5000; at++) lazy.add(payments, 'first', at);
    assert.deepEqual(lazy.take(50), [{ election: payments, turn: 'first' }]);
    assert.equal(lazy.nextMs, Infinity);
  });
});
