import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pace } from '../config.ts';
import { LeaseDeadline } from './deadline.ts';

test('the deadline lies before the end of the lease, by the margin, counted from the request', () => {
  const deadline = new LeaseDeadline(1_000, 3_000);
  assert.equal(pace.marginMs(3_000), 300);
  assert.equal(deadline.untilMs, 3_700);
  assert.ok(deadline.stands(3_699.9));
  assert.equal(deadline.stands(3_700), false);
});

test('the margin is a tenth of the lease, but 100 ms at least and 1 s at most', () => {
  assert.equal(pace.marginMs(500), 100);
  assert.equal(pace.marginMs(2_000), 200);
  assert.equal(pace.marginMs(60_000), 1_000);
});

test('a deadline that has passed is not opened again by a renewal that came late', () => {
  const deadline = new LeaseDeadline(0, 3_000);
  assert.equal(deadline.stands(2_700), false);
  assert.equal(deadline.extend(2_650, 3_000, 2_701), false);
  assert.equal(deadline.stands(2_701), false);
  assert.equal(deadline.remainingMs(2_701), 0);
});

test('a renewal that was asked for earlier does not take back a later one', () => {
  const deadline = new LeaseDeadline(0, 3_000);
  assert.ok(deadline.extend(1_000, 3_000, 1_010));
  assert.ok(deadline.extend(500, 3_000, 1_020));
  assert.equal(deadline.untilMs, 3_700);
});

test('P1: etcd never ends a lease before its holder does, at clock rates within a tenth', () => {
  // The holder asks at its time s; etcd counts the TTL from some moment not before that, on a clock
  // that ticks up to a tenth faster. All renewals within the interval succeed, with any delay.
  const renewal = fc.record({ afterMs: fc.nat(900), delayMs: fc.nat(200) });
  const rate = fc.double({ min: 0.9, max: 1.1, noNaN: true });
  fc.assert(
    fc.property(fc.array(renewal, { maxLength: 20 }), rate, (renewals, etcdRate) => {
      const ttlMs = 3_000;
      let nowMs = 0;
      const deadline = new LeaseDeadline(nowMs, ttlMs);
      let etcdEndsAtMs = nowMs + ttlMs / etcdRate;
      for (const { afterMs, delayMs } of renewals) {
        const sentAtMs = nowMs + afterMs;
        const grantedAtMs = sentAtMs + delayMs / 2;
        if (grantedAtMs < etcdEndsAtMs) etcdEndsAtMs = grantedAtMs + ttlMs / etcdRate;
        nowMs = sentAtMs + delayMs;
        deadline.extend(sentAtMs, ttlMs, nowMs);
        assert.ok(deadline.untilMs <= etcdEndsAtMs);
      }
    }),
  );
});
