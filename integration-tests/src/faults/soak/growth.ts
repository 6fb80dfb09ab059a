/**
 * Decides whether a process grows. A life is what lies between a process's start and its end; its readings
 * after the warm-up are fitted with a line (least squares), and what the line gains from the first
 * to the last of them is the growth. It counts when it is more than a process of Node moves by itself
 * (`floors`) and more than the readings scatter around the line (three standard deviations).
 */
import type { ProcessUsage } from '../../fixtures/process-usage.ts';

/** Code is compiled, caches fill, links find their number: that is no growth. */
const warmUpShare = 1 / 3;
const readingsMin = 5;
const scatterFactor = 3;
const bytesPerMiB = 1024 * 1024;

export interface Reading {
  readonly atMs: number;
  readonly usage: ProcessUsage;
}

export interface Life {
  readonly name: string;
  readonly readings: readonly Reading[];
}

/** What is looked at, how it is read, and the growth below which nothing is said. */
const measures = {
  'live memory, MiB': { floor: 4, read: ({ liveBytes }: ProcessUsage) => liveBytes / bytesPerMiB },
  // Sockets and timers of the calls that happen to be under way are among them.
  handles: { floor: 8, read: ({ resources }: ProcessUsage) => resources },
  descriptors: { floor: 8, read: ({ descriptors }: ProcessUsage) => descriptors ?? 0 },
  'event-loop delay (p99), ms': { floor: 50, read: (usage: ProcessUsage) => usage.loopDelayMs.p99 },
} as const;

export type Measure = keyof typeof measures;
export const measureNames = Object.keys(measures) as readonly Measure[];

export interface Growth {
  readonly measure: Measure;
  readonly gained: number;
  readonly allowed: number;
}

/** Of each measure; undefined when the life was too short to be judged. */
export function growthOf({ readings }: Life): readonly Growth[] | undefined {
  const judged = readings.slice(Math.ceil(readings.length * warmUpShare));
  if (judged.length < readingsMin) return undefined;
  return measureNames.map((measure) => {
    const { floor, read } = measures[measure];
    const points = judged.map(({ atMs, usage }) => ({ x: atMs, y: read(usage) }));
    const { gained, scatter } = fit(points);
    return { measure, gained, allowed: Math.max(floor, scatterFactor * scatter) };
  });
}

export function isGrowing({ gained, allowed }: Growth): boolean {
  return gained > allowed;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** What the line of least squares gains over the points, and their standard deviation from it. */
function fit(points: readonly Point[]): { readonly gained: number; readonly scatter: number } {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanX = mean(points.map(({ x }) => x));
  const meanY = mean(points.map(({ y }) => y));
  const varianceX = mean(points.map(({ x }) => (x - meanX) ** 2));
  const covariance = mean(points.map(({ x, y }) => (x - meanX) * (y - meanY)));
  const slope = varianceX === 0 ? 0 : covariance / varianceX;
  const offs = points.map(({ x, y }) => (y - meanY - slope * (x - meanX)) ** 2);
  const span = (points.at(-1)?.x ?? 0) - (points[0]?.x ?? 0);
  return { gained: slope * span, scatter: Math.sqrt(mean(offs)) };
}
