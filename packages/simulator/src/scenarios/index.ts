/** The scenarios by name. */
import { calm, loss, pauses, slowMembers, wide } from './conditions.ts';
import {
  churn,
  crashThird,
  crowdedCrash,
  electorDeath,
  powerLossThird,
  restartAll,
} from './deaths.ts';
import { liars } from './liars.ts';
import { firstChange, hour, rest, tree } from './measurements.ts';
import { random } from './mixture.ts';
import { oneWay, partition } from './partitions.ts';
import type { Scenario } from './scenario.ts';

export const scenarios = {
  calm,
  churn,
  partition,
  'one-way': oneWay,
  'crash-third': crashThird,
  'power-loss-third': powerLossThird,
  'crowded-crash': crowdedCrash,
  loss,
  liars,
  wan: wide,
  pauses,
  'slow-members': slowMembers,
  'elector-death': electorDeath,
  'restart-all': restartAll,
  random,
  tree,
  'first-change': firstChange,
  rest,
  hour,
} as const satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof scenarios;

export const scenarioNames = Object.keys(scenarios) as ScenarioName[];
