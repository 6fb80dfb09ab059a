/** The store keeps what it acknowledged, sells a request once, and lets nobody write whose time is over. */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { compareTokens } from '@herald/elector';
import { readTickets, TicketLog } from './ticket-log.ts';

const first = { lineage: 0, epoch: 5n };
const second = { lineage: 0, epoch: 9n };

function ticket(number: number, requestId: string, token = first) {
  return { number, requestId, customer: 'somebody', ...token };
}

describe('TicketLog', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'herald-ticket-log-'));
    path = join(folder, 'tickets.log');
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('has on the disk what it acknowledged, in order', async () => {
    await using log = await TicketLog.open(path);
    await Promise.all([1, 2, 3].map((number) => log.append(ticket(number, `r${String(number)}`))));
    const numbers = (await readTickets(path)).map(({ number }) => number);
    assert.deepEqual(numbers, [1, 2, 3]);
  });

  it('sells a request once, also while its first write is under way, and by whomever', async () => {
    await using log = await TicketLog.open(path);
    const both = [log.append(ticket(1, 'same')), log.append(ticket(2, 'same'))];
    const later = log.append(ticket(3, 'same', second));
    for (const sold of [...(await Promise.all(both)), await later]) assert.equal(sold.number, 1);
    assert.equal((await readTickets(path)).length, 1);
  });

  it('refuses an earlier leadership from the moment a later one has begun', async () => {
    await using log = await TicketLog.open(path);
    assert.equal(await log.begin(first), 0);
    await log.append(ticket(1, 'in time'));
    const begun = log.begin(second);
    await assert.rejects(log.append(ticket(2, 'late')), { code: 'STALE_EPOCH' });
    assert.equal(await begun, 1);
    await assert.rejects(log.begin(first), { code: 'STALE_EPOCH' });
  });

  it('remembers its fence and its tickets, and forgets a line that was cut short', async () => {
    {
      await using log = await TicketLog.open(path);
      await log.append(ticket(1, 'kept'));
      await log.begin(second);
    }
    await appendFile(path, '{"kind":"sold","numb');
    await using log = await TicketLog.open(path);
    await assert.rejects(log.append(ticket(2, 'late')), { code: 'STALE_EPOCH' });
    assert.equal((await log.append(ticket(7, 'kept', second))).number, 1);
    assert.equal((await log.append(ticket(2, 'new', second))).number, 2);
    const text = await readFile(path, 'utf8');
    assert.ok(text.endsWith('\n') && !text.includes('"numb{'));
  });

  it('holds for any leaderships in any order: requests are sold once, epochs never fall', async () => {
    const write = fc.record({
      lineage: fc.nat(1),
      epoch: fc.bigInt(1n, 4n),
      number: fc.nat(9),
      request: fc.nat(9),
      begins: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 20 }), async (writes) => {
        await rm(path, { force: true });
        const acknowledged: [string, number][] = [];
        {
          await using log = await TicketLog.open(path);
          const all = writes.map(async ({ lineage, epoch, number, request, begins }) => {
            const token = { lineage, epoch };
            if (begins) return log.begin(token);
            const requestId = String(request);
            const sold = await log.append(ticket(number, requestId, token));
            return acknowledged.push([requestId, sold.number]);
          });
          await Promise.allSettled(all);
        }
        const tickets = await readTickets(path);
        const inLog = new Map(tickets.map(({ requestId, number }) => [requestId, number]));
        assert.equal(inLog.size, tickets.length);
        for (const [requestId, number] of acknowledged) {
          assert.equal(inLog.get(requestId), number);
        }
        tickets.slice(1).forEach((each, index) => {
          assert.ok(compareTokens(each, tickets[index] ?? each) >= 0);
        });
      }),
      { numRuns: 50 },
    );
  });
});
