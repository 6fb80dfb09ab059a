import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseNodeId } from '@herald/core';
import type { NodeId } from '@herald/core';
import { parseProcessOptions } from './option-parser.ts';
import type { Environment } from './option-parser.ts';
import {
  durationMs,
  httpEndpoint,
  keyValues,
  listOf,
  onOff,
  parsedBy,
  text,
  wholeNumber,
} from './option-schemas.ts';
import { defineOptions } from './option-table.ts';
import type { ParsedOptions } from './option-table.ts';

const table = defineOptions({
  nodeId: {
    flag: '--node-id <id>',
    env: 'HERALD_NODE_ID',
    schema: parsedBy(parseNodeId),
    description: 'Stable name of this node',
  },
  ttlMs: {
    flag: '--ttl <duration>',
    env: 'HERALD_TTL',
    schema: durationMs({ minMs: 1_000, maxMs: 60_000 }),
    default: '3s',
    description: 'How long a lease lives without a renewal',
  },
  endpoints: {
    flag: '--etcd-endpoint <url>',
    env: 'HERALD_ETCD_ENDPOINTS',
    schema: listOf(httpEndpoint(), { min: 1, max: 3 }),
    repeatable: true,
    default: ['http://127.0.0.1:2379'],
    description: 'Where etcd answers',
  },
  elections: {
    flag: '--election <name>',
    env: 'HERALD_ELECTIONS',
    schema: listOf(text(), { min: 1 }),
    repeatable: true,
    description: 'Elections to stand in',
  },
  metadata: {
    flag: '--metadata <key=value>',
    schema: keyValues({ max: 2 }),
    repeatable: true,
    description: 'Facts for clients',
  },
  password: {
    flag: '--etcd-password <text>',
    env: 'HERALD_ETCD_PASSWORD',
    schema: parsedBy((given) => {
      if (given.length < 8) throw new Error(`must be longer than ${given}`);
      return given;
    }),
    secret: true,
    optional: true,
    description: 'Password for etcd',
  },
  once: {
    flag: '--once',
    env: 'HERALD_ONCE',
    schema: onOff(),
    description: 'End after the demonstration',
  },
  portBase: {
    flag: '--port-base <port>',
    schema: wholeNumber({ min: 1_024, max: 60_000 }),
    optional: true,
    description: 'First port',
  },
});

const required = ['--node-id', 'n1', '--election', 'payments'];

function parse(argv: readonly string[], env: Environment = {}) {
  return parseProcessOptions({
    name: 'herald-sample',
    summary: 'A sample.',
    version: '0.1.0',
    options: table,
    argv,
    env,
  });
}

function accept(argv: readonly string[], env: Environment = {}): ParsedOptions<typeof table> {
  const outcome = parse([...required, ...argv], env);
  assert.ok(outcome.kind === 'options', 'text' in outcome ? outcome.text : '');
  return outcome.options;
}

/** The problems as the operator reads them. */
function refuse(argv: readonly string[], env: Environment = {}): string[] {
  const outcome = parse(argv, env);
  assert.ok(outcome.kind === 'refused', 'should have been refused');
  assert.equal(outcome.exitCode, 2);
  const lines = outcome.problems.map(({ field, message }) => `${field}: ${message}`);
  for (const line of lines) assert.ok(outcome.text.includes(`  ${line}\n`));
  return lines;
}

