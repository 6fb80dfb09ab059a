import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallEnd, CallStart } from './hooks.ts';
import type { Attempt } from './attempts.ts';
import { harmless } from './hooks.ts';
import type { LeaderUpdate } from './results.ts';
import { claim, failureOf, fixture, vacancy } from './test-support/fixture.ts';

const seeds = ['a:1', 'b:1', 'c:1'];

function recorded() {
  const started: CallStart[] = [];
  const ended: CallEnd[] = [];
  const attempts: Attempt[] = [];
  const changes: LeaderUpdate[] = [];
  const hooks = {
    onCall: (start: CallStart) => {
      started.push(start);
      return { onEnd: (end: CallEnd) => void ended.push(end) };
    },
    onAttempt: (attempt: Attempt) => void attempts.push(attempt),
    onChange: (update: LeaderUpdate) => void changes.push(update),
  };
  return { hooks, started, ended, attempts, changes };
}

test('calls that wait are told at their start and end; what the cache answers is not', async () => {
  const { ended, hooks, started } = recorded();
  await using f = fixture({ hooks });
  for (const seed of seeds) {
    f.network.at(seed).hold(claim(7));
    f.network.at(seed).latencyMs = 10;
  }
  const call = f.client.getLeader();
  await f.clock.advance(10);
  await call;
  await f.client.getLeader();
  assert.deepEqual(started, [{ what: 'getLeader', election: 'payments' }]);
  const [end] = ended;
  assert.equal(ended.length, 1);
  assert.equal(end?.durationMs, 10);
  assert.equal(end.error, undefined);
  assert.equal(end.leader?.epoch, 7n);
  assert.equal(end.attempts.length, 1);
});

test('a call that fails is told with what it rejects with', async () => {
  const { ended, hooks } = recorded();
  await using f = fixture({ hooks });
  for (const seed of seeds) f.network.at(seed).hold(claim(7));
  const own = new RangeError('no funds');
  await assert.rejects(f.client.withLeader(async () => Promise.reject(own)));
  assert.equal(ended[0]?.error, own);
  assert.equal(ended[0].leader?.address, 'leader-7:80');
  assert.deepEqual(
    ended[0].attempts.map(({ outcome, what }) => [what, outcome]),
    [
      ['lookup', 'current'],
      ['work', 'failed'],
    ],
  );
  for (const seed of seeds) f.network.at(seed).behaviour = 'refuses';
  await failureOf(f.client.listMembers());
  assert.equal((ended[1]?.error as { readonly code?: string }).code, 'UNREACHABLE');
});

test('an attempt that many calls share is told once', async () => {
  const { attempts, hooks } = recorded();
  await using f = fixture({ hooks });
  for (const seed of seeds) f.network.at(seed).hold(claim(7));
  await Promise.all(Array.from({ length: 50 }, () => f.client.getLeader()));
  await f.clock.advance(1);
  assert.deepEqual(
    attempts.map(({ what }) => what),
    ['lookup', 'members'],
  );
});

test('changes are told, renewals are not', async () => {
  const { changes, hooks } = recorded();
  await using f = fixture({ hooks, seeds: ['a:1'] });
  const watch = f.client.watchLeader({ includeRenewals: true });
  for (const record of [claim(7), claim(7, { renewal: 1 }), vacancy(7), claim(9)]) {
    f.network.at('a:1').hold(record);
    await f.clock.advance(5);
  }
  await watch.return?.();
  assert.deepEqual(
    changes.map(({ epoch, status }) => [status, epoch]),
    [
      ['current', 7n],
      ['vacant', 7n],
      ['current', 9n],
    ],
  );
});

test('work runs within what the observer puts around it', async () => {
  let isWithin = false;
  const hooks = {
    onCall: () => ({
      aroundWork: <T>(_leader: unknown, work: () => T): T => {
        isWithin = true;
        try {
          return work();
        } finally {
          isWithin = false;
        }
      },
    }),
  };
  await using f = fixture({ hooks });
  for (const seed of seeds) f.network.at(seed).hold(claim(7));
  assert.equal(await f.client.withLeader(async () => isWithin), true);
  assert.equal(isWithin, false);
});

test('what a hook throws harms no call, and is not swallowed', async () => {
  const broken = new Error('a broken hook');
  const breaks = (): never => {
    throw broken;
  };
  const uncaught: unknown[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => uncaught.push(error));
  try {
    harmless(breaks)?.(undefined);
    await using f = fixture({ hooks: { onCall: breaks, onAttempt: breaks, onChange: breaks } });
    for (const seed of seeds) f.network.at(seed).hold(claim(7));
    assert.equal((await f.client.getLeader()).epoch, 7n);
    await f.clock.advance(1);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
  }
  assert.ok(uncaught.length >= 4, `${String(uncaught.length)} were reported`);
  assert.ok(uncaught.every((error) => error === broken));
});
