/** One appointment per link and election, kept when it is due. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { link1, link2, payments } from './fixtures.test.ts';
import { LazyPushes } from './lazy-pushes.ts';

describe('lazy pushes', () => {
  it('returns what is due, once, and says when the next one is', () => {
    const lazy = new LazyPushes();
    assert.equal(lazy.nextMs, Infinity);
    lazy.add(link1, payments, 50);
    lazy.add(link2, payments, 70);
    assert.equal(lazy.nextMs, 50);
    assert.deepEqual(lazy.take(49), []);
    assert.deepEqual(lazy.take(50), [{ link: link1, election: payments }]);
    assert.equal(lazy.nextMs, 70);
    assert.deepEqual(lazy.take(100), [{ link: link2, election: payments }]);
    assert.deepEqual(lazy.take(1000), []);
    assert.equal(lazy.nextMs, Infinity);
  });

  it('keeps one appointment, which later ones do not put off', () => {
    const lazy = new LazyPushes();
    for (let at = 50; at < 5000; at++) lazy.add(link1, payments, at);
    assert.deepEqual(lazy.take(50), [{ link: link1, election: payments }]);
    assert.equal(lazy.nextMs, Infinity);
  });

  it('forgets those of a link that is gone', () => {
    const lazy = new LazyPushes();
    lazy.add(link1, payments, 50);
    lazy.forget(link1);
    assert.deepEqual(lazy.take(50), []);
    assert.equal(lazy.nextMs, Infinity);
  });
});