describe('values', () => {
  test('come from defaults, with the types of the table', () => {
    const options = accept([]);
    // The compiler checks these types: each is the output of its schema.
    const nodeId: NodeId = options.nodeId;
    const portBase: number | undefined = options.portBase;
    const metadata: Readonly<Record<string, string>> = options.metadata;
    const once: boolean = options.once;
    assert.deepEqual(
      { ...options, nodeId, portBase, metadata, once },
      {
        nodeId: 'n1',
        ttlMs: 3_000,
        endpoints: ['http://127.0.0.1:2379'],
        elections: ['payments'],
        metadata: {},
        password: undefined,
        once: false,
        portBase: undefined,
      },
    );
  });

  test('a variable beats the default, a flag beats the variable', () => {
    assert.equal(accept([], { HERALD_TTL: '5s' }).ttlMs, 5_000);
    assert.equal(accept(['--ttl', '7s'], { HERALD_TTL: '5s' }).ttlMs, 7_000);
    assert.equal(accept(['--ttl=7s'], { HERALD_TTL: 'nonsense' }).ttlMs, 7_000);
  });

  test('an empty variable is not set', () => {
    assert.equal(accept([], { HERALD_TTL: '', HERALD_ETCD_ENDPOINTS: '  ' }).ttlMs, 3_000);
  });

  test('the last of several flags wins, unless the option is repeatable', () => {
    assert.equal(accept(['--ttl', '7s', '--ttl', '9s']).ttlMs, 9_000);
    assert.deepEqual(accept(['--election', 'orders']).elections, ['payments', 'orders']);
  });

  test('a list in a variable has commas; flags replace it as a whole', () => {
    const env = { HERALD_ETCD_ENDPOINTS: 'http://a:1, https://b:2,' };
    assert.deepEqual(accept([], env).endpoints, ['http://a:1', 'https://b:2']);
    assert.deepEqual(accept(['--etcd-endpoint', 'http://c:3'], env).endpoints, ['http://c:3']);
  });

  test('a switch is turned on by flag or variable, and off by --no-', () => {
    assert.equal(accept(['--once']).once, true);
    assert.equal(accept([], { HERALD_ONCE: 'yes' }).once, true);
    assert.equal(accept(['--no-once'], { HERALD_ONCE: 'true' }).once, false);
    assert.equal(accept(['--no-once', '--once']).once, true);
  });

  test('key=value pairs become a record', () => {
    const options = accept(['--metadata', 'zone=a', '--metadata', 'query=a=b']);
    assert.deepEqual(options.metadata, { zone: 'a', query: 'a=b' });
  });
});

