import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { z } from 'zod';
import { parseAddress } from '@herald/core';
import {
  durationMs,
  formatDurationMs,
  formatListenAddress,
  httpEndpoint,
  listenAddress,
  listOf,
  oneOf,
  onOff,
  parsedBy,
  port,
  text,
  wholeNumber,
} from './option-schemas.ts';

function read<T>(schema: z.ZodType<T, string>, given: string): T | string {
  const result = schema.safeParse(given);
  return result.success ? result.data : `! ${result.error.issues.map((i) => i.message).join('; ')}`;
}

/** The message that `given` is refused with. */
function refusal(schema: z.ZodType<unknown, string>, given: string): string {
  const answer = read(schema, given);
  assert.ok(typeof answer === 'string' && answer.startsWith('! '), `${given} was accepted`);
  return answer;
}

test('durations', () => {
  const schema = durationMs({});
  assert.equal(read(schema, '500ms'), 500);
  assert.equal(read(schema, '3s'), 3_000);
  assert.equal(read(schema, '1.5s'), 1_500);
  assert.equal(read(schema, '1m'), 60_000);
  assert.equal(read(schema, '1m30s'), 90_000);
  assert.equal(read(schema, '2h'), 7_200_000);
  assert.equal(read(schema, '0'), 0);
  for (const given of ['', '3', '-3s', 's', '3 s', '3sec', '1e3ms', 'Infinity', '3s ']) {
    assert.equal(read(schema, given), '! must be a duration such as 500ms, 3s, 1m or 1h', given);
  }
});

test('bounds of durations, in the unit that fits', () => {
  const schema = durationMs({ minMs: 1_500, maxMs: 120_000 });
  assert.equal(read(schema, '1500ms'), 1_500);
  assert.equal(read(schema, '0'), '! must be at least 1500ms');
  assert.equal(read(schema, '121s'), '! must be at most 2m');
  assert.deepEqual([0, 1, 999, 1_000, 90_000, 3_600_000].map(formatDurationMs), [
    '0s',
    '1ms',
    '999ms',
    '1s',
    '90s',
    '1h',
  ]);
});

test('whole numbers and ports', () => {
  assert.equal(read(wholeNumber(), '25'), 25);
  assert.equal(read(wholeNumber({ min: 0 }), '0'), 0);
  assert.equal(read(wholeNumber(), '0'), '! must be a whole number of 1 or more');
  for (const given of ['1.5', '-1', '1e3', '0x10', ' 1', '']) {
    assert.equal(read(wholeNumber({ max: 9 }), given), '! must be a whole number from 1 to 9');
  }
  assert.equal(read(port(), '65535'), 65_535);
  assert.equal(read(port(), '65536'), '! must be a whole number from 1 to 65535');
});

test('listen addresses', () => {
  const schema = listenAddress();
  assert.deepEqual(read(schema, '127.0.0.1:0'), { host: '127.0.0.1', port: 0 });
  assert.deepEqual(read(schema, 'localhost:7000'), { host: 'localhost', port: 7_000 });
  assert.deepEqual(read(schema, '[::1]:7000'), { host: '::1', port: 7_000 });
  assert.equal(formatListenAddress({ host: '::1', port: 7_000 }), '[::1]:7000');
  assert.equal(formatListenAddress({ host: '10.0.0.1', port: 1 }), '10.0.0.1:1');
  for (const given of ['', 'localhost', ':7000', '::1:7000', 'a:65536', 'a b:1', 'http://a:1']) {
    assert.match(refusal(schema, given), /^! must be host:port/, given);
  }
});

test('addresses of others, by the rule of the core', () => {
  assert.equal(read(parsedBy(parseAddress), 'node-1:7000'), 'node-1:7000');
  assert.match(refusal(parsedBy(parseAddress), 'node-1:0'), /^! must end in a port/);
});

test('HTTP endpoints', () => {
  assert.equal(read(httpEndpoint(), 'http://127.0.0.1:2379/'), 'http://127.0.0.1:2379');
  assert.equal(read(httpEndpoint(), 'https://[::1]:2379'), 'https://[::1]:2379');
  for (const given of ['127.0.0.1:2379', 'localhost:2379', 'ftp://a', 'http:a', 'http://', '']) {
    assert.match(refusal(httpEndpoint(), given), /^! must be a URL such as/, given);
  }
  assert.match(refusal(httpEndpoint(), 'http://u:p@a'), /^! must not hold a user name/);
  assert.match(refusal(httpEndpoint(), 'http://a/v3'), /^! must end after the port/);
});

test('words, switches, text', () => {
  const schema = oneOf(['elected', 'crash']);
  assert.equal(read(schema, 'crash'), 'crash');
  assert.equal(read(schema, 'Crash'), '! must be one of elected, crash');
  assert.equal(read(onOff(), 'TRUE'), true);
  assert.equal(read(onOff(), '0'), false);
  assert.equal(read(onOff(), 'constructor'), '! must be true or false');
  assert.equal(read(text(), ''), '! must not be empty');
});

test('lists have a bound even when the table gives none', () => {
  const result = listOf(text()).safeParse(Array.from({ length: 257 }, () => 'x'));
  assert.equal(result.error?.issues[0]?.message, 'must be given at most 256 times');
});
