/**
 * Decides what the bench says in the end: medians over the changes of each side. What could not be
 * read on this machine is null.
 */
import type { Change } from '../measure/change.ts';
import { median, rounded } from '../measure/statistics.ts';
import type { ClientSpeed } from './client-speed.ts';
import type { DirectChange, DirectWatchResult } from './direct-watch.ts';
import type { HeraldSideResult } from './herald-side.ts';

export interface HeraldFigures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly pushesPerNode: number;
  /** The most of all changes: a bound is not met by its median. */
  readonly maxHops: number;
  readonly etcdConnections: number | null;
  /** While the counted changes took place. */
  readonly etcdCpuSeconds: number | null;
}

/** How Herald's processes spoke, and whether records were signed: both or neither. */
export type BenchProtection = 'tls' | 'plain-text';

export interface BenchReport {
  readonly nodes: number;
  /** Of what follows, but for `plainText`. */
  readonly protection: BenchProtection;
  readonly herald: HeraldFigures;
  readonly directWatch: {
    readonly p50Ms: number;
    readonly p99Ms: number;
    readonly maxMs: number;
    readonly etcdConnections: number | null;
    /** For as many changes, in as much time, as on Herald's side. */
    readonly etcdCpuSeconds: number | null;
  };
  /** Herald's p99 as a share of the direct watchers'. */
  readonly p99Ratio: number;
  readonly client: ClientSpeed;
  /** The same without TLS and signatures: what these cost; null when nothing else was measured. */
  readonly plainText: { readonly herald: HeraldFigures; readonly client: ClientSpeed } | null;
}

/** What was measured of Herald, in one protection. */
export interface HeraldResults {
  readonly herald: HeraldSideResult;
  readonly client: ClientSpeed;
}

export interface BenchResults extends HeraldResults {
  readonly nodes: number;
  readonly protection: BenchProtection;
  /** Measured before Herald and after it. */
  readonly directWatch: readonly DirectWatchResult[];
  readonly plainText?: HeraldResults | undefined;
}

export function reportBench(results: BenchResults): BenchReport {
  const { nodes, protection, herald, directWatch, client, plainText } = results;
  const direct = directWatch.flatMap(({ changes }) => changes);
  const heraldP99Ms = medianOf(herald.changes, ({ p99Ms }) => p99Ms);
  const directP99Ms = medianOf(direct, ({ p99Ms }) => p99Ms);
  return {
    nodes,
    protection,
    herald: heraldFigures(herald),
    directWatch: {
      p50Ms: rounded(
        medianOf(direct, ({ p50Ms }) => p50Ms),
        2,
      ),
      p99Ms: rounded(directP99Ms, 2),
      maxMs: rounded(
        medianOf(direct, ({ maxMs }) => maxMs),
        2,
      ),
      etcdConnections: directWatch[0]?.etcdConnections ?? null,
      etcdCpuSeconds: roundedOrNull(mean(directWatch.map(({ etcd }) => etcd?.cpuSeconds))),
    },
    p99Ratio: rounded(heraldP99Ms / directP99Ms, 3),
    client: clientFigures(client),
    plainText:
      plainText === undefined
        ? null
        : {
            herald: heraldFigures(plainText.herald),
            client: clientFigures(plainText.client),
          },
  };
}

function heraldFigures({ changes, etcdConnections, etcd }: HeraldSideResult): HeraldFigures {
  const middle = (figure: (change: Change) => number | undefined, digits = 2): number =>
    rounded(medianOf(changes, figure), digits);
  return {
    p50Ms: middle(({ p50Ms }) => p50Ms),
    p99Ms: middle(({ p99Ms }) => p99Ms),
    maxMs: middle(({ maxMs }) => maxMs),
    pushesPerNode: middle(({ pushesPerNode }) => pushesPerNode, 3),
    maxHops: Math.max(...changes.map(({ maxHops }) => maxHops ?? 0)),
    etcdConnections: etcdConnections ?? null,
    etcdCpuSeconds: roundedOrNull(etcd?.cpuSeconds),
  };
}

function clientFigures(client: ClientSpeed): ClientSpeed {
  return {
    cachedPerSecond: Math.round(client.cachedPerSecond),
    workOverheadUs: rounded(client.workOverheadUs, 1),
    uncachedP99Ms: rounded(client.uncachedP99Ms, 2),
    nodeLookupsPerSecond: Math.round(client.nodeLookupsPerSecond),
  };
}

/** @throws when a change has no such figure: it reached nobody, and the bench proves nothing. */
export function medianOf<Item extends Change | DirectChange>(
  items: readonly Item[],
  figure: (item: Item) => number | undefined,
): number {
  const figures = items.map(figure).filter((value) => value !== undefined);
  const middle = median(figures);
  if (middle === undefined || figures.length < items.length) {
    throw new Error('a change reached nobody, so there is no time to report');
  }
  return middle;
}

/** Undefined when one of the figures is missing. */
export function mean(figures: readonly (number | undefined)[]): number | undefined {
  let sum = 0;
  for (const figure of figures) {
    if (figure === undefined) return undefined;
    sum += figure;
  }
  return figures.length === 0 ? undefined : sum / figures.length;
}

function roundedOrNull(value: number | undefined): number | null {
  return value === undefined ? null : rounded(value, 2);
}
