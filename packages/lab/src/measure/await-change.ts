/**
 * Decides how a change of leader is waited for and measured without disturbing it: the electors' logs
 * tell that it happened, and the workers are asked only once it has had time to spread.
 */
import { monotonicNowMs } from '@herald/process';
import type { ElectorTier } from '../elector-tier.ts';
import { LabError } from '../lab-error.ts';
import type { NodeTier } from '../node-tier.ts';
import type { Notifier } from '../notifier.ts';
import { waitUntil } from '../process/wait-until.ts';
import { summariseChange } from './change.ts';
import type { Change } from './change.ts';

/** Several times what a change takes to reach hundreds of nodes. */
const quietMs = 300;
/** After this the nodes that have not heard of a change count as not reached; it is no error. */
const spreadTimeoutMs = 10_000;

export interface AwaitChangeOptions {
  /** Waits for a leader whose epoch is above this one. */
  readonly afterEpoch: bigint;
  /** Until that leader is published; it then has a bounded time to spread. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ChangeSources {
  readonly electors: ElectorTier;
  readonly nodes: NodeTier;
  readonly notifier: Notifier;
}

/** @throws LabError `timeout` when no leader is published in time. */
export async function awaitChange(
  { electors, nodes, notifier }: ChangeSources,
  { afterEpoch, timeoutMs, signal }: AwaitChangeOptions,
): Promise<Change> {
  const { id } = await notifier.until(() => electors.newestAfter(afterEpoch), {
    what: `a leader after epoch ${String(afterEpoch)}`,
    timeoutMs,
    signal,
  });
  const askFromMs = monotonicNowMs() + quietMs;
  const deadlineMs = monotonicNowMs() + spreadTimeoutMs;
  return waitUntil(
    'the news to spread',
    async () => {
      if (monotonicNowMs() < askFromMs) return undefined;
      const workers = await nodes.arrivals(id);
      // Read only now: the elector that was first may have been the last whose log reached us.
      const published = electors.change(id);
      if (published === undefined) throw new LabError('unsupported', `change ${id} is forgotten`);
      const change = summariseChange(published, workers);
      return change.reached === change.nodes || monotonicNowMs() > deadlineMs ? change : undefined;
    },
    { timeoutMs: 2 * spreadTimeoutMs, pollMs: quietMs, signal },
  );
}
