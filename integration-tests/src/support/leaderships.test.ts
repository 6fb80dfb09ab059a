/** The judge of P1 condemns what it must. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SeenLeadership } from '../fixtures/sampling-protocol.ts';
import { findBrokenLeaderships } from './leaderships.ts';

function led(
  electorId: string,
  epoch: bigint,
  firstMs: number,
  lastMs: number,
  lineage = 0,
): SeenLeadership {
  return { election: 'payments', electorId, lineage, epoch, firstMs, lastMs, hasEnded: true };
}

describe('findBrokenLeaderships', () => {
  it('accepts leaders that follow each other', () => {
    const seen = [led('b', 5n, 20.1, 30), led('a', 3n, 0, 20), led('a', 9n, 31, 31)];
    assert.deepEqual(findBrokenLeaderships(seen), []);
  });

  it('finds an overlap, also with one of long before', () => {
    const seen = [led('a', 3n, 0, 100), led('b', 5n, 20, 30), led('c', 7n, 99, 120)];
    const broken = findBrokenLeaderships(seen);
    assert.equal(broken.length, 2);
    assert.match(broken[0] ?? '', /two leaders at once for 10\.000 ms: a \(epoch 3.* and b/);
    assert.match(broken[1] ?? '', /two leaders at once for 1\.000 ms: a \(epoch 3.* and c/);
  });

  it('finds an epoch that does not grow, and one that two claim', () => {
    assert.match(findBrokenLeaderships([led('a', 5n, 0, 1), led('b', 3n, 2, 3)])[0] ?? '', /grow/);
    assert.match(findBrokenLeaderships([led('a', 5n, 0, 1), led('b', 5n, 2, 3)])[0] ?? '', /grow/);
  });

  it('compares epochs within one lineage of etcd', () => {
    assert.deepEqual(findBrokenLeaderships([led('a', 9n, 0, 1), led('b', 3n, 2, 3, 1)]), []);
    const back = [led('a', 3n, 0, 1, 1), led('b', 9n, 2, 3)];
    assert.match(
      findBrokenLeaderships(back)[0] ?? '',
      /epoch 3 of lineage 1.*epoch 9 of lineage 0/,
    );
  });
});
