import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processLimits } from './limits.ts';
import { createLogger } from './logger.ts';
import type { Logger, LogLevel } from './logger.ts';

type Line = Record<string, unknown>;

/** A logger, and the lines that it wrote. */
function memoryLogger(level: LogLevel = 'info'): {
  readonly logger: Logger;
  readonly lines: Line[];
} {
  const lines: Line[] = [];
  const destination = {
    write: (line: string) => {
      assert.ok(line.endsWith('\n'));
      lines.push(JSON.parse(line) as Line);
    },
  };
  return { logger: createLogger({ name: 'sample', level, destination }), lines };
}

function logged(fields: object): Line {
  const { logger, lines } = memoryLogger();
  logger.info(fields, 'said');
  assert.equal(lines.length, 1);
  return lines[0] ?? {};
}

test('a line has a word for its level, an ISO time, the name and the pid', () => {
  const line = logged({ epoch: 1 });
  assert.equal(line['level'], 'info');
  assert.equal(line['name'], 'sample');
  assert.equal(line['pid'], process.pid);
  assert.equal(line['msg'], 'said');
  assert.equal(new Date(String(line['time'])).toISOString(), line['time']);
});

test('lines below the level are left out', () => {
  const { logger, lines } = memoryLogger('warn');
  logger.info('no');
  logger.warn('yes');
  assert.deepEqual(
    lines.map((line) => line['msg']),
    ['yes'],
  );
});

test('bigints are exact text at any depth, and in the bindings of children', () => {
  const epoch = 9_007_199_254_740_993n;
  const line = logged({
    epoch,
    version: { epoch, seen: [epoch] },
    byName: new Map([['a', epoch]]),
  });
  assert.equal(line['epoch'], '9007199254740993');
  assert.deepEqual(line['version'], { epoch: '9007199254740993', seen: ['9007199254740993'] });
  assert.deepEqual(line['byName'], { a: '9007199254740993' });

  const { logger, lines } = memoryLogger();
  logger.child({ epoch }).child({ token: 'x', sequence: 2n }).info('said');
  assert.equal(lines[0]?.['epoch'], '9007199254740993');
  assert.equal(lines[0]['sequence'], '2');
  assert.equal(lines[0]['token'], '[hidden]');
});

test('errors keep type, code, stack and their chain of causes', () => {
  const cause = Object.assign(new TypeError('inner'), { code: 'E_INNER', epoch: 5n });
  const { logger, lines } = memoryLogger();
  logger.error(new Error('outer', { cause }));
  const error = lines[0]?.['err'] as Line;
  assert.equal(lines[0]?.['msg'], 'outer');
  assert.equal(error['type'], 'Error');
  assert.match(String(error['stack']), /logger\.test/);
  const inner = error['cause'] as Line;
  assert.deepEqual(
    { type: inner['type'], message: inner['message'], code: inner['code'], epoch: inner['epoch'] },
    { type: 'TypeError', message: 'inner', code: 'E_INNER', epoch: '5' },
  );
  const aggregate = logged({ problem: new AggregateError([new Error('one')], 'all') });
  const [one] = (aggregate['problem'] as { errors: Line[] }).errors;
  assert.equal(one?.['message'], 'one');
});

test('secrets are hidden by their key, at any depth and however the key is written', () => {
  const secret = 'hunter2';
  const line = logged({
    password: secret,
    etcdPassword: secret,
    tls: [{ privateKey: Buffer.from(secret), private_key: secret, 'PRIVATE-KEY': secret }],
    headers: { Authorization: secret, 'set-cookie': [secret] },
    error: Object.assign(new Error('x'), { token: secret }),
    keys: new Map([['apiKey', secret]]),
  });
  assert.ok(!JSON.stringify(line).includes(secret), JSON.stringify(line));
  assert.equal(line['etcdPassword'], '[hidden]');
});

test('what is no secret stays: fencing tokens are numbers, flags are facts', () => {
  const line = logged({ fencingToken: 17n, hasPassword: true, tokens: 3, publicKeyId: 'k1' });
  assert.deepEqual(
    [line['fencingToken'], line['hasPassword'], line['tokens'], line['publicKeyId']],
    ['17', true, 3, 'k1'],
  );
});

test('bytes, circles, depth, breadth and length are bounded', () => {
  const circle: Line = {};
  circle['self'] = circle;
  const line = logged({
    bytes: new Uint8Array(32),
    circle,
    wide: Array.from({ length: 1_000 }, (_, index) => index),
    keys: Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`k${index}`, index])),
    long: 'x'.repeat(100_000),
    at: new Date(0),
  });
  assert.equal(line['bytes'], '<32 bytes>');
  assert.equal((line['wide'] as unknown[]).length, processLimits.logItemsMax + 1);
  assert.equal(Object.keys(line['keys'] as object).length, processLimits.logItemsMax + 1);
  assert.equal((line['long'] as string).length, processLimits.logStringCharactersMax + 3);
  assert.equal(line['at'], '1970-01-01T00:00:00.000Z');
  assert.ok(JSON.stringify(line['circle']).length < 200);
});
