import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArrivalTable, changesKeptMax } from './arrival-table.ts';

test('the first record of a change counts, its renewals do not move it', () => {
  const table = new ArrivalTable();
  table.note(1, '0.5.5', { atMs: 10, hops: 3 });
  table.note(1, '0.5.5', { atMs: 1_010, hops: 2 });
  assert.deepEqual(table.arrivals('0.5.5', 3), [null, { atMs: 10, hops: 3 }, null]);
});

test('changes are kept apart, and one never seen has reached nobody', () => {
  const table = new ArrivalTable();
  table.note(0, '0.5.5', { atMs: 10, hops: 1 });
  table.note(0, '0.5.7', { atMs: 20, hops: 2 });
  assert.deepEqual(table.arrivals('0.5.5', 1), [{ atMs: 10, hops: 1 }]);
  assert.deepEqual(table.arrivals('0.5.7', 1), [{ atMs: 20, hops: 2 }]);
  assert.deepEqual(table.arrivals('0.9.9', 1), [null]);
});

test('the oldest changes are forgotten, the newest kept', () => {
  const table = new ArrivalTable();
  for (let epoch = 0; epoch <= changesKeptMax; epoch++) {
    table.note(0, `0.${String(epoch)}.0`, { atMs: epoch, hops: 1 });
  }
  assert.deepEqual(table.arrivals('0.0.0', 1), [null]);
  assert.deepEqual(table.arrivals('0.1.0', 1), [{ atMs: 1, hops: 1 }]);
  const newest = `0.${String(changesKeptMax)}.0`;
  assert.deepEqual(table.arrivals(newest, 1), [{ atMs: changesKeptMax, hops: 1 }]);
});
