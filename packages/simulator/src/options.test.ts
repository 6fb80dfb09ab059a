/** What may be told on the command line; bad input names the field. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { OptionError, readOptions, usage } from './options.ts';
import { scenarioNames } from './scenarios/index.ts';

describe('options', () => {
  it('have defaults, and a soak plays smaller, random scenarios', () => {
    assert.deepEqual(readOptions([]), {
      scenario: 'calm',
      nodes: 500,
      seed: 1,
      seeds: 1,
      soakMs: undefined,
      json: undefined,
      membership: true,
    });
    const soak = readOptions(['--soak', '10m']);
    assert.deepEqual([soak?.scenario, soak?.nodes, soak?.soakMs], ['random', 100, 600_000]);
  });

  it('are read', () => {
    const args = '--nodes 1000 --seed 7 --scenario partition --json x.json --leader-plane';
    const options = readOptions(args.split(' '));
    assert.deepEqual(
      [options?.nodes, options?.seed, options?.scenario, options?.json, options?.membership],
      [1000, 7, 'partition', 'x.json', false],
    );
  });

  it('are explained when asked for, each scenario with its sentence', () => {
    assert.equal(readOptions(['--help']), undefined);
    for (const name of scenarioNames) assert.ok(usage.includes(`  ${name} `), name);
  });

  const wrong = [
    ['--nodes 0', 'nodes'],
    ['--nodes 20001', 'nodes'],
    ['--nodes many', 'nodes'],
    ['--seed -1', 'seed'],
    ['--seed=1.5', 'seed'],
    ['--seeds 0', 'seeds'],
    ['--scenario storm', 'scenario'],
    ['--soak 10', 'soak'],
    ['--soak 0m', 'soak'],
    ['--json=', 'json'],
    ['--fast', 'fast'],
    ['--nodes', 'nodes'],
  ] as const;
  for (const [args, field] of wrong) {
    it(`refuse ${args}, naming ${field}`, () => {
      assert.throws(
        () => readOptions(args.split(' ')),
        (error) => error instanceof OptionError && error.field === field,
      );
    });
  }
});
