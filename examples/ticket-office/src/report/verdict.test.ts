/** The verdict must find each promise broken that was broken, and none other. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FailedDraw, Purchase } from '../protocol/messages.ts';
import type { SoldTicket } from '../store/ticket-log.ts';
import { byCause, judge } from './verdict.ts';
import type { Evidence } from './verdict.ts';

const patientMs = 8_000;

function ticket(number: number, epoch: bigint, requestId = `r${String(number)}`): SoldTicket {
  return { number, lineage: 0, epoch, requestId, customer: 'ann' };
}

function purchase(number: number, requestId = `r${String(number)}`): Purchase {
  const times = { timeoutMs: patientMs, startMs: 0, endMs: 30 };
  return { customer: 'ann', requestId, number, lineage: 0, epoch: '5', address: 'x:1', ...times };
}

const failure: FailedDraw = {
  customer: 'bob',
  requestId: 'bob/1',
  timeoutMs: 1_000,
  startMs: 0,
  endMs: 1_000,
  code: 'NO_LEADER',
  message: 'nobody leads',
};

const recovery = {
  cause: 'kill',
  replicaId: 'replica-1',
  address: 'x:1',
  epoch: 5n,
  struckMs: 0,
  nextEpoch: 9n,
  unservedMs: 3_000,
} as const;

const sound: Evidence = {
  tickets: [ticket(1, 5n), ticket(2, 5n), ticket(3, 9n)],
  purchases: [purchase(1), purchase(2)],
  failures: [failure],
  recoveries: [recovery],
  patientMs,
};

function broken(change: Partial<Evidence>): readonly string[] {
  return judge({ ...sound, ...change })
    .filter(({ held }) => !held)
    .map(({ promise, seen }) => `${promise}: ${seen}`);
}

describe('the verdict', () => {
  it('holds for a sound run, with tickets that nobody claimed and gaps between numbers', () => {
    assert.deepEqual(broken({}), []);
    assert.deepEqual(broken({ tickets: [...sound.tickets, ticket(17, 9n)] }), []);
  });

  const cases: readonly [string, Partial<Evidence>, readonly RegExp[]][] = [
    [
      'a number that was sold twice',
      { tickets: [...sound.tickets, ticket(2, 9n, 'other')] },
      [/^no number sold twice: number 2 under epoch 5 .* epoch 9 to ann$/],
    ],
    [
      'a request that was sold twice',
      { tickets: [...sound.tickets, ticket(4, 9n, 'r1')] },
      [/^no request sold twice: request r1 was sold 1 and 4/, /^nothing lost: number 1/],
    ],
    [
      'a ticket in hand that is not in the log',
      { purchases: [purchase(1), purchase(2), purchase(8)] },
      [/^nothing lost: number 8 of request r8$/],
    ],
    [
      'a ticket in hand with another number than in the log',
      { purchases: [purchase(8, 'r1'), purchase(2)] },
      [/^nothing lost: number 8 of request r1$/],
    ],
    [
      'a leader that wrote after its successor',
      { tickets: [...sound.tickets, ticket(4, 5n)] },
      [/^no leader wrote late: epoch 5 wrote after epoch 9$/],
    ],
    [
      'a patient customer without a ticket',
      { failures: [{ ...failure, timeoutMs: patientMs }] },
      [/^the patient are served: bob: NO_LEADER: nobody leads$/],
    ],
    ['a run in which nobody was patient', { purchases: [] }, [/^the patient are served: 0 draws/]],
    [
      'a failure of no known kind',
      { failures: [{ ...failure, code: undefined }] },
      [/^failures are typed: bob: nobody leads$/],
    ],
    ['a run in which no leader fell', { recoveries: [] }, [/^each fall is survived: none fell/]],
  ];
  for (const [what, change, expected] of cases) {
    it(`finds ${what}`, () => {
      const found = broken(change);
      assert.equal(found.length, expected.length, found.join('\n'));
      expected.forEach((pattern, index) => {
        assert.match(found[index] ?? '', pattern);
      });
    });
  }

  it('names a few of many', () => {
    const twice = [1, 2, 3, 4, 5].map((number) => ticket(number, 9n, `again ${String(number)}`));
    const tickets = [1, 2, 3, 4, 5].map((number) => ticket(number, 9n));
    const [found = ''] = broken({ tickets: [...tickets, ...twice] });
    assert.match(found, /; and 2 more$/);
  });

  it('sums up by cause', () => {
    const slower = { ...recovery, unservedMs: 4_000 };
    const other = { ...recovery, cause: 'pause', unservedMs: 10 } as const;
    assert.deepEqual(byCause([recovery, slower, other]), {
      kill: { strikes: 2, medianMs: 3_000, maxMs: 4_000 },
      pause: { strikes: 1, medianMs: 10, maxMs: 10 },
    });
  });
});