describe('problems', () => {
  test('are all reported, each under the name that the user wrote', () => {
    assert.deepEqual(
      refuse(['--ttl', '0s', '--port-base', '80', '--tll=5s'], {
        HERALD_ELECTIONS: 'a',
        HERALD_ONCE: 'maybe',
        HERALD_ETCD_ENDPOINTS: 'http://a:1,b:2',
      }),
      [
        '--tll: is not a known flag; did you mean --ttl?',
        '--node-id: is required; give --node-id <id> or set HERALD_NODE_ID',
        '--ttl: must be at least 1s, got 0s',
        'HERALD_ETCD_ENDPOINTS: must be a URL such as http://127.0.0.1:2379 or https://etcd-1:2379, got b:2',
        'HERALD_ONCE: must be true or false, got maybe',
        '--port-base: must be a whole number from 1024 to 60000, got 80',
      ],
    );
  });

  test('name every way to give what is missing', () => {
    assert.deepEqual(refuse(['--node-id', 'n1']), [
      '--election: is required; give --election <name> or set HERALD_ELECTIONS',
    ]);
  });

  test("pass on the domain's own rule, without repeating the value", () => {
    assert.deepEqual(refuse(['--election', 'a', '--node-id', '-x']), [
      '-x: is not a known flag; --help lists the known ones',
      '--node-id: needs a value, as in --node-id <id>',
    ]);
    assert.deepEqual(refuse(['--election', 'a', '--node-id', 'a b']), [
      '--node-id: must start with a letter or digit and hold only letters, digits, ".", "_" and "-", got "a b"',
    ]);
  });

  test('a value that is missing, empty or forgotten before the next flag', () => {
    assert.deepEqual(refuse([...required, '--ttl', '--once']), [
      '--ttl: needs a value, as in --ttl <duration>',
    ]);
    assert.deepEqual(refuse([...required, '--ttl']), [
      '--ttl: needs a value, as in --ttl <duration>',
    ]);
    assert.deepEqual(refuse([...required, '--ttl=']), [
      '--ttl: must be a duration such as 500ms, 3s, 1m or 1h, got ""',
    ]);
  });

  test('unknown flags: with the nearest known one, with their value taken along', () => {
    assert.deepEqual(refuse([...required, '--elektion', 'x', '--frobnicate=1', '-q']), [
      '--elektion: is not a known flag; did you mean --election?',
      '--frobnicate: is not a known flag; --help lists the known ones',
      '-q: is not a known flag; --help lists the known ones',
    ]);
    assert.deepEqual(refuse([...required, '-ttl', '5s']), [
      '-ttl: is not a known flag; did you mean --ttl?',
    ]);
  });

  test('words that no option takes, and a value for a switch', () => {
    assert.deepEqual(refuse([...required, 'now', '--once=true', '--', 'x y']), [
      'now: is not expected here; options start with --',
      '--once: is a switch and takes no value; write --once or --no-once',
      '"x y": is not expected here; options start with --',
    ]);
  });

  test('lists: which element, too many, the same key twice', () => {
    const endpoints = ['1', '2', '3', '4'].flatMap((n) => ['--etcd-endpoint', `http://a:${n}`]);
    assert.deepEqual(refuse([...required, ...endpoints]), [
      '--etcd-endpoint: must be given at most 3 times',
    ]);
    assert.deepEqual(refuse([...required, '--metadata', 'a=1', '--metadata', 'a=2']), [
      '--metadata: names the key "a" a second time, got a=2',
    ]);
    assert.deepEqual(refuse([...required, '--metadata', 'zone']), [
      '--metadata: must be key=value, got zone',
    ]);
  });

  test('never repeat a secret, and no password within a URL', () => {
    assert.deepEqual(refuse(required, { HERALD_ETCD_PASSWORD: 'hunter2' }), [
      'HERALD_ETCD_PASSWORD: is not valid',
    ]);
    assert.deepEqual(refuse([...required, '--etcd-passwort=hunter2']), [
      '--etcd-passwort: is not a known flag; did you mean --etcd-password?',
    ]);
    assert.deepEqual(refuse([...required, '--etcd-endpoint', 'http://root:hunter2@etcd:1']), [
      '--etcd-endpoint: must not hold a user name or password, got http://…@etcd:1',
    ]);
  });

  test('long and strange values are cut and quoted', () => {
    const [line = ''] = refuse([...required, '--ttl', `\u0007${'x'.repeat(1_000)}`]);
    assert.ok(line.includes('got "\\u0007xxx'), line);
    assert.ok(line.length < 200, line);
  });

  test('a default that breaks its own rule is reported as such', () => {
    const outcome = parseProcessOptions({
      name: 'p',
      summary: '',
      version: '1',
      options: {
        nodeId: {
          flag: '--node-id <id>',
          schema: parsedBy(parseNodeId),
          default: '?',
          description: '',
        },
      },
      argv: [],
      env: {},
    });
    assert.ok(outcome.kind === 'refused');
    assert.match(outcome.text, /--node-id: must start .* got "\?" \(the default\)/);
  });

  test('rules between options are asked when each by itself is valid', () => {
    const request = {
      name: 'p',
      summary: '',
      version: '1',
      options: defineOptions({
        low: { flag: '--low <n>', schema: wholeNumber(), default: '1', description: '' },
        high: { flag: '--high <n>', schema: wholeNumber(), default: '2', description: '' },
      }),
      check: ({ low, high }: { readonly low: number; readonly high: number }) =>
        low <= high ? [] : [{ field: '--low', message: `must be at most --high, got ${low}` }],
      env: {},
    };
    const refused = parseProcessOptions({ ...request, argv: ['--low', '3'] });
    assert.ok(refused.kind === 'refused');
    assert.deepEqual(refused.problems, [
      { field: '--low', message: 'must be at most --high, got 3' },
    ]);
    assert.equal(parseProcessOptions({ ...request, argv: ['--low', '2'] }).kind, 'options');
    const other = parseProcessOptions({ ...request, argv: ['--low', '3', '--high', 'x'] });
    assert.ok(other.kind === 'refused');
    assert.deepEqual(
      other.problems.map(({ field }) => field),
      ['--high'],
    );
  });
});

test('unknown variables with the prefix of Herald are warnings', () => {
  const outcome = parse(required, { HERALD_TLL: '1', HERALD_ELSEWHERE: '1', PATH: '/' });
  assert.ok(outcome.kind === 'options');
  assert.deepEqual(outcome.warnings, [
    'HERALD_TLL is not a variable of herald-sample; did you mean HERALD_TTL?',
    'HERALD_ELSEWHERE is not a variable of herald-sample; it is ignored',
  ]);
});

test('--help and --version win over problems', () => {
  for (const flag of ['--help', '-h']) {
    const outcome = parse(['--ttl', 'x', flag]);
    assert.ok(outcome.kind === 'help');
    assert.equal(outcome.exitCode, 0);
    assert.match(outcome.text, /^Usage: herald-sample \[options\]\n/);
  }
  const outcome = parse(['--version']);
  assert.ok(outcome.kind === 'help');
  assert.equal(outcome.text, 'herald-sample 0.1.0\n');
});

test('a table that names a flag or variable twice is an assertion failure', () => {
  const entry = { flag: '--a <n>', schema: text(), description: '' } as const;
  assert.throws(
    () =>
      parseProcessOptions({
        name: 'p',
        summary: '',
        version: '1',
        options: { first: entry, second: entry },
        argv: [],
        env: {},
      }),
    /two options are called --a/,
  );
});
