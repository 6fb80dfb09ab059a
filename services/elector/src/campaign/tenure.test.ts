import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tenure } from './tenure.ts';
import type { TenureEnd, TenurePhase } from './tenure.ts';

function newTenure(ttlMs = 3_000) {
  const clock = { atMs: 0, nowMs: () => clock.atMs };
  const ends: [TenureEnd, TenurePhase][] = [];
  const tenure = new Tenure({
    lease: { leaseId: 0xabcn, ttlMs },
    sentAtMs: 0,
    key: 'p/abc',
    clock,
    onEnd: (_tenure, end, before) => ends.push([end, before]),
  });
  return { tenure, clock, ends };
}

test('it leads from its verification to its deadline, and says so by the clock', () => {
  const { tenure, clock, ends } = newTenure();
  tenure.enter(0, 7n, 7n);
  assert.equal(tenure.isLeading(), false);
  assert.ok(tenure.lead(7n));
  clock.atMs = 2_699;
  assert.ok(tenure.isLeading());
  clock.atMs = 2_700;
  // No timer has fired: the question itself ends it, with its signal.
  assert.equal(tenure.isLeading(), false);
  assert.ok(tenure.signal.aborted);
  assert.deepEqual(ends, [[{ kind: 'deadline' }, 'leading']]);
});

test('once it was false it is never true again, whatever arrives late', () => {
  const { tenure, clock, ends } = newTenure();
  tenure.enter(0, 7n, 7n);
  tenure.lead(7n);
  clock.atMs = 5_000;
  assert.equal(tenure.isLeading(), false);
  assert.equal(tenure.renewed(2_600, 3_000), false);
  clock.atMs = 100;
  assert.equal(tenure.isLeading(), false);
  assert.equal(tenure.lead(7n), false);
  assert.equal(ends.length, 1);
});

test('a renewal that was asked for in time but came late ends it', () => {
  const { tenure, clock } = newTenure();
  tenure.enter(0, 7n, 7n);
  tenure.lead(7n);
  clock.atMs = 2_701;
  assert.equal(tenure.renewed(1_000, 3_000), false);
  assert.equal(tenure.ending?.kind, 'deadline');
});

test('the first end counts', () => {
  const { tenure, ends } = newTenure();
  tenure.end({ kind: 'stepped-down', detail: 'asked' });
  tenure.end({ kind: 'lease-lost' });
  assert.deepEqual(ends, [[{ kind: 'stepped-down', detail: 'asked' }, 'entering']]);
  assert.match((tenure.signal.reason as Error).message, /stepped down: asked/);
});

test('the signal aborts by itself when nobody asks', async () => {
  const { tenure, clock } = newTenure(120);
  tenure.enter(0, 7n, 7n);
  tenure.lead(7n);
  clock.atMs = 120;
  await new Promise((resolve) => {
    tenure.signal.addEventListener('abort', resolve);
  });
  assert.equal(tenure.ending?.kind, 'deadline');
});
