import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { NotLeaderError } from './not-leader-error.ts';
import { firstOf, readSocketFailure } from './work-failure.ts';

const at = '127.0.0.1:80';

async function thrownBy(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to fail');
}

/** A port of loopback at which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('fetch to a port where nobody listens: nothing was sent', async () => {
  const port = await freePort();
  const error = await thrownBy(() => fetch(`http://127.0.0.1:${String(port)}/`));
  assert.deepEqual(readSocketFailure(error, at), { kind: 'not-sent' });
});

test('fetch whose connection is closed in the middle: it may have run', async () => {
  const server = createServer((socket) => {
    socket.once('data', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const error = await thrownBy(() => fetch(`http://127.0.0.1:${String(port)}/`));
  server.close();
  assert.deepEqual(readSocketFailure(error, at), { kind: 'lost', retryAfterMs: 0 });
});

test('fetch that is aborted: cancelled', async () => {
  const error = await thrownBy(() => fetch('http://127.0.0.1:9/', { signal: AbortSignal.abort() }));
  assert.deepEqual(readSocketFailure(error, at), { kind: 'cancelled' });
});

test('an attempt at several addresses was not sent only if none of them was reached', () => {
  const refused = Object.assign(new Error('no'), { code: 'ECONNREFUSED', syscall: 'connect' });
  const other = new Error('something else');
  const allRefused = new AggregateError([refused, refused]);
  assert.deepEqual(readSocketFailure(allRefused, at), { kind: 'not-sent' });
  assert.equal(readSocketFailure(new AggregateError([refused, other]), at), undefined);
  assert.equal(readSocketFailure(new AggregateError([]), at), undefined);
});

test('NotLeaderError is found as a cause, within reason; all else is the work’s own', () => {
  const refusal = new NotLeaderError('no', { epoch: 9n, retryAfterMs: 5 });
  const wrapped = new Error('outer', { cause: new Error('inner', { cause: refusal }) });
  const expected = {
    kind: 'not-leader',
    election: undefined,
    known: undefined,
    epoch: 9n,
    retryAfterMs: 5,
  };
  assert.deepEqual(readSocketFailure(wrapped, at), expected);
  const circular = new Error('a');
  circular.cause = circular;
  for (const own of [circular, new Error('x'), undefined, null, 'text', 7, {}]) {
    assert.equal(readSocketFailure(own, at), undefined);
  }
});

test('the first reader that understands decides', () => {
  const reader = firstOf(
    (thrown) => (thrown === 421 ? { kind: 'not-sent' } : undefined),
    readSocketFailure,
  );
  assert.deepEqual(reader(421, at), { kind: 'not-sent' });
  assert.equal(reader(500, at), undefined);
  assert.equal(reader(new NotLeaderError(), at)?.kind, 'not-leader');
});
