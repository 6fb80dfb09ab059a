import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProcessOptions } from './option-parser.ts';
import { durationMs, listOf, onOff, text } from './option-schemas.ts';

function help(): string {
  const outcome = parseProcessOptions({
    name: 'herald-sample',
    summary:
      'Stands in elections beside a service, and tells the gossip tier who leads, as long as its lease lives.',
    version: '0.1.0',
    examples: ['herald-sample --ttl 3s', 'HERALD_TTL=3s herald-sample'],
    options: {
      ttlMs: {
        flag: '--ttl <duration>',
        env: 'HERALD_TTL',
        schema: durationMs({ minMs: 1_000 }),
        default: '3s',
        description:
          'How long a lease lives without a renewal, and so how long a crash goes unseen',
        group: 'Election',
      },
      nodeId: { flag: '--node-id <id>', schema: text(), description: 'Stable name' },
      seeds: {
        flag: '--a-flag-with-a-rather-long-name <host:port>',
        env: 'HERALD_SEEDS',
        schema: listOf(text()),
        repeatable: true,
        default: ['a:1', 'b:2'],
        description: 'Members to dial first',
        group: 'Gossip',
      },
      password: {
        flag: '--password <text>',
        schema: text(),
        secret: true,
        default: 'hunter2',
        description: 'A secret with a default',
        group: 'Gossip',
      },
      once: { flag: '--once', env: 'HERALD_ONCE', schema: onOff(), description: 'End early' },
    },
    argv: ['--help'],
    env: {},
  });
  assert.ok(outcome.kind === 'help');
  return outcome.text;
}

/** One paragraph of the help, with its line breaks taken out. */
function section(heading: string): string {
  const paragraph = help()
    .split('\n\n')
    .find((each) => each.startsWith(heading));
  assert.ok(paragraph !== undefined, `no section ${heading}`);
  return paragraph.replace(/\s+/g, ' ');
}

test('fits 80 columns', () => {
  for (const line of help().split('\n')) assert.ok(line.length <= 80, line);
});

test('groups options, and says variable, default and need of each', () => {
  assert.equal(
    section('Election:'),
    'Election: --ttl <duration> How long a lease lives without a renewal, and so how long a crash goes unseen (HERALD_TTL, default 3s)',
  );
  assert.equal(
    section('Options:'),
    'Options: --node-id <id> Stable name (required) --once End early (HERALD_ONCE)',
  );
  assert.match(
    section('Gossip:'),
    /Members to dial first \(repeatable, HERALD_SEEDS, default a:1,b:2\)/,
  );
  assert.match(section('Help:'), /-h, --help .* -V, --version/);
});

test('keeps a secret default, and the hidden --no- forms, to itself', () => {
  assert.ok(!help().includes('hunter2'));
  assert.ok(!help().includes('--no-once'));
  assert.match(help(), /turned off by --no-<switch>/);
});

test('ends with examples, precedence and exit codes', () => {
  assert.match(section('Examples:'), /herald-sample --ttl 3s HERALD_TTL=3s herald-sample/);
  assert.match(section('A flag goes before its variable'), /a variable before the default/);
  for (const code of [0, 1, 2, 3]) assert.match(section('Exit codes:'), new RegExp(` ${code} `));
});
