import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProcessOptions } from '@herald/process';
import { checkElectorOptions, electionsOf, electorOptionTable } from './options.ts';

const required = ['--insecure', '--id', 'a', '--cluster', 'test', '--election', 'payments'];

function parse(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return parseProcessOptions({
    name: 'herald-elector',
    summary: '',
    version: '0',
    options: electorOptionTable,
    check: checkElectorOptions,
    ...{ argv, env },
  });
}

test('what is not said has a default', () => {
  const outcome = parse(required);
  assert.ok(outcome.kind === 'options');
  const { options } = outcome;
  assert.equal(options.ttlMs, 3_000);
  assert.equal(options.prefix, 'herald/elections');
  assert.deepEqual(options.etcd, ['http://127.0.0.1:2379']);
  assert.deepEqual(options.listen, { host: '0.0.0.0', port: 7400 });
  assert.equal(options.opsListen, undefined);
  assert.deepEqual(electionsOf(options), [{ name: 'payments', metadata: {} }]);
});

test('each election can have an address of its own', () => {
  const outcome = parse([
    ...required,
    ...['--election', 'reports=[::1]:5', '--address', '10.0.0.1:9', '--metadata', 'zone=x'],
  ]);
  assert.ok(outcome.kind === 'options');
  assert.deepEqual(electionsOf(outcome.options), [
    { name: 'payments', address: '10.0.0.1:9', metadata: { zone: 'x' } },
    { name: 'reports', address: '[::1]:5', metadata: { zone: 'x' } },
  ]);
});

const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['an unknown flag', [...required, '--electoin', 'x'], /--electoin: .* did you mean --election\?/],
  ['a missing id', ['--cluster', 'test', '--election', 'e'], /--id: is required/],
  ['a missing election', ['--id', 'a', '--cluster', 'test'], /--election: is required/],
  ['a wrong cluster name', [...required, '--cluster', 'no name'], /--cluster: must start with/],
  ['a TTL of 0', [...required, '--ttl', '0'], /--ttl: must be at least 1s, got 0/],
  ['a TTL of 2.5 seconds', [...required, '--ttl', '2500ms'], /--ttl: must be whole seconds/],
  ['a TTL without a unit', [...required, '--ttl', '3'], /--ttl: must be a duration/],
  ['a bad address', [...required, '--address', 'here'], /--address: must be host:port/],
  [
    'a bad address of one election',
    [...required, '--election', 'e=x'],
    /--election: must be host:/,
  ],
  [
    'an election twice',
    [...required, '--election', 'payments'],
    /--election: names payments twice/,
  ],
  ['a bad etcd URL', [...required, '--etcd', 'localhost:2379'], /--etcd: must be a URL/],
  ['a bad prefix', [...required, '--prefix', '/x/'], /--prefix: must be 1 to 256/],
  ['bad metadata', [...required, '--metadata', 'zone'], /--metadata: must be key=value/],
  [
    'too much metadata',
    [...required, '--metadata', `a=${'x'.repeat(5_000)}`],
    /--metadata: address and metadata must fit/,
  ],
  [
    'one port for two servers',
    [...required, '--listen', '0.0.0.0:7000', '--ops-listen', '0.0.0.0:7000'],
    /--ops-listen: must differ from the port of --listen/,
  ],
  [
    'an address that others could not reach',
    [...required, '--join', '10.0.0.1:7400'],
    /--advertise: is required, since --listen 0\.0\.0\.0:7400 does not say/,
  ],
];
for (const [what, argv, message] of refused) {
  test(`${what} is refused, with the field`, () => {
    const outcome = parse(argv);
    assert.ok(outcome.kind === 'refused');
    assert.equal(outcome.exitCode, 2);
    assert.match(outcome.text, message);
  });
}

test('a wildcard is address enough where all are on this machine, or one is given', () => {
  assert.equal(parse([...required, '--join', '127.0.0.1:7401']).kind, 'options');
  const elsewhere = ['--join', '10.0.0.1:7400', '--advertise', '10.0.0.7:7400'];
  assert.equal(parse([...required, ...elsewhere]).kind, 'options');
});

test('a variable that is wrong is told by its name', () => {
  const outcome = parse(required, { HERALD_TTL: '0s' });
  assert.ok(outcome.kind === 'refused');
  assert.match(outcome.text, /HERALD_TTL: must be at least 1s, got 0s/);
});
