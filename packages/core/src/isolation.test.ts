/** When a member counts as isolated, and when it is told. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Isolation } from './isolation.ts';

it('is told once when no link stood for long enough, and once when one stands again', () => {
  const told: boolean[] = [];
  const isolation = new Isolation(
    100,
    () => true,
    (isolated) => told.push(isolated),
    0,
  );
  assert.equal(isolation.nextWakeMs, 100);
  isolation.wake(99);
  assert.deepEqual(told, []);
  isolation.wake(100);
  isolation.wake(200);
  assert.equal(isolation.isIsolated, true);
  assert.equal(isolation.nextWakeMs, Infinity);
  isolation.linked();
  isolation.linked();
  assert.deepEqual(told, [true, false]);
  assert.equal(isolation.nextWakeMs, Infinity);
  isolation.alone(500);
  isolation.wake(599);
  assert.equal(isolation.isIsolated, false);
  isolation.wake(600);
  assert.deepEqual(told, [true, false, true]);
});

it('a member that knows of nobody is alone, and not isolated, until it hears of somebody', () => {
  let knowsOthers = false;
  const isolation = new Isolation(
    100,
    () => knowsOthers,
    () => undefined,
    0,
  );
  isolation.wake(10_000);
  assert.equal(isolation.isIsolated, false);
  assert.equal(isolation.nextWakeMs, Infinity);
  knowsOthers = true;
  isolation.wake(10_000);
  assert.equal(isolation.isIsolated, true);
});
