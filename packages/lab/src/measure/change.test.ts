import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summariseChange } from './change.ts';

const published = { id: '0.5.5', epoch: 5n, leaderId: 'elector-1', publishedMs: 1_000 };

test('times run from the publishing, over the nodes of all workers', () => {
  const change = summariseChange(published, [
    {
      arrivals: [
        { atMs: 1_004, hops: 1 },
        { atMs: 1_010, hops: 3 },
      ],
      eagerPushes: 3,
    },
    { arrivals: [{ atMs: 1_002, hops: 2 }, null], eagerPushes: 1 },
  ]);
  assert.deepEqual(change, {
    ...published,
    nodes: 4,
    reached: 3,
    p50Ms: 4,
    p99Ms: 10,
    maxMs: 10,
    maxHops: 3,
    pushesPerNode: 1,
  });
});

test('a change that reached nobody has no times', () => {
  const change = summariseChange(published, [{ arrivals: [null, null], eagerPushes: 0 }]);
  assert.equal(change.reached, 0);
  assert.equal(change.nodes, 2);
  assert.equal(change.p99Ms, undefined);
  assert.equal(change.maxHops, undefined);
});
