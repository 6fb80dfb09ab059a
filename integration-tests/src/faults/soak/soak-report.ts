/** Decides how a soak is told: one line for each life that was long enough, from its start to its end. */
import { counted, formatMs } from '@herald/lab';
import type { Terminal } from '@herald/lab';
import type { ProcessUsage } from '../../fixtures/process-usage.ts';
import type { RowOutcome } from '../fault-row.ts';
import { growthOf, isGrowing } from './growth.ts';
import type { Life } from './growth.ts';

const bytesPerMiB = 1024 * 1024;

export interface SoakVerdict {
  /** Broken promises and processes that grow, in words; nothing if all is well. */
  readonly findings: readonly string[];
  readonly livesJudged: number;
  readonly lives: number;
}

export function judgeSoak(outcomes: readonly RowOutcome[], lives: readonly Life[]): SoakVerdict {
  const broken = outcomes.flatMap((outcome) => outcome.broken);
  const judged = lives.flatMap((life) => {
    const growths = growthOf(life);
    return growths === undefined ? [] : [{ life, growths }];
  });
  const grown = judged.flatMap(({ life, growths }) =>
    growths
      .filter(isGrowing)
      .map(
        ({ measure, gained, allowed }) =>
          `${life.name} grows: ${measure} by ${gained.toFixed(1)}, allowed are ${allowed.toFixed(1)}`,
      ),
  );
  return { findings: [...broken, ...grown], livesJudged: judged.length, lives: lives.length };
}

export function showSoak(
  terminal: Terminal,
  outcomes: readonly RowOutcome[],
  lives: readonly Life[],
): void {
  terminal.heading('What processes used, at the start and at the end of each life');
  const told = lives.filter((life) => growthOf(life) !== undefined);
  for (const { name, readings } of told) {
    const [first, last] = [readings[0], readings.at(-1)];
    if (first === undefined || last === undefined) continue;
    terminal.row(
      name,
      `over ${formatMs(last.atMs - first.atMs)}: ${change(first.usage, last.usage)}`,
    );
  }
  const total = (count: (outcome: RowOutcome) => number): number =>
    outcomes.reduce((sum, outcome) => sum + count(outcome), 0);
  terminal.heading('What was seen');
  terminal.row('faults', String(outcomes.length));
  terminal.row(
    'writes',
    `${total(({ writes }) => writes)} acknowledged, ${total(({ writesLost }) => writesLost)} lost`,
  );
  terminal.row('two leaders', String(total(({ dualLeaderships }) => dualLeaderships)));
  terminal.row('versions back', String(total(({ versionsBackwards }) => versionsBackwards)));
  const { livesJudged } = judgeSoak(outcomes, lives);
  terminal.row('growth', `judged in ${counted(livesJudged, 'life', 'lives')} of ${lives.length}`);
}

function change(from: ProcessUsage, to: ProcessUsage): string {
  const mib = (bytes: number | null): string =>
    bytes === null ? 'unknown' : (bytes / bytesPerMiB).toFixed(1);
  return [
    `live ${mib(from.liveBytes)} → ${mib(to.liveBytes)} MiB`,
    `resident ${mib(from.rssBytes)} → ${mib(to.rssBytes)} MiB`,
    `handles ${from.resources} → ${to.resources}`,
    `descriptors ${String(from.descriptors)} → ${String(to.descriptors)}`,
    `loop p99 ${formatMs(from.loopDelayMs.p99)} → ${formatMs(to.loopDelayMs.p99)}`,
  ].join(', ');
}
