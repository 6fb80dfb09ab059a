import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Outbox } from './outbox.ts';
import type { LowerCall, MessageContext } from './outbox.ts';
import { followTuning } from './tuning.ts';

/** A call that takes messages when the test says so. */
class SlowCall {
  readonly received: unknown[] = [];
  isClosed = false;
  #callback: MessageContext['callback'];

  get lower(): LowerCall {
    return this as unknown as LowerCall;
  }

  sendMessageWithContext({ callback }: MessageContext, message: unknown): void {
    assert.equal(this.#callback, undefined, 'a message at a time');
    assert.ok(!this.isClosed, 'no message after the close');
    this.received.push(message);
    this.#callback = callback;
  }

  halfClose(): void {
    assert.ok(!this.isClosed, 'closed once');
    this.isClosed = true;
  }

  take(): void {
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.();
  }
}

const step = fc.oneof(
  { weight: 3, arbitrary: fc.constant('push' as const) },
  { weight: 3, arbitrary: fc.constant('take' as const) },
  { weight: 1, arbitrary: fc.constant('refused' as const) },
  { weight: 1, arbitrary: fc.constant('attach' as const) },
);

test('however calls are refused, the last one gets every message once, in order, and then the close', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const outbox = new Outbox();
      let call = new SlowCall();
      let isAttached = false;
      const written: number[] = [];
      let pushed = 0;
      for (const what of steps) {
        if (what === 'push' && pushed < followTuning.replayMessagesMax) {
          const number = pushed++;
          outbox.push({ callback: () => written.push(number) }, number);
        } else if (what === 'take') {
          call.take();
        } else if (what === 'refused') {
          outbox.detach();
          isAttached = false;
        } else if (what === 'attach' && !isAttached) {
          call = new SlowCall();
          outbox.attach(call.lower);
          isAttached = true;
        }
      }
      assert.ok(outbox.isKept);
      outbox.close();
      if (!isAttached) {
        call = new SlowCall();
        outbox.attach(call.lower);
      }
      for (let taken = 0; taken <= pushed; taken++) call.take();
      const all = Array.from({ length: pushed }, (_, index) => index);
      assert.deepEqual(call.received, all);
      assert.deepEqual(written, all);
      assert.ok(call.isClosed);
    }),
  );
});

test('a call that was accepted is handed what comes, and nothing is kept', () => {
  const outbox = new Outbox();
  const call = new SlowCall();
  outbox.attach(call.lower);
  outbox.push({}, 1);
  outbox.letGo();
  assert.ok(!outbox.isKept);
  outbox.push({}, 2);
  call.take();
  outbox.push({}, 3);
  call.take();
  call.take();
  outbox.close();
  assert.deepEqual(call.received, [1, 2, 3]);
  assert.ok(call.isClosed);
});

test('more than is kept is sent all the same, to the call there is', () => {
  const outbox = new Outbox();
  const call = new SlowCall();
  const count = followTuning.replayMessagesMax + 5;
  for (let number = 0; number < 3; number++) outbox.push({}, number);
  outbox.attach(call.lower);
  for (let number = 3; number < count; number++) outbox.push({}, number);
  assert.ok(!outbox.isKept);
  for (let taken = 0; taken < count; taken++) call.take();
  assert.deepEqual(
    call.received,
    Array.from({ length: count }, (_, index) => index),
  );
});
