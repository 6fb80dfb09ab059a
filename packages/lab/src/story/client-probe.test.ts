import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeadershipLedger } from '../elector/leadership-ledger.ts';
import { judgeCalls, longestCall } from './client-probe.ts';
import type { ProbeCall } from './client-probe.ts';

const counts = { attempts: [], redirects: 1, retries: 2 };

function told(leaderId: string, epoch: bigint, startMs: number, endMs: number): ProbeCall {
  return { startMs, endMs, outcome: { kind: 'leader', leaderId, epoch }, ...counts };
}

function ledgerOfTwo(): LeadershipLedger {
  const ledger = new LeadershipLedger();
  ledger.started('a', 5n, 100);
  ledger.ended('a', 5n, 200, 'asked');
  ledger.started('b', 9n, 210);
  return ledger;
}

test('an answer is right if its elector led at some moment of the call', () => {
  const calls = [told('a', 5n, 150, 160), told('a', 5n, 199, 220), told('b', 9n, 190, 211)];
  assert.equal(judgeCalls(calls, ledgerOfTwo()).wrongLeader, 0);
});

test('an answer is wrong if its elector led before, after, or under another epoch', () => {
  const calls = [told('a', 5n, 201, 220), told('b', 9n, 150, 209), told('b', 5n, 220, 230)];
  assert.equal(judgeCalls(calls, ledgerOfTwo()).wrongLeader, 3);
});

test('redirects, retries and failures are summed over the calls', () => {
  const failed = { kind: 'failed', reason: 'NO_LEADER' } as const;
  const calls = [told('a', 5n, 150, 160), { startMs: 0, endMs: 90, outcome: failed, ...counts }];
  assert.deepEqual(judgeCalls(calls, ledgerOfTwo()), {
    calls: 2,
    redirects: 2,
    retries: 4,
    failures: 1,
    wrongLeader: 0,
  });
  assert.equal(longestCall(calls)?.outcome.kind, 'failed');
  assert.equal(longestCall([]), undefined);
});
