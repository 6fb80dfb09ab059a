import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findBrokenLeaderships } from './leaderships.ts';
import { loggedLeaderships } from './logged-leaderships.ts';

const starting = JSON.stringify({ msg: 'starting' });

function started(epoch: number, monotonicMs: number): string {
  return JSON.stringify({
    ...{ msg: 'leadership started', election: 'payments' },
    ...{ epoch: String(epoch), monotonicMs },
  });
}

function ended(epoch: number, monotonicMs: number, leaderUntilMs: number): string {
  return JSON.stringify({
    ...{ msg: 'leadership ended', election: 'payments' },
    ...{ epoch: String(epoch), monotonicMs, leaderUntilMs },
  });
}

function spans(lines: readonly string[], isAwake = true): readonly (readonly number[])[] {
  return loggedLeaderships('elector-1', lines.join('\n'), isAwake).map(
    ({ epoch, firstMs, lastMs }) => [Number(epoch), firstMs, lastMs],
  );
}

test('a leadership lasts from its start to its end', () => {
  assert.deepEqual(spans([starting, started(7, 100), ended(7, 200, 900)]), [[7, 100, 200]]);
});

test('one that was paused led until its deadline, however late it says so', () => {
  assert.deepEqual(spans([started(7, 100), ended(7, 5_000, 900)]), [[7, 100, 900]]);
});

test('one that runs leads on; one that is gone led until it was heard last', () => {
  const published = JSON.stringify({ msg: 'leader record published', monotonicMs: 150 });
  const lines = [started(7, 100), published, '{"msg":"cut sho'];
  assert.deepEqual(spans(lines), [[7, 100, Infinity]]);
  assert.deepEqual(spans(lines, false), [[7, 100, 150]]);
  assert.deepEqual(spans([...lines, starting, started(9, 500)]), [
    [7, 100, 150],
    [9, 500, Infinity],
  ]);
});

test('two at once are found', () => {
  const leadsOn = loggedLeaderships('elector-1', started(7, 100), true);
  const successor = loggedLeaderships('elector-2', started(9, 500), true);
  assert.equal(findBrokenLeaderships([...leadsOn, ...successor]).length, 1);
  const gone = loggedLeaderships('elector-1', started(7, 100), false);
  assert.deepEqual(findBrokenLeaderships([...gone, ...successor]), []);
});
