/** What a valid name and address is, and that a refusal names the field and the rule. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { InvalidValueError } from './errors.ts';
import { parseAddress, parseClusterName, parseElectionName, parseNodeId } from './ids.ts';
import { limits } from './limits.ts';

const namings = [
  { field: 'cluster name', parse: parseClusterName },
  { field: 'election name', parse: parseElectionName },
  { field: 'node id', parse: parseNodeId },
];

function refused(field: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof InvalidValueError &&
    error.field === field &&
    error.message.startsWith(`${field}: must`);
}

for (const { field, parse } of namings) {
  describe(field, () => {
    for (const text of [
      'a',
      '7',
      'payments',
      'eu-1.payments_v2',
      'x'.repeat(limits.nameBytesMax),
    ]) {
      it(`takes ${text.slice(0, 20)} (${text.length})`, () => {
        assert.equal(parse(text), text);
      });
    }
    const bad = [
      '',
      ' ',
      '-a',
      '.a',
      '_a',
      'a b',
      'a/b',
      'ä',
      'a\n',
      'x'.repeat(limits.nameBytesMax + 1),
    ];
    for (const text of bad) {
      it(`refuses ${JSON.stringify(text.slice(0, 20))} (${text.length})`, () => {
        assert.throws(() => parse(text), refused(field));
      });
    }
  });
}

describe('address', () => {
  const longest = `${'h'.repeat(limits.addressBytesMax - ':65535'.length)}:65535`;
  const good = [
    'localhost:1',
    '127.0.0.1:65535',
    'node-1.example.com:7400',
    'node-1.example.com.:7400',
    'my_service:80',
    '[::1]:7400',
    '[2001:db8::7]:7400',
    '[fe80::1%eth0]:7400',
    '[::ffff:192.0.2.1]:7400',
    longest,
  ];
  for (const text of good) {
    it(`takes ${text.slice(0, 40)}`, () => {
      assert.equal(parseAddress(text), text);
    });
  }
  const bad = [
    '',
    'localhost',
    ':7400',
    'localhost:',
    'localhost:0',
    'localhost:65536',
    'localhost:007400',
    'localhost:7e3',
    'localhost:-1',
    'localhost: 80',
    'http://localhost:80',
    '::1:7400',
    '[::1]',
    '[::1:7400',
    'a b:80',
    '-host:80',
    `h${longest}`,
  ];
  for (const text of bad) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.throws(() => parseAddress(text, 'seed'), refused('seed'));
    });
  }

  it('quotes only the beginning of a long text', () => {
    assert.throws(
      () => parseNodeId(`!${'x'.repeat(100)}`),
      (error) => error instanceof InvalidValueError && error.message.length < 200,
    );
  });
});
