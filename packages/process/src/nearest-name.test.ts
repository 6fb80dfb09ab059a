import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestName } from './nearest-name.ts';

const flags = ['--ttl', '--election', '--node-id'];

test('finds the name that was meant', () => {
  assert.equal(nearestName('--tll', flags), '--ttl');
  assert.equal(nearestName('--elections', flags), '--election');
  assert.equal(nearestName('--nodeid', flags), '--node-id');
});

test('suggests nothing that is far away', () => {
  assert.equal(nearestName('--frobnicate', flags), undefined);
  assert.equal(nearestName('', flags), undefined);
  assert.equal(nearestName('--ttl', []), undefined);
});
