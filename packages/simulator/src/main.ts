/**
 * `npm run sim`: measures how changes spread in a simulated cluster, seed after seed, and says
 * whether all live, connected members were reached. Exit code 1 when not, 2 on bad input.
 */
import { parseArgs } from 'node:util';

import { assertNever } from '@herald/core';

import { wan } from './latency.ts';
import { quantile } from './measures/spread.ts';
import { ObservedCluster, electors } from './observed-cluster.ts';
import type { ChangeSpread } from './observed-cluster.ts';

const scenarios = ['calm', 'crash-third', 'power-loss-third', 'loss', 'wan'] as const;
type Scenario = (typeof scenarios)[number];

interface Measurement {
  readonly spread: ChangeSpread;
  /** Live members that were connected to an elector when the change was published. */
  readonly reachable: ReadonlySet<number>;
}

const usage = `usage: npm run sim -- [--nodes 500] [--seed 1] [--seeds 1] [--scenario ${scenarios.join('|')}]`;

/** The changes of one run: which electors publish, and what happens at that instant. */
function measure(scenario: Scenario, nodes: number, seed: number): Measurement[] {
  const cluster = ObservedCluster.settled({
    nodes,
    seed,
    startOverMs: Math.max(2000, nodes * 4),
    ...(scenario === 'loss' ? { frameLoss: 0.01 } : {}),
    ...(scenario === 'wan' ? { latency: wan } : {}),
  });
  const spreadTo = (publishers: readonly number[]): Measurement => {
    const reachable = cluster.connected();
    return { spread: cluster.change(publishers), reachable };
  };
  switch (scenario) {
    case 'calm':
    case 'loss':
    case 'wan':
      return [electors, electors, electors, [0], [1], [2]].map((publishers, index) => {
        const measurement = spreadTo(publishers);
        cluster.renew(index % electors.length);
        return measurement;
      });
    case 'crash-third':
      cluster.killThird();
      return [spreadTo(electors)];
    case 'power-loss-third':
      cluster.killThird('machine');
      return [spreadTo(electors)];
    default:
      return assertNever(scenario);
  }
}

function describe(seed: number, measurements: readonly Measurement[]): boolean {
  const spreads = measurements.map(({ spread }) => spread);
  const worst = (of: (spread: ChangeSpread) => number): number => Math.max(...spreads.map(of));
  const times = (spread: ChangeSpread): number[] =>
    [...spread.afterMs.values()].sort((a, b) => a - b);
  const within = measurements.map(({ spread, reachable }) => {
    const inTime = [...reachable].filter((index) => (spread.afterMs.get(index) ?? Infinity) <= 200);
    return inTime.length / reachable.size;
  });
  const held = measurements.every(({ spread, reachable }) =>
    [...reachable].every((index) => spread.afterMs.has(index)),
  );
  console.log(
    [
      `seed ${seed}`,
      `hops p99 ${worst(({ hops }) => quantile(hops, 0.99))} max ${worst(({ hops }) => hops.at(-1) ?? 0)}`,
      `after p99 ${worst((spread) => quantile(times(spread), 0.99)).toFixed(1)} ms`,
      `max ${worst((spread) => times(spread).at(-1) ?? NaN).toFixed(1)} ms`,
      `within 200 ms ${(100 * Math.min(...within)).toFixed(2)} %`,
      ...(['eager', 'lazy', 'repair'] as const).map(
        (mode) => `${mode} ${worst(({ pushesPerMember }) => pushesPerMember[mode]).toFixed(2)}`,
      ),
      held ? 'held' : 'broken: not all were reached within a second',
    ].join(', '),
  );
  return held;
}

function positive(flag: string, text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text)) {
    throw new RangeError(`--${flag}: must be a whole number from 1 to 999999, got "${text}"`);
  }
  return Number(text);
}

function main(args: readonly string[]): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      nodes: { type: 'string', default: '500' },
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '1' },
      scenario: { type: 'string', default: 'calm' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const scenario = scenarios.find((name) => name === values.scenario);
  if (scenario === undefined) {
    throw new RangeError(`--scenario: must be one of ${scenarios.join(', ')}`);
  }
  const nodes = positive('nodes', values.nodes);
  const first = positive('seed', values.seed);
  const count = positive('seeds', values.seeds);
  console.log(`${scenario}: ${nodes} nodes, ${electors.length} electors; the worst of each run`);
  let held = true;
  for (let seed = first; seed < first + count; seed++) {
    held = describe(seed, measure(scenario, nodes, seed)) && held;
  }
  return held ? 0 : 1;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  const isBadInput = error instanceof RangeError || error instanceof TypeError;
  if (!isBadInput) throw error;
  console.error(`${error.message}\n${usage}`);
  process.exitCode = 2;
}
