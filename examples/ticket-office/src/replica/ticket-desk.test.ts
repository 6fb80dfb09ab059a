/**
 * A leader that is stopped between choosing a number and writing it down: what the fence is for, move by
 * move, with the store's own log.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { FencingToken } from '@herald/elector';
import type { DrawRequest } from '../protocol/services.ts';
import { readTickets, TicketLog } from '../store/ticket-log.ts';
import type { TicketStore } from './store-client.ts';
import { TicketDesk } from './ticket-desk.ts';

const first = { lineage: 0, epoch: 5n };
const second = { lineage: 0, epoch: 9n };

function request(requestId: string): DrawRequest {
  return { requestId, customer: 'somebody' };
}

/** The log without the network between. */
function storeOf(log: TicketLog): TicketStore {
  return {
    open: (token) => log.begin(token),
    append: (token, number, drawn) => log.append({ ...token, ...drawn, number }),
  };
}

/** A print that lasts until it is let go. */
function pausable() {
  let letGo = (): void => undefined;
  const paused = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let begin = (): void => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  return {
    begun,
    letGo,
    print: () => {
      begin();
      return paused;
    },
  };
}

const atOnce = (): Promise<void> => Promise.resolve();

describe('TicketDesk', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'herald-ticket-desk-'));
    path = join(folder, 'tickets.log');
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  /** The old leader stops while it prints, the new one sells, and the old one goes on. */
  async function writeLate(
    log: TicketLog,
  ): Promise<{ readonly late: PromiseSettledResult<unknown> }> {
    const { begun, letGo, print } = pausable();
    const old = new TicketDesk(storeOf(log), print).sell(first, request('before'));
    await begun;
    await new TicketDesk(storeOf(log), atOnce).sell(second, request('after'));
    letGo();
    const [late] = await Promise.allSettled([old]);
    return { late };
  }

  it('P8: a leader that was stopped before it wrote writes nothing', async () => {
    await using log = await TicketLog.open(path);
    const { late } = await writeLate(log);
    assert.equal(late.status, 'rejected');
    assert.deepEqual(
      (await readTickets(path)).map(({ number, requestId }) => [number, requestId]),
      [[1, 'after']],
    );
  });

  it('P8: without the fence it sells the same number once more', async () => {
    await using log = await TicketLog.open(path, { isFenced: false });
    const { late } = await writeLate(log);
    assert.equal(late.status, 'fulfilled');
    assert.deepEqual(
      (await readTickets(path)).map(({ number, requestId }) => [number, requestId]),
      [
        [1, 'after'],
        [1, 'before'],
      ],
    );
  });

  it('gives each number once, and goes on from the last of the leader before', async () => {
    await using log = await TicketLog.open(path);
    const desks = [first, second].map((token) => ({
      token,
      desk: new TicketDesk(storeOf(log), atOnce),
    }));
    for (const { token, desk } of desks) {
      const drawn = ['a', 'b', 'c'].map((name) =>
        desk.sell(token, request(`${name}${String(token.epoch)}`)),
      );
      await Promise.all(drawn);
    }
    const numbers = (await readTickets(path)).map(({ number }) => number);
    assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6]);
  });

  it('never uses a number again whose write came to an unknown end', async () => {
    await using log = await TicketLog.open(path);
    const isLost = (number: number): boolean => number === 2;
    const store: TicketStore = {
      ...storeOf(log),
      append: (token, number, drawn) =>
        isLost(number)
          ? Promise.reject(new Error('no answer'))
          : log.append({ ...token, ...drawn, number }),
    };
    const desk = new TicketDesk(store, atOnce);
    await desk.sell(first, request('a'));
    await assert.rejects(desk.sell(first, request('b')));
    assert.equal((await desk.sell(first, request('b'))).number, 3);
  });

  it('asks again for the last number when the store did not answer', async () => {
    await using log = await TicketLog.open(path);
    let asked = 0;
    const store: TicketStore = {
      ...storeOf(log),
      open: (token: FencingToken) =>
        ++asked === 1 ? Promise.reject(new Error('no answer')) : log.begin(token),
    };
    const desk = new TicketDesk(store, atOnce);
    await assert.rejects(desk.sell(first, request('a')));
    assert.equal((await desk.sell(first, request('a'))).number, 1);
    await desk.sell(first, request('b'));
    assert.equal(asked, 2);
  });
});
