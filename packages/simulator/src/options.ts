/** What `npm run sim` may be told. Bad input names the flag and the rule. */
import { parseArgs } from 'node:util';
import { scenarioNames, scenarios } from './scenarios/index.ts';
import type { ScenarioName } from './scenarios/index.ts';

export interface SimulatorOptions {
  readonly scenario: ScenarioName;
  readonly nodes: number;
  readonly seed: number;
  /** So many seeds, from `seed` on. */
  readonly seeds: number;
  /** Random scenarios until so much real time has passed. */
  readonly soakMs: number | undefined;
  readonly json: string | undefined;
  readonly membership: boolean;
}

/** Bad input: the field, and what it must be. */
export class OptionError extends Error {
  readonly code = 'BAD_OPTION';
  readonly field: string;

  constructor(field: string, rule: string) {
    super(`--${field}: ${rule}`);
    this.name = 'OptionError';
    this.field = field;
  }
}

/** A soak is to see many mixtures rather than large ones. */
function defaultNodes(soak: string | undefined): string {
  return soak === undefined ? '500' : '100';
}

const nodesMax = 20_000;
const seedMax = 2 ** 31 - 1;
const seedsMax = 100_000;

const widest = Math.max(...scenarioNames.map((name) => name.length));

export const usage = [
  'usage: npm run sim -- [--scenario NAME] [--nodes 500] [--seed 1] [--seeds 1] [--leader-plane]',
  '                      [--soak DURATION] [--json FILE]',
  '',
  ...scenarioNames.map((name) => `  ${name.padEnd(widest)}  ${scenarios[name].summary}`),
  '',
  '  --seeds N       plays N seeds, from --seed on',
  '  --leader-plane  without membership: for ten thousand nodes',
  '  --soak 10m      random scenarios, a new seed each, until the time is up',
  '  --json FILE     writes the figures: of one run an object, of several an array',
  '',
  'exit code: 0 all promises held, 1 one was broken, 2 bad input',
].join('\n');

/** Returns undefined when help was asked for. @throws OptionError */
export function readOptions(args: readonly string[]): SimulatorOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const name = values.soak === undefined ? values.scenario : 'random';
  const scenario = scenarioNames.find((known) => known === name);
  if (scenario === undefined) {
    throw new OptionError('scenario', `must be one of ${scenarioNames.join(', ')}, got "${name}"`);
  }
  if (values.json === '') throw new OptionError('json', 'must name a file');
  return {
    scenario,
    nodes: wholeNumber('nodes', values.nodes ?? defaultNodes(values.soak), 1, nodesMax),
    seed: wholeNumber('seed', values.seed, 0, seedMax),
    seeds: wholeNumber('seeds', values.seeds, 1, seedsMax),
    soakMs: values.soak === undefined ? undefined : durationOf('soak', values.soak),
    json: values.json,
    membership: !values['leader-plane'],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        scenario: { type: 'string', default: 'calm' },
        nodes: { type: 'string' },
        seed: { type: 'string', default: '1' },
        seeds: { type: 'string', default: '1' },
        soak: { type: 'string' },
        json: { type: 'string' },
        'leader-plane': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    // parseArgs tells of unknown flags and missing values by TypeErrors, with the flag in the message.
    if (!(error instanceof TypeError)) throw error;
    const flag = /'(?:-\w, )?--?([\w-]+)/.exec(error.message)?.[1] ?? 'arguments';
    throw new OptionError(flag, error.message);
  }
}

function wholeNumber(field: string, text: string, min: number, max: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new OptionError(field, `must be a whole number from ${min} to ${max}, got "${text}"`);
}

const unitsMs = { s: 1000, m: 60_000, h: 3_600_000 } as const;

function durationOf(field: string, text: string): number {
  const match = /^(\d{1,4})([smh])$/.exec(text);
  const unit = match?.[2] as keyof typeof unitsMs | undefined;
  const count = Number(match?.[1] ?? 0);
  if (unit === undefined || count === 0) {
    throw new OptionError(field, `must be a duration such as 90s, 10m or 1h, got "${text}"`);
  }
  return count * unitsMs[unit];
}
