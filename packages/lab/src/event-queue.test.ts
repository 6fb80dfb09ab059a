import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventQueue } from './event-queue.ts';

test('a reader gets what happens from its call on, until it is stopped', async () => {
  const queue = new EventQueue<number>();
  const stop = new AbortController();
  queue.push(1);
  const events = queue.read(stop.signal);
  queue.push(2);
  const seen: number[] = [];
  for await (const event of events) {
    seen.push(event);
    if (event === 2) setImmediate(() => queue.push(3));
    if (event === 3) setImmediate(() => stop.abort());
  }
  assert.deepEqual(seen, [2, 3]);
});

test('two readers each get everything; one that leaves gets no more', async () => {
  const queue = new EventQueue<number>();
  const stop = new AbortController();
  const first = queue.read(stop.signal)[Symbol.asyncIterator]();
  const second = queue.read(stop.signal)[Symbol.asyncIterator]();
  queue.push(1);
  assert.equal((await first.next()).value, 1);
  assert.equal((await second.next()).value, 1);
  await first.return?.();
  queue.push(2);
  assert.equal((await second.next()).value, 2);
  assert.equal((await first.next()).done, true);
});

test('a reader that is slow keeps the newest, and no more than the bound', async () => {
  const queue = new EventQueue<number>();
  const stop = new AbortController();
  const events = queue.read(stop.signal);
  for (let event = 1; event <= 1_000; event++) queue.push(event);
  const seen: number[] = [];
  for await (const event of events) {
    seen.push(event);
    if (event === 1_000) stop.abort();
  }
  assert.equal(seen.length, 256);
  assert.equal(seen.at(-1), 1_000);
});
