import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeOf, parseElectorLogLine } from './elector-log.ts';

const line = (fields: object) =>
  JSON.stringify({ level: 'info', name: 'herald-elector', ...fields });

test('a published record is told by its change, not by its renewal', () => {
  const event = parseElectorLogLine(
    line({
      msg: 'leader record published',
      election: 'demo',
      version: '0.17.19.4',
      epoch: '17',
      leaderId: 'elector-2',
      kind: 'leader',
      monotonicMs: 12.5,
    }),
  );
  assert.deepEqual(event, {
    kind: 'published',
    election: 'demo',
    change: '0.17.19',
    epoch: 17n,
    claim: 'leader',
    leaderId: 'elector-2',
    monotonicMs: 12.5,
  });
});

test('an epoch beyond the safe integers is kept exactly', () => {
  const event = parseElectorLogLine(
    line({
      msg: 'leadership started',
      election: 'demo',
      epoch: '9007199254740993',
      monotonicMs: 1,
    }),
  );
  assert.equal(event?.kind === 'leadership-started' && event.epoch, 9007199254740993n);
});

test('leadership ends when it is said, but not after its own deadline', () => {
  const ended = { msg: 'leadership ended', election: 'demo', epoch: '5', reason: 'asked' };
  const endOf = (times: object) => parseElectorLogLine(line({ ...ended, ...times }));
  const event = { kind: 'leadership-ended', election: 'demo', epoch: 5n, reason: 'asked' };
  assert.deepEqual(endOf({ monotonicMs: 20, leaderUntilMs: 90 }), { ...event, monotonicMs: 20 });
  assert.deepEqual(endOf({ monotonicMs: 500, leaderUntilMs: 90 }), { ...event, monotonicMs: 90 });
});

test('an elector is ready with its address', () => {
  const fields = { msg: 'elector ready', electorId: 'elector-1', address: '127.0.0.1:7' };
  const event = { kind: 'ready', electorId: 'elector-1', address: '127.0.0.1:7' };
  assert.deepEqual(parseElectorLogLine(line(fields)), event);
});

test('every other line is no event', () => {
  const others = [
    '',
    'plain text',
    '{"msg":"leadership star',
    'null',
    '{}',
    line({ msg: 'starting' }),
    line({ msg: 'leadership started', election: 'demo', epoch: 'x', monotonicMs: 1 }),
    line({ msg: 'leadership started', election: 'demo', epoch: '1' }),
    line({ msg: 'elector ready', electorId: 'elector-1' }),
    line({
      msg: 'leader record published',
      election: 'd',
      version: '1',
      epoch: '1',
      kind: 'leader',
      monotonicMs: 1,
    }),
    line({
      msg: 'leader record published',
      election: 'd',
      version: '0.1.1.0',
      epoch: '1',
      kind: 'king',
      monotonicMs: 1,
    }),
  ];
  for (const other of others) assert.equal(parseElectorLogLine(other), undefined, other);
  assert.equal(changeOf('1.2.3'), undefined);
});
