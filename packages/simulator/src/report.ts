/** How runs are told: the story while it plays, a verdict with its figures, and the same for machines. */
import { quantile } from './measures/spread.ts';
import { describeBreak } from './run-scenario.ts';
import type { Outcome, Run } from './run-scenario.ts';
import { counted, duration, share } from './scenarios/wording.ts';

/** What `--json` writes of one run; null is what it did not measure. */
export interface RunReport {
  readonly nodes: number;
  readonly seed: number;
  readonly scenario: string;
  readonly membership: boolean;
  readonly verdict: 'held' | 'broken';
  readonly broken: string | null;
  readonly hopsP99: number | null;
  readonly hopsMax: number | null;
  readonly pushesPerNode: number | null;
  readonly lazyPushesPerNode: number | null;
  readonly repairPushesPerNode: number | null;
  readonly spreadMs: number | null;
  readonly atOnceShare: number | null;
  readonly idleFramesPerNodePerSecond: number | null;
  readonly idleBytesPerNodePerSecond: number | null;
  readonly changeBytesPerNode: number | null;
  readonly convergedMs: number | null;
  readonly detectionMs: number | null;
  readonly falseSuspicions: number;
  readonly virtualSeconds: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

export function reportOf(outcome: Outcome): RunReport {
  const { broken, figures } = outcome;
  return {
    nodes: outcome.nodes,
    seed: outcome.seed,
    scenario: outcome.scenario,
    membership: outcome.membership,
    verdict: broken === undefined ? 'held' : 'broken',
    broken: broken === undefined ? null : describeBreak(broken),
    hopsP99: figures.hopsP99 ?? null,
    hopsMax: figures.hopsMax ?? null,
    pushesPerNode: figures.pushesPerNode ?? null,
    lazyPushesPerNode: figures.lazyPushesPerNode ?? null,
    repairPushesPerNode: figures.repairPushesPerNode ?? null,
    spreadMs: figures.spreadMs ?? null,
    atOnceShare: figures.atOnceShare ?? null,
    idleFramesPerNodePerSecond: figures.idleFramesPerNodePerSecond ?? null,
    idleBytesPerNodePerSecond: figures.idleBytesPerNodePerSecond ?? null,
    changeBytesPerNode: figures.changeBytesPerNode ?? null,
    convergedMs: figures.convergedMs ?? null,
    detectionMs: figures.detectionMs ?? null,
    falseSuspicions: outcome.falseSuspicions,
    virtualSeconds: outcome.virtualMs / 1000,
    wallSeconds: outcome.wallSeconds,
    cpuSeconds: outcome.cpuSeconds,
  };
}

export function titleOf({ scenario, nodes, seed, membership }: Run, electors: number): string {
  const plane = membership ? '' : ', the leader plane alone';
  return `${scenario}: ${counted(nodes, 'node')}, ${counted(electors, 'elector')}, seed ${seed}${plane}`;
}

/** One line of a story. */
export function storyLine(atMs: number, line: string): string {
  return `${(atMs / 1000).toFixed(1).padStart(9)} s  ${line}`;
}

/** The line that plays this very run again. */
export function replayLine({ scenario, nodes, seed, membership }: Run): string {
  const plane = membership ? '' : ' --leader-plane';
  return `npm run sim -- --nodes ${nodes} --seed ${seed} --scenario ${scenario}${plane}`;
}

export function verdictOf(outcome: Outcome): string {
  const { broken, virtualMs, wallSeconds, cpuSeconds, falseSuspicions } = outcome;
  const took = `${duration(virtualMs)} of virtual time in ${wallSeconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of CPU`;
  if (broken === undefined) {
    return `held: every check after every step; ${counted(falseSuspicions, 'false suspicion')}; ${took}`;
  }
  return `broken: ${describeBreak(broken)}\nreplay: ${replayLine(outcome)}`;
}

/** One run among many, in one line. */
export function summaryOf(outcome: Outcome): string {
  const { figures, falseSuspicions, broken } = outcome;
  const parts = [`seed ${outcome.seed}`];
  const add = (value: number | undefined, word: (value: number) => string): void => {
    if (value !== undefined) parts.push(word(value));
  };
  add(figures.hopsP99, (hops) => `hops p99 ${hops}`);
  add(figures.hopsMax, (hops) => `max ${hops}`);
  add(figures.spreadMs, (ms) => `to all in ${duration(ms)}`);
  add(figures.atOnceShare, (value) => `${share(value)} at once`);
  const { pushesPerNode, lazyPushesPerNode, repairPushesPerNode } = figures;
  const pushes = [pushesPerNode, lazyPushesPerNode, repairPushesPerNode];
  parts.push(`pushes ${pushes.map((count) => count?.toFixed(2) ?? '–').join(' / ')}`);
  add(figures.idleBytesPerNodePerSecond, (bytes) => `idle ${Math.round(bytes)} B/s`);
  add(figures.detectionMs, (ms) => `detected in ${duration(ms)}`);
  add(figures.convergedMs, (ms) => `agreed in ${duration(ms)}`);
  if (falseSuspicions > 0) parts.push(counted(falseSuspicions, 'false suspicion'));
  parts.push(broken === undefined ? 'held' : verdictOf(outcome));
  return parts.join(', ');
}

/** What many runs have in common: how far the last member is, over all seeds. */
export function totalOf(outcomes: readonly Outcome[]): string {
  const broken = outcomes.filter((outcome) => outcome.broken !== undefined).length;
  const hops = outcomes.flatMap(({ figures }) => figures.hopsMax ?? []).sort((a, b) => a - b);
  const last = [0.5, 0.99].map((quantileOf) => quantile(hops, quantileOf));
  const reach = `hops to the last member: median ${last[0]}, p99 ${last[1]}, at most ${hops.at(-1)}`;
  const verdicts = `${counted(outcomes.length, 'run')}, ${broken} broken`;
  return hops.length === 0 ? verdicts : `${verdicts}; ${reach}`;
}
