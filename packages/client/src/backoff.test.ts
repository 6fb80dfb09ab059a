import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@herald/core';
import { Backoff } from './backoff.ts';
import { RetryBudget } from './retry-budget.ts';
import { clientLimits, retryBudgetTuning } from './tuning.ts';

test('full jitter: each ceiling is twice the one before, up to the cap', () => {
  const backoff = new Backoff({ baseMs: 20, capMs: 500, random: () => 0.999_999 });
  const ceilings = Array.from({ length: 8 }, () => Math.round(backoff.nextMs()));
  assert.deepEqual(ceilings, [20, 40, 80, 160, 320, 500, 500, 500]);
  backoff.reset();
  assert.equal(Math.round(backoff.nextMs()), 20);
});

test('full jitter: delays fill the whole range, and never less than the floor', () => {
  const backoff = new Backoff({ baseMs: 500, capMs: 500, random: seededRandom(3) });
  const delays = Array.from({ length: 1_000 }, () => backoff.nextMs());
  const mean = delays.reduce((sum, each) => sum + each, 0) / delays.length;
  assert.ok(Math.min(...delays) < 10 && Math.max(...delays) > 490);
  assert.ok(mean > 220 && mean < 280, String(mean));
  const zero = new Backoff({ baseMs: 500, capMs: 500, random: () => 0 });
  assert.equal(zero.nextMs(), clientLimits.backoffMinMs);
});

test('a retry budget lasts for a burst, and then for what was earned', () => {
  const budget = new RetryBudget(0);
  const spend = (nowMs: number): number => {
    let spent = 0;
    while (budget.trySpend(nowMs)) spent++;
    return spent;
  };
  assert.equal(spend(0), retryBudgetTuning.tokensMax);
  for (let success = 0; success < 11; success++) budget.earn();
  assert.equal(spend(0), 2);
  assert.equal(spend(4_000), 2);
  assert.equal(spend(1e9), retryBudgetTuning.tokensMax);
});
