import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProcessOptions } from '@herald/process';
import { checkNodeOptions, nodeIdOf, nodeOptionTable } from './options.ts';

function parse(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return parseProcessOptions({
    name: 'herald-gossip-node',
    summary: '',
    version: '0',
    options: nodeOptionTable,
    check: checkNodeOptions,
    argv,
    env: { HERALD_INSECURE: 'true', ...env },
  });
}

function accepted(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const outcome = parse(argv, env);
  if (outcome.kind !== 'options') throw new Error(outcome.text);
  return outcome.options;
}

function refused(argv: readonly string[]): readonly string[] {
  const outcome = parse(argv);
  if (outcome.kind !== 'refused') throw new Error(`expected a refusal, got ${outcome.kind}`);
  return outcome.problems.map(({ field, message }) => `${field}: ${message}`);
}

test('flags and variables say the same', () => {
  const byFlag = accepted(
    ['--cluster', 'prod', '--listen', '10.0.0.7:7410', '--join', '10.0.0.1:7400'].concat(
      '--join',
      '10.0.0.2:7400',
      '--fanout',
      '3',
    ),
  );
  const byVariable = accepted([], {
    HERALD_CLUSTER: 'prod',
    HERALD_LISTEN: '10.0.0.7:7410',
    HERALD_JOIN: '10.0.0.1:7400,10.0.0.2:7400',
    HERALD_FANOUT: '3',
  });
  assert.deepEqual(byFlag, byVariable);
  assert.deepEqual(byFlag.join, ['10.0.0.1:7400', '10.0.0.2:7400']);
  assert.deepEqual(byFlag.listen, { host: '10.0.0.7', port: 7410 });
});

test('what is wrong is named by its flag, all of it at once', () => {
  assert.deepEqual(refused([]), [
    '--cluster: is required; give --cluster <name> or set HERALD_CLUSTER',
  ]);
  const problems = refused(['--cluster', 'a b', '--join', 'nonsense', '--fanout', '1', '--bogus']);
  assert.deepEqual(problems.map((problem) => problem.split(':')[0]).sort(), [
    '--bogus',
    '--cluster',
    '--fanout',
    '--join',
  ]);
});

test('rules between options', () => {
  const base = ['--cluster', 'prod'];
  assert.match(
    refused([...base, '--listen', '127.0.0.1:7410', '--ops-listen', '127.0.0.1:7410'])[0] ?? '',
    /^--ops-listen: must differ/,
  );
  assert.match(refused([...base, '--listen', '127.0.0.1:0'])[0] ?? '', /^--id: is required/);
  // A wildcard says nothing to members on other machines; on the same machine there is loopback.
  assert.match(refused([...base, '--join', '10.0.0.1:7400'])[0] ?? '', /^--advertise: is required/);
  accepted([...base, '--join', '127.0.0.1:7400']);
  accepted([...base, '--join', '10.0.0.1:7400', '--advertise', '10.0.0.7:7410']);
});

test('the name is as given, or from host and port, and then the same at each start', () => {
  assert.equal(nodeIdOf(accepted(['--cluster', 'prod', '--id', 'node-7'])), 'node-7');
  const unnamed = accepted(['--cluster', 'prod', '--listen', '127.0.0.1:7411']);
  assert.match(nodeIdOf(unnamed), /^[A-Za-z0-9][A-Za-z0-9._-]*-7411$/);
  assert.equal(nodeIdOf(unnamed), nodeIdOf(unnamed));
});
