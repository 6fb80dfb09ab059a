/**
 * Decides what a lab at rest is said to cost: everything that runs for it, over some seconds in which
 * nothing changes.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicNowMs } from '@herald/process';
import type { TrafficCounters } from '../worker/node-worker-protocol.ts';
import type { ProcessUsage } from './usage.ts';

export interface IdleUsage {
  readonly seconds: number;
  /** Cores in use on average by everything together; undefined where it cannot be read. */
  readonly cpuCores: number | undefined;
  readonly rssMiB: number | undefined;
  readonly framesPerNodePerSecond: number;
  readonly bytesPerNodePerSecond: number | undefined;
}

/** Where the figures come from. */
export interface IdleSources {
  readonly nodes: () => number;
  readonly traffic: () => Promise<TrafficCounters>;
  readonly usage: () => Promise<ProcessUsage | undefined>;
}

export async function measureIdle(
  seconds: number,
  sources: IdleSources,
  signal?: AbortSignal,
): Promise<IdleUsage> {
  const startMs = monotonicNowMs();
  const trafficBefore = await sources.traffic();
  const usageBefore = await sources.usage();
  await delay(seconds * 1_000, undefined, { signal });
  const traffic = await sources.traffic();
  const usage = await sources.usage();
  const tookSeconds = (monotonicNowMs() - startMs) / 1_000;
  const nodeSeconds = sources.nodes() * tookSeconds;
  return {
    seconds: tookSeconds,
    cpuCores: usage && usageBefore && (usage.cpuSeconds - usageBefore.cpuSeconds) / tookSeconds,
    rssMiB: usage?.rssMiB,
    framesPerNodePerSecond: (traffic.framesSent - trafficBefore.framesSent) / nodeSeconds,
    bytesPerNodePerSecond:
      traffic.bytesSent === null || trafficBefore.bytesSent === null
        ? undefined
        : (traffic.bytesSent - trafficBefore.bytesSent) / nodeSeconds,
  };
}
