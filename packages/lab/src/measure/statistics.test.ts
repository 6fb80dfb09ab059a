import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { median, quantile, rounded, spreadOf } from './statistics.ts';

const samples = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 });

test('a quantile is the smallest sample that the asked share does not exceed', () => {
  const shares = fc.double({ min: 0.001, max: 1, noNaN: true });
  fc.assert(
    fc.property(samples, shares, (values, share) => {
      const result = quantile(values, share);
      assert.ok(result !== undefined && values.includes(result));
      const notAbove = values.filter((value) => value <= result).length;
      const below = values.filter((value) => value < result).length;
      assert.ok(notAbove >= share * values.length);
      assert.ok(below < share * values.length);
    }),
  );
});

test('p99 of a hundred samples leaves one out, of twenty-five none', () => {
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
  assert.equal(quantile(upTo(100), 0.99), 99);
  assert.equal(quantile(upTo(25), 0.99), 25);
  assert.equal(quantile(upTo(500), 0.99), 495);
});

test('samples are compared as numbers and left as they were', () => {
  const values = [10, 9, 100];
  assert.deepEqual(spreadOf(values), { p50Ms: 10, p99Ms: 100, maxMs: 100 });
  assert.deepEqual(values, [10, 9, 100]);
  assert.equal(median([4, 1, 3, 2]), 2);
});

test('nothing measured gives nothing', () => {
  assert.equal(spreadOf([]), undefined);
  assert.equal(median([]), undefined);
});

test('reports are rounded without trailing noise', () => {
  assert.equal(rounded(0.1 + 0.2, 3), 0.3);
  assert.equal(rounded(12, 2), 12);
});
