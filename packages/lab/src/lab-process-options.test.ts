import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProcessOptions } from '@herald/process';
import {
  checkLabOptions,
  labProcessOptions,
  losesNodes,
  nodesPerProcessOf,
} from './lab-process-options.ts';

function parse(...argv: string[]) {
  return parseProcessOptions({
    name: 'herald-lab',
    summary: 'x',
    version: '0',
    options: labProcessOptions,
    check: checkLabOptions,
    argv,
    env: {},
  });
}

function problemFields(...argv: string[]): readonly string[] {
  const outcome = parse(...argv);
  assert.ok(outcome.kind === 'refused');
  return outcome.problems.map(({ field }) => field);
}

test('without options it is a lab of 25 nodes and 3 electors', () => {
  const outcome = parse();
  assert.ok(outcome.kind === 'options');
  const { nodes, electors, etcd, ttl, once, portBase } = outcome.options;
  assert.deepEqual(
    { nodes, electors, etcd, ttl, once, portBase },
    {
      nodes: 25,
      electors: 3,
      etcd: '1',
      ttl: 3_000,
      once: false,
      portBase: undefined,
    },
  );
});

test('each bad value is reported under its own name', () => {
  assert.deepEqual(problemFields('--nodes', '0'), ['--nodes']);
  assert.deepEqual(problemFields('--electors', 'three'), ['--electors']);
  assert.deepEqual(problemFields('--etcd', '2'), ['--etcd']);
  assert.deepEqual(problemFields('--ttl', '0s'), ['--ttl']);
  assert.deepEqual(problemFields('--ttl', '1500ms'), ['--ttl']);
  assert.deepEqual(problemFields('--port-base', '80'), ['--port-base']);
  assert.deepEqual(problemFields('--port-base', '65530'), ['--port-base']);
  assert.deepEqual(problemFields('--nods', '3', '--json'), ['--nods', '--json']);
});

test('the last port of a range may be the last there is', () => {
  assert.equal(parse('--port-base', '65506', '--nodes', '27').kind, 'options');
  assert.deepEqual(problemFields('--port-base', '65506', '--nodes', '28'), ['--port-base']);
});

test('nodes are lost at the end where that is asked for, or where there are few', () => {
  const loses = (...argv: string[]): boolean => {
    const outcome = parse(...argv);
    assert.ok(outcome.kind === 'options');
    return losesNodes(outcome.options);
  };
  assert.equal(loses(), true);
  assert.equal(loses('--nodes', '500'), false);
  assert.equal(loses('--nodes', '500', '--lose-nodes', 'on'), true);
  assert.equal(loses('--lose-nodes', 'off'), false);
  assert.deepEqual(problemFields('--lose-nodes', 'perhaps'), ['--lose-nodes']);
});

test('nodes are spread over two processes at least, unless it is said how many each hosts', () => {
  const perProcess = (...argv: string[]): number => {
    const outcome = parse(...argv);
    assert.ok(outcome.kind === 'options');
    return nodesPerProcessOf(outcome.options);
  };
  assert.equal(perProcess(), 13);
  assert.equal(perProcess('--nodes', '2000'), 250);
  assert.equal(perProcess('--nodes', '1'), 1);
  assert.equal(perProcess('--nodes-per-process', '25'), 25);
});
