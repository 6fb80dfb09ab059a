/** The proxy must do what the faults of the other tests rely on. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { waitUntil } from '../process/wait-until.ts';
import { TcpProxy } from './tcp-proxy.ts';

const soon = { timeoutMs: 10_000, pollMs: 2 };

describe('TcpProxy', () => {
  const echo = createServer((socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  let accepted: Socket[] = [];
  let proxy: TcpProxy;
  let client: TestClient;

  beforeEach(async () => {
    accepted = [];
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    proxy = await TcpProxy.start(`http://127.0.0.1:${(echo.address() as AddressInfo).port}`);
    client = new TestClient(proxy);
    client.socket.write('a');
    await waitUntil('the first echo', () => client.received === 'a', soon);
  });

  afterEach(async () => {
    client.socket.destroy();
    await proxy[Symbol.asyncDispose]();
    const closed = once(echo, 'close');
    for (const socket of accepted) socket.destroy();
    echo.close();
    await closed;
  });

  it('passes on what it is given, and the end of it', async () => {
    assert.equal(proxy.connections, 1);
    client.socket.end();
    await waitUntil('the end to reach the other side', () => accepted[0]?.destroyed, soon);
    await waitUntil('the connection to be forgotten', () => proxy.connections === 0, soon);
  });

  it('swallows everything in a black hole, and keeps connections open', async () => {
    proxy.set({ kind: 'black-hole' });
    client.socket.write('lost');
    const late = new TestClient(proxy);
    await once(late.socket, 'connect');
    late.socket.write('also lost');
    await waitUntil('the second connection', () => proxy.connections === 2, soon);
    await neverWithin(300, () => client.received !== 'a' || client.isOver || late.isOver);
    late.socket.destroy();
    await neverWithin(100, () => proxy.connections !== 2);
    proxy.set({ kind: 'clear' });
    await waitUntil('the torn connection to be reset', () => client.isOver, soon);
    assert.equal(client.received, 'a');
  });

  it('holds everything back, and then passes it on', async () => {
    proxy.set({ kind: 'hold' });
    client.socket.write('b');
    await neverWithin(200, () => client.received !== 'a');
    proxy.set({ kind: 'clear' });
    await waitUntil('what was held back', () => client.received === 'ab', soon);
    assert.equal(client.isOver, false);
  });

  it('cuts connections, also new ones', async () => {
    proxy.set({ kind: 'cut' });
    await waitUntil('the connection to be reset', () => client.isOver, soon);
    const late = new TestClient(proxy);
    await waitUntil('the new connection to be reset', () => late.isOver, soon);
  });

  it('delays without changing the order', async () => {
    proxy.set({ kind: 'delay', delayMs: 100 });
    const startMs = performance.now();
    for (const letter of 'bcdef') client.socket.write(letter);
    await waitUntil('the echo', () => client.received === 'abcdef', soon);
    assert.ok(performance.now() - startMs >= 195, 'delayed on both ways');
    client.socket.write('g');
    proxy.set({ kind: 'clear' });
    client.socket.write('h');
    await waitUntil('the rest in order', () => client.received === 'abcdefgh', soon);
  });

  it('delays unevenly and loses some, as TCP lets it show: later, and still in order', async () => {
    proxy.set({ kind: 'delay', delayMs: 20, jitterMs: 20, lossShare: 1 });
    const startMs = performance.now();
    for (const letter of 'bcdef') client.socket.write(letter);
    await waitUntil('the echo', () => client.received === 'abcdef', soon);
    assert.ok(performance.now() - startMs >= 395, 'each way was lost and sent again');
  });
});

class TestClient {
  readonly socket: Socket;
  received = '';
  isOver = false;

  constructor(proxy: TcpProxy) {
    const { hostname, port } = new URL(proxy.endpoint);
    this.socket = connect({ host: hostname, port: Number(port) });
    this.socket.on('data', (chunk) => (this.received += chunk.toString()));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.isOver = true));
  }
}

/** That something does *not* happen can only be watched for a while. */
async function neverWithin(durationMs: number, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + durationMs;
  await waitUntil(
    'the time to pass',
    () => {
      assert.equal(condition(), false);
      return performance.now() >= endMs;
    },
    soon,
  );
}
