import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planNodes } from './node-tier.ts';

const sizes = (nodes: number, nodesPerProcess: number) =>
  planNodes({ nodes, nodesPerProcess, firstPort: 0 }).map(({ length }) => length);

test('nodes are spread evenly over as few processes as are allowed', () => {
  assert.deepEqual(sizes(25, 125), [25]);
  assert.deepEqual(sizes(500, 125), [125, 125, 125, 125]);
  assert.deepEqual(sizes(10, 4), [4, 3, 3]);
  assert.deepEqual(sizes(1, 1), [1]);
});

test('every node has a name of its own, and with a first port a port of its own', () => {
  const plans = planNodes({ nodes: 10, nodesPerProcess: 4, firstPort: 7_003 }).flat();
  assert.equal(new Set(plans.map(({ nodeId }) => nodeId)).size, 10);
  assert.deepEqual(
    plans.map(({ port }) => port),
    [7003, 7004, 7005, 7006, 7007, 7008, 7009, 7010, 7011, 7012],
  );
});
