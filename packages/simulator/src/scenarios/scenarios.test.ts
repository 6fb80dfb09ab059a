/**
 * Every scenario from a fixed set of seeds: together they cover the whole list of faults. A failure
 * prints the line that replays it. And the checks are worth something: with a rule broken they tell.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { BrokenRule, EngineTuning } from '@herald/core';

import { BrokenPromise } from '../checks/broken-promise.ts';
import { verdictOf } from '../report.ts';
import { runScenario } from '../run-scenario.ts';
import { scenarioNames } from './index.ts';
import type { ScenarioName } from './index.ts';

const nodes = 50;
/** Enough for each broken rule to show. */
const nodesOfBroken = 24;
const randomSeeds = [1, 2, 3, 4, 5, 6];

/** An hour is for whoever has the time; all that happens in it happens in others too. */
const played = scenarioNames.filter((name) => name !== 'hour');

const runs = played.flatMap((scenario) =>
  (scenario === 'random' ? randomSeeds : [1]).map((seed) => ({ scenario, seed })),
);

describe('scenarios', () => {
  for (const { scenario, seed } of runs) {
    it(`P2: P3: ${scenario} holds (seed ${seed})`, () => {
      const outcome = runScenario({ scenario, nodes, seed, membership: true });
      assert.ok(outcome.broken === undefined, verdictOf(outcome));
      assert.equal(outcome.falseSuspicions, 0);
    });
  }

  it('P3: hold without the membership too', () => {
    const outcome = runScenario({ scenario: 'random', nodes, seed: 21, membership: false });
    assert.ok(outcome.broken === undefined, verdictOf(outcome));
  });
});

describe('the checks', () => {
  const breaks: readonly {
    readonly rule: BrokenRule;
    readonly scenario: ScenarioName;
    readonly code: string;
    readonly tuning?: Partial<EngineTuning>;
  }[] = [
    { rule: 'accept-older', scenario: 'calm', code: 'P2' },
    // Who left during the partition is forgotten at home before the other side tells of it again.
    { rule: 'revive-left', scenario: 'partition', code: 'P2', tuning: { tombstoneMs: 60_000 } },
    { rule: 'never-refute', scenario: 'one-way', code: 'DISAGREE' },
  ];
  for (const { rule, scenario, code, tuning } of breaks) {
    it(`notice ${rule}, and print the line that replays it`, () => {
      const run = { scenario, nodes: nodesOfBroken, seed: 1, membership: true };
      const intact = runScenario(run, tuning === undefined ? {} : { tuning });
      assert.ok(intact.broken === undefined, verdictOf(intact));
      const outcome = runScenario(run, { tuning: { ...tuning, brokenRule: rule } });
      assert.ok(outcome.broken instanceof BrokenPromise, verdictOf(outcome));
      assert.equal(outcome.broken.code, code);
      assert.match(
        verdictOf(outcome),
        new RegExp(`--nodes ${nodesOfBroken} --seed 1 --scenario ${scenario}`),
      );
    });
  }
});
