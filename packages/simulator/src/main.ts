/** `npm run sim`: plays scenarios and says whether the promises held. Exit codes: see `options.ts`. */
import { closeSync, openSync, writeFileSync } from 'node:fs';

import { electors } from './observed-cluster.ts';
import { OptionError, readOptions, usage } from './options.ts';
import type { SimulatorOptions } from './options.ts';
import { reportOf, storyLine, summaryOf, titleOf, totalOf, verdictOf } from './report.ts';
import { runScenario } from './run-scenario.ts';
import type { Outcome, Run } from './run-scenario.ts';

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function play(options: SimulatorOptions): Outcome[] {
  const { seed: first, seeds, soakMs } = options;
  const outcomes: Outcome[] = [];
  const untilMs = performance.now() + (soakMs ?? 0);
  const goesOn = (): boolean =>
    soakMs === undefined ? outcomes.length < seeds : performance.now() < untilMs;
  const alone = soakMs === undefined && seeds === 1;
  for (let seed = first; goesOn(); seed++) {
    const run: Run = { ...options, seed };
    if (alone || seed === first) print(`${titleOf(run, electors.length)}${alone ? '\n' : ''}`);
    const tell = (atMs: number, line: string): void => print(storyLine(atMs, line));
    const outcome = runScenario(run, alone ? { tell } : {});
    outcomes.push(outcome);
    print(alone ? `\n${verdictOf(outcome)}` : summaryOf(outcome));
  }
  if (!alone) print(totalOf(outcomes));
  return outcomes;
}

/** Before an hour is spent on figures that have no place to go. */
function checkWritable(path: string): void {
  try {
    closeSync(openSync(path, 'a'));
  } catch (error) {
    throw new OptionError('json', error instanceof Error ? error.message : String(error));
  }
}

function main(args: readonly string[]): number {
  const options = readOptions(args);
  if (options === undefined) {
    print(usage);
    return 0;
  }
  if (options.json !== undefined) checkWritable(options.json);
  const outcomes = play(options);
  if (options.json !== undefined) {
    const reports = outcomes.map(reportOf);
    const content = reports.length === 1 ? reports[0] : reports;
    writeFileSync(options.json, `${JSON.stringify(content, null, 2)}\n`);
  }
  return outcomes.some(({ broken }) => broken !== undefined) ? 1 : 0;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof OptionError)) throw error;
  process.stderr.write(`${error.message}\n\n${usage}\n`);
  process.exitCode = 2;
}
