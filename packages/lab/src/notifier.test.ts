import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabError } from './lab-error.ts';
import { Notifier } from './notifier.ts';

test('a waiter asks again at each notification, and only then', async () => {
  const notifier = new Notifier();
  let asked = 0;
  const waited = notifier.until(() => (++asked === 3 ? 'done' : undefined), {
    what: 'the third time',
    timeoutMs: 5_000,
  });
  notifier.notify();
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  assert.equal(asked, 2);
  notifier.notify();
  assert.equal(await waited, 'done');
});

test('what holds already is not waited for', async () => {
  assert.equal(await new Notifier().until(() => 0, { what: 'nothing', timeoutMs: 0 }), 0);
});

test('a wait ends at its deadline and says what was waited for', async () => {
  await assert.rejects(
    new Notifier().until(() => undefined, { what: 'a leader', timeoutMs: 5 }),
    (error) =>
      error instanceof LabError &&
      error.code === 'timeout' &&
      error.message === 'waited 5 ms in vain for: a leader',
  );
});

test('a wait that is aborted ends with the reason', async () => {
  const stop = new AbortController();
  const options = { what: 'x', timeoutMs: 60_000, signal: stop.signal };
  const waited = new Notifier().until(() => undefined, options);
  stop.abort(new Error('enough'));
  await assert.rejects(waited, /enough/);
});

test('a condition that throws ends the wait', async () => {
  const notifier = new Notifier();
  let broken = false;
  const waited = notifier.until(
    () => {
      if (broken) throw new Error('the worker died');
      return undefined;
    },
    { what: 'x', timeoutMs: 60_000 },
  );
  broken = true;
  notifier.notify();
  await assert.rejects(waited, /the worker died/);
});
