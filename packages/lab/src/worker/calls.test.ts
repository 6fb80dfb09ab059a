import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabError } from '../lab-error.ts';
import { Caller, answerCall } from './calls.ts';
import type { CallHandlers } from './calls.ts';

interface TestCalls {
  readonly double: { readonly request: { readonly value: number }; readonly reply: number };
  readonly never: { readonly request: object; readonly reply: null };
}

const handlers: CallHandlers<TestCalls> = {
  double: ({ value }) => {
    if (value < 0) throw new Error('must not be negative');
    return 2 * value;
  },
  never: () => new Promise<null>(() => undefined),
};

/** A caller whose messages go through JSON, as they do between processes. */
function connect(answers: CallHandlers<TestCalls> = handlers): Caller<TestCalls> {
  const caller = new Caller<TestCalls>('worker-1', (message) => {
    void answerCall(answers, JSON.parse(JSON.stringify(message)), (reply) => {
      caller.receive(JSON.parse(JSON.stringify(reply)));
    });
  });
  return caller;
}

const within = { timeoutMs: 5_000 };
const hasCode = (code: string, pattern: RegExp) => (error: unknown) =>
  error instanceof LabError && error.code === code && pattern.test(error.message);

test('each call gets its own reply, in whatever order they come', async () => {
  const replies: (() => void)[] = [];
  const caller = connect({
    ...handlers,
    double: ({ value }) =>
      new Promise((resolve) => {
        replies.unshift(() => {
          resolve(2 * value);
        });
        if (replies.length === 3) for (const reply of replies) reply();
      }),
  });
  const doubled = await Promise.all(
    [1, 2, 3].map((value) => caller.call('double', { value }, within)),
  );
  assert.deepEqual(doubled, [2, 4, 6]);
});

test('what a handler throws reaches the caller with the name of the worker', async () => {
  await assert.rejects(
    connect().call('double', { value: -1 }, within),
    hasCode('worker-failed', /^worker-1: must not be negative$/),
  );
});

test('a call that is not answered ends at its deadline', async () => {
  await assert.rejects(
    connect().call('never', {}, { timeoutMs: 5 }),
    hasCode('timeout', /no reply to "never" within 5 ms/),
  );
});

test('a worker that dies fails its open calls and every later one', async () => {
  const caller = connect();
  const open = caller.call('never', {}, within);
  caller.close(new LabError('worker-failed', 'worker-1 was killed'));
  await assert.rejects(open, hasCode('worker-failed', /was killed/));
  await assert.rejects(
    caller.call('double', { value: 1 }, within),
    hasCode('worker-failed', /was killed/),
  );
});

test('a channel that is closed fails the call instead of throwing past it', async () => {
  const caller = new Caller<TestCalls>('worker-1', () => {
    throw new Error('channel closed');
  });
  await assert.rejects(
    caller.call('double', { value: 1 }, within),
    hasCode('worker-failed', /closed/),
  );
});

test('messages that are no call and no reply are ignored', async () => {
  const caller = connect();
  for (const message of [
    null,
    'text',
    {},
    { id: 'x', kind: 'reply' },
    { id: 99, kind: 'reply', reply: 1 },
  ]) {
    caller.receive(message);
  }
  const replies: object[] = [];
  await answerCall(handlers, { hello: 'world' }, (reply) => replies.push(reply));
  assert.equal(replies.length, 0);
  await answerCall(handlers, { id: 7, call: 'toString', request: {} }, (reply) =>
    replies.push(reply),
  );
  assert.deepEqual(replies, [{ id: 7, kind: 'failed', reason: 'no call "toString"' }]);
  assert.equal(await caller.call('double', { value: 4 }, within), 8);
});
