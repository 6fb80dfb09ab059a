/** The switchboard knows who calls whom, and parts whom it is told to, and nobody else. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { waitUntil } from '@herald/lab';
import { Switchboard } from './switchboard.ts';

const soon = { timeoutMs: 20_000, pollMs: 2 };

/** A process that dials through its line, as `fixtures/dial-through.ts` does it. */
class Caller {
  readonly socket: Socket;
  heard = '';
  isCut = false;

  constructor(linePort: number, targetPort: number) {
    this.socket = connect(linePort, '127.0.0.1');
    this.socket.on('data', (bytes: Buffer) => (this.heard += bytes.toString()));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.isCut = true));
    // The first words may come along with the line's first line.
    this.socket.write(`127.0.0.1:${targetPort}\nhello`);
  }
}

describe('Switchboard', () => {
  const echo = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  const network = new Switchboard();
  let port = 0;

  before(async () => {
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    ({ port } = echo.address() as AddressInfo);
    network.assign(port, 'server');
  });

  after(async () => {
    await network[Symbol.asyncDispose]();
    echo.close();
  });

  it('connects whoever dials, from the first byte on', async () => {
    const caller = new Caller(await network.line('a'), port);
    await waitUntil('the echo', () => caller.heard === 'hello', soon);
    caller.socket.destroy();
  });

  it('gives each name one line', async () => {
    assert.equal(await network.line('a'), await network.line('a'));
    assert.notEqual(await network.line('a'), await network.line('b'));
  });

  it('parts two sides, and leaves those of one side alone', async () => {
    const near = new Caller(await network.line('near'), port);
    const far = new Caller(await network.line('far'), port);
    await waitUntil('both to be connected', () => near.heard !== '' && far.heard !== '', soon);
    network.separate((name) => name === 'far');
    far.socket.write(', lost');
    near.socket.write(', heard');
    const late = new Caller(await network.line('far'), port);
    await waitUntil('the one', () => near.heard === 'hello, heard', soon);
    assert.equal(far.heard, 'hello');
    assert.equal(late.heard, '');
    assert.equal(far.isCut || late.isCut, false, 'nobody is told');
    network.clear();
    await waitUntil('what lost something to be reset', () => far.isCut, soon);
    near.socket.destroy();
    late.socket.destroy();
  });

  it('judges each pair by itself', async () => {
    network.set((dialer, dialed) =>
      dialer === 'a' && dialed === 'server' ? { kind: 'cut' } : { kind: 'clear' },
    );
    const cut = new Caller(await network.line('a'), port);
    const clear = new Caller(await network.line('b'), port);
    await waitUntil('the one to be cut', () => cut.isCut, soon);
    await waitUntil('the other to be heard', () => clear.heard === 'hello', soon);
    clear.socket.destroy();
    network.clear();
  });
});
