import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  counted,
  describeExit,
  describeSpread,
  formatMs,
  share,
  summariseSpread,
} from './wording.ts';

test('durations have the digits that mean something', () => {
  const worded = [0.4213, 4.218, 45.6, 999.4, 3_051].map(formatMs);
  assert.deepEqual(worded, ['0.42 ms', '4.2 ms', '46 ms', '999 ms', '3.05 s']);
});

test('one is not many', () => {
  assert.equal(counted(1, 'node'), '1 node');
  assert.equal(counted(0, 'node'), '0 nodes');
  assert.equal(counted(2, 'retry', 'retries'), '2 retries');
  assert.equal(share(1, 25, 'node'), '1 of 25 nodes');
});

const change = {
  id: '0.5.5',
  epoch: 5n,
  leaderId: 'elector-1',
  publishedMs: 0,
  nodes: 25,
  reached: 25,
  p50Ms: 1.9,
  p99Ms: 3.2,
  maxMs: 3.4,
  maxHops: 4,
  pushesPerNode: 1,
};

test('the spread of a change is told by its times and hops', () => {
  const spread = 'half in 1.9 ms, 99 % in 3.2 ms, all in 3.4 ms, 4 hops at most';
  assert.equal(describeSpread(change), spread);
  const summary = '25 of 25 nodes know, 99 % in 3.2 ms, 4 hops at most';
  assert.equal(summariseSpread(change), summary);
});

test('"all" is said only when it was all', () => {
  assert.match(describeSpread({ ...change, reached: 24 }), /the last of them in 3.4 ms/);
  const none = { p50Ms: undefined, p99Ms: undefined, maxMs: undefined, maxHops: undefined };
  assert.equal(describeSpread({ ...change, ...none, reached: 0 }), 'nobody knows yet');
});

test('an end is told by its signal or its exit code', () => {
  assert.equal(describeExit({ code: null, signal: 'SIGKILL' }), 'killed by SIGKILL');
  assert.equal(describeExit({ code: 1, signal: null }), 'ended with exit code 1');
});
