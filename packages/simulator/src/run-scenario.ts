/** Plays one scenario on one cluster from one seed, and says how it ended. */
import { seededRandom } from '@herald/core';
import type { EngineTuning } from '@herald/core';
import { BrokenPromise } from './checks/broken-promise.ts';
import { scenarios } from './scenarios/index.ts';
import type { ScenarioName } from './scenarios/index.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { Stage } from './scenarios/stage.ts';
import type { Figures } from './scenarios/stage.ts';

export interface Run {
  readonly scenario: ScenarioName;
  readonly nodes: number;
  readonly seed: number;
  /** False: the leader plane alone. */
  readonly membership: boolean;
}

export interface Outcome extends Run {
  /** Why the run is broken; undefined when all promises held. */
  readonly broken: Error | undefined;
  readonly figures: Figures;
  readonly falseSuspicions: number;
  readonly virtualMs: number;
  readonly wallSeconds: number;
  /** Of this process; on a busy machine it says more than the wall clock. */
  readonly cpuSeconds: number;
}

export interface RunHooks {
  /** Takes a line of the story, with the virtual time it tells of. */
  readonly tell?: (atMs: number, line: string) => void;
  /** For tests that break a rule on purpose. */
  readonly tuning?: Partial<EngineTuning>;
}

/** Keeps what a scenario draws for its conditions apart from what else the seed decides. */
const conditionsSalt = 0x0ddba11;

export function runScenario(run: Run, hooks: RunHooks = {}): Outcome {
  const startedAtMs = performance.now();
  const usedBefore = process.cpuUsage();
  const scenario: Scenario = scenarios[run.scenario];
  const stage = new Stage({
    nodes: run.nodes,
    seed: run.seed,
    tuning: { membership: run.membership, ...hooks.tuning },
    ...scenario.conditions?.(seededRandom(run.seed ^ conditionsSalt)),
    ...(hooks.tell === undefined ? {} : { tell: hooks.tell }),
  });
  const broken = whatBreaks(() => {
    scenario.play(stage);
    stage.checkSuspicions();
  });
  return {
    ...run,
    broken,
    figures: stage.figures,
    falseSuspicions: stage.cluster.agreement.falseSuspicions,
    virtualMs: stage.nowMs,
    wallSeconds: (performance.now() - startedAtMs) / 1000,
    cpuSeconds: secondsOf(process.cpuUsage(usedBefore)),
  };
}

function secondsOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}

/** An engine that throws breaks a promise too, so nothing is let through here. */
function whatBreaks(play: () => void): Error | undefined {
  try {
    play();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

export function describeBreak(error: Error): string {
  if (error instanceof BrokenPromise) {
    return `${error.code} after ${(error.atMs / 1000).toFixed(3)} s: ${error.message}`;
  }
  return error.stack ?? error.message;
}
