/** How late a member is with what arrives, and whether it is behind. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { OwnLag } from './own-lag.ts';

const sluggishMs = 60;

describe('own lag', () => {
  it('is what a wake comes later than asked for, and the worst counts for a while', () => {
    const lag = new OwnLag({ sluggishMs }, 0);
    lag.handled(100, 0);
    assert.equal(lag.at(true, 110), 10);
    lag.handled(200, 110);
    assert.equal(lag.at(true, 500), 300);
    lag.handled(600, 500);
    assert.equal(lag.at(true, 601), 1);
    assert.equal(lag.lateMs(601), 300);
    assert.equal(lag.lateMs(5000), 0, 'a while ago');
    assert.ok(lag.isBehind(601) && !lag.isBehind(6000));
  });

  it('is nobody’s fault while no wake is due', () => {
    const lag = new OwnLag({ sluggishMs }, 0);
    lag.handled(Infinity, 0);
    assert.equal(lag.at(false, 10_000), 0);
    assert.equal(lag.lateMs(10_000), 0);
    assert.ok(!lag.isBehind(10_000));
  });
});
