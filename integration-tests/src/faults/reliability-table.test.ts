/** The table says what was measured, and touches nothing else in the document. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RowOutcome } from './fault-row.ts';
import { withTable } from './reliability-table.ts';

const circumstances = {
  machine: '2 cores, Node 20',
  date: '2026-01-31',
  ...{ electors: 3, nodes: 6, repeats: 3, ttlSeconds: 2 },
};

function outcome(recoveryMs: number, change: Partial<RowOutcome> = {}): RowOutcome {
  return {
    id: 'leader-killed',
    fault: 'the leader is killed',
    recoversFrom: 'fault',
    recoveryMs,
    broken: [],
    dualLeaderships: 0,
    versionsBackwards: 0,
    versionsSeen: 9,
    writes: 10,
    writesLost: 0,
    writesOvertaken: 0,
    longestGapMs: 5,
    errors: { EXPIRED: 1 },
    ...change,
  };
}

const document = [
  '# Before',
  '<!-- measured: npm run reliability -->',
  'old',
  '<!-- end of what was measured -->',
  'after',
].join('\n');

describe('the table of docs/RELIABILITY.md', () => {
  it('sums up the runs of a row: median and worst time, everything else added', () => {
    const runs = [
      outcome(2_000),
      outcome(9_000, { writesLost: 1, errors: { EXPIRED: 2, UNREACHABLE: 1 } }),
      outcome(1_000, { errors: {} }),
      outcome(500, { id: 'slow', fault: 'etcd is slow', recoversFrom: 'end', errors: {} }),
    ];
    const lines = withTable(document, runs, circumstances).split('\n');
    const cellsOf = (fault: string): string[] | undefined =>
      lines
        .find((line) => line.startsWith(`| ${fault}`))
        ?.split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
    assert.deepEqual(cellsOf('the leader is killed'), [
      ...['the leader is killed', '2.0 s, 9.0 s', '0', '0', '30, 1, 0'],
      'EXPIRED 3, UNREACHABLE 1',
    ]);
    assert.deepEqual(cellsOf('etcd is slow')?.slice(1, 2), ['0.5 s from its end']);
    assert.equal(cellsOf('etcd is slow')?.at(-1), 'none');
  });

  it('lies between its markers, however often it is written', () => {
    const once = withTable(document, [outcome(1_000)], circumstances);
    assert.match(once, /^# Before\n/);
    assert.match(once, /measured -->\nafter$/);
    assert.doesNotMatch(once, /old/);
    assert.match(once, /Measured on 2026-01-31: 2 cores, Node 20; 3 electors, 6 nodes/);
    assert.equal(withTable(once, [outcome(1_000)], circumstances), once);
    assert.throws(() => withTable('nothing', [], circumstances), /no <!-- measured/);
  });
});
