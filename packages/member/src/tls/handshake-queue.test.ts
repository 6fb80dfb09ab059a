/** Whose turn it is to shake hands, over real sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { HandshakeQueue } from './handshake-queue.ts';
import type { GivenUp, HandshakeQueueOptions } from './handshake-queue.ts';

const long = { holdMs: 60_000, patienceMs: 60_000 };

/** Somebody whose turn came: what it said, and what ends its handshake. */
interface Turn {
  readonly said: string;
  readonly done: () => void;
}

/** A listener whose connections go through a queue, and what came of each, in order. */
class Door implements AsyncDisposable {
  readonly turns: Turn[] = [];
  readonly givenUp: GivenUp[] = [];
  readonly queue: HandshakeQueue;
  readonly #server: Server;
  readonly #sockets: Socket[] = [];

  private constructor(options: Partial<HandshakeQueueOptions>) {
    this.queue = new HandshakeQueue(options);
    this.#server = createServer((socket) => {
      this.#sockets.push(socket);
      this.queue.enter(
        socket,
        (done) => {
          this.turns.push({ said: String(socket.read()), done });
        },
        (why) => {
          this.givenUp.push(why);
        },
      );
    });
  }

  static async open(options: Partial<HandshakeQueueOptions> = {}): Promise<Door> {
    const door = new Door({ ...long, ...options });
    door.#server.listen(0, '127.0.0.1');
    await once(door.#server, 'listening');
    return door;
  }

  /** Somebody who dials and says `text`. */
  async knock(text: string): Promise<Socket> {
    const { port } = this.#server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    this.#sockets.push(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    if (text !== '') socket.write(text);
    return socket;
  }

  /** Who had their turn, in order. */
  get order(): string {
    return this.turns.map(({ said }) => said).join(' ');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < deadlineMs, `in vain: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Also where it was reset, which `once` would raise. */
function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve));
}

describe('handshakes', () => {
  let door: Door;
  afterEach(() => door[Symbol.asyncDispose]());

  it('begin at once while there is room, with all that was said', async () => {
    door = await Door.open({ inProgressMax: 2 });
    await door.knock('a');
    await until(() => door.order === 'a');
    await door.knock('b');
    await until(() => door.order === 'a b');
    assert.equal(door.queue.inProgress, 2);
  });

  it('wait for a place else, and whoever came last is next', async () => {
    door = await Door.open({ inProgressMax: 1 });
    for (const [index, who] of ['a', 'b', 'c', 'd'].entries()) {
      await door.knock(who);
      await until(() => door.queue.waiting + door.turns.length === index + 1);
    }
    assert.equal(door.order, 'a');
    for (const order of ['a d', 'a d c', 'a d c b']) {
      door.turns.at(-1)?.done();
      await until(() => door.order === order);
    }
    door.turns.at(-1)?.done();
    assert.equal(door.queue.inProgress, 0);
    assert.equal(door.queue.waiting, 0);
  });

  it('are not begun with those who left, nor with those who say nothing', async () => {
    door = await Door.open({ inProgressMax: 1 });
    await door.knock('a');
    await until(() => door.order === 'a');
    await door.knock('');
    const left = await door.knock('b');
    await until(() => door.queue.waiting === 1);
    left.end();
    await until(() => door.queue.waiting === 0);
    assert.deepEqual(door.givenUp, ['ended before TLS began']);
    door.turns[0]?.done();
    assert.equal(door.queue.inProgress, 0, 'a silent one takes no place');
    await door.knock('c');
    await until(() => door.order === 'a c');
  });

  it('keep others waiting for a moment only', async () => {
    door = await Door.open({ inProgressMax: 1, holdMs: 20 });
    await door.knock('a');
    await door.knock('b');
    await until(() => door.turns.length === 2);
    door.turns[0]?.done(); // it is over at last, and gives back no place that is another's
    door.turns[0]?.done();
    await until(() => door.queue.inProgress === 0);
  });

  it('that wait or are silent for too long are cut off, and so is the oldest where there are too many', async () => {
    door = await Door.open({ inProgressMax: 1, waitingMax: 1 });
    await door.knock('a');
    await until(() => door.order === 'a');
    const oldest = await door.knock('b');
    await until(() => door.queue.waiting === 1);
    const ended = closed(oldest);
    await door.knock('c');
    await ended;
    assert.deepEqual(door.givenUp, ['crowded out']);
    door.turns[0]?.done();
    await until(() => door.order === 'a c');
  });

  it('are given up where nothing comes in time', async () => {
    door = await Door.open({ patienceMs: 20 });
    const silent = await door.knock('');
    await closed(silent);
    assert.deepEqual(door.givenUp, ['was silent, or waited, too long']);
  });

  it('are given up where far more comes than a hello', async () => {
    door = await Door.open({ inProgressMax: 1 });
    await door.knock('a');
    await until(() => door.order === 'a');
    const flood = await door.knock('x'.repeat(100_000));
    await closed(flood);
    assert.deepEqual(door.givenUp, ['crowded out']);
    assert.equal(door.queue.waiting, 0);
  });
});
