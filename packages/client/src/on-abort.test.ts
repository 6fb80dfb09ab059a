import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { abort, newAbort, onAbort } from './on-abort.ts';

const signals = [
  ['of the platform', () => new AbortController(), (c: AbortController) => c.abort()],
  ['of our own', newAbort, abort],
] as const;

for (const [whose, make, end] of signals) {
  test(`a signal ${whose} tells each listener once, and not those that left`, () => {
    const controller = make();
    const told: string[] = [];
    const listen = (name: string) => onAbort(controller.signal, () => told.push(name));
    const stops = [listen('a'), listen('b'), listen('a')];
    stops[1]?.();
    end(controller);
    assert.deepEqual(told, ['a', 'a']);
    assert.equal(controller.signal.aborted, true);
    end(controller);
    listen('late')();
    assert.deepEqual(told, ['a', 'a', 'late']);
  });

  test(`a signal ${whose} can be listened to again after everybody left`, () => {
    const controller = make();
    let told = 0;
    onAbort(controller.signal, () => told++)();
    onAbort(controller.signal, () => told++);
    end(controller);
    assert.equal(told, 1);
  });
}

test('however many listen: one listener of the platform on its signal, none on ours', () => {
  for (const [count, controller] of [
    [1, new AbortController()],
    [0, newAbort()],
  ] as const) {
    const { signal } = controller;
    const stops = Array.from({ length: 20 }, () => onAbort(signal, () => undefined));
    assert.equal(getEventListeners(signal, 'abort').length, count);
    for (const stop of stops) stop();
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  }
});

test('whoever listens to a signal of ours as the platform has it is told, too', () => {
  const controller = newAbort();
  let told = 0;
  controller.signal.addEventListener('abort', () => told++);
  abort(controller);
  assert.equal(told, 1);
});
