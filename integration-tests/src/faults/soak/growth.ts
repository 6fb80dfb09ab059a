/**
 * Decides whether a process grows. A life is what lies between a process's start and its end; its readings
 * after the warm-up are fitted with a line (least squares), and what the line gains from the first
 * to the last of them is the growth. It counts when it is more than a process of Node moves by itself
 * (`floor`) and more than chance: three standard errors of that gain.
 */
import type { ProcessUsage } from '../../fixtures/process-usage.ts';

/** Code is compiled, caches fill, links find their number: that is no growth. */
const warmUpShare = 1 / 3;
const readingsMin = 8;
const errorsMax = 3;
const bytesPerMiB = 1024 * 1024;

export interface Reading {
  readonly atMs: number;
  readonly usage: ProcessUsage;
  /** The event-loop delay (p99) of a process with little to do at the same time: the machine's share. */
  readonly backgroundDelayMs: number;
}

export interface Life {
  readonly name: string;
  readonly readings: readonly Reading[];
}

/** What is looked at, how it is read, and the growth below which nothing is said. */
const measures = {
  'live memory, MiB': { floor: 4, read: ({ usage }: Reading) => usage.liveBytes / bytesPerMiB },
  // Sockets and timers of the calls that happen to be under way are among them.
  handles: { floor: 8, read: ({ usage }: Reading) => usage.resources },
  descriptors: { floor: 8, read: ({ usage }: Reading) => usage.descriptors ?? 0 },
  'event-loop delay (p99), ms': {
    floor: 100,
    read: ({ usage, backgroundDelayMs }: Reading) =>
      Math.max(0, usage.loopDelayMs.p99 - backgroundDelayMs),
  },
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
    const points = judged.map((reading) => ({ x: reading.atMs, y: read(reading) }));
    const { gained, standardError } = fit(points);
    return { measure, gained, allowed: Math.max(floor, errorsMax * standardError) };
  });
}

export function isGrowing({ gained, allowed }: Growth): boolean {
  return gained > allowed;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Fit {
  readonly gained: number;
  readonly standardError: number;
}

/** What the line of least squares gains over the points, and how far chance may have moved that. */
function fit(points: readonly Point[]): Fit {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanX = mean(points.map(({ x }) => x));
  const meanY = mean(points.map(({ y }) => y));
  const varianceX = mean(points.map(({ x }) => (x - meanX) ** 2));
  const covariance = mean(points.map(({ x, y }) => (x - meanX) * (y - meanY)));
  const slope = varianceX === 0 ? 0 : covariance / varianceX;
  const offs = points.map(({ x, y }) => (y - meanY - slope * (x - meanX)) ** 2);
  const span = (points.at(-1)?.x ?? 0) - (points[0]?.x ?? 0);
  // Of n points and a line, n - 2 are free; the slope's variance is theirs over the spread of x.
  const variance = mean(offs) / (points.length - 2);
  const slopeError = varianceX === 0 ? 0 : Math.sqrt(variance / varianceX);
  return { gained: slope * span, standardError: slopeError * span };
}
