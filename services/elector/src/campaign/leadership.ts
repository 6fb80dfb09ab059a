/**
 * Leadership as the application sees it: an epoch, a signal that ends with it, and a question that
 * may be asked at any moment. Decides that what runs under one epoch never runs on under the next.
 */
import type { Tenure } from './tenure.ts';
import type { Campaign } from './campaign.ts';

/** One leadership, from its start to its end. */
export interface Leadership {
  /** The fencing token: hand it to whatever the leader writes to. */
  readonly epoch: bigint;
  /** The history of etcd that the epoch counts in; the two together never fall. */
  readonly lineage: number;
  /** Aborts when the leadership ends; its reason is an `ElectorError` that says why. */
  readonly signal: AbortSignal;
  /** Whether it goes on at this very moment, by the own deadline. Once false, always false. */
  readonly isLeader: () => boolean;
  /** For how long it goes on if no further renewal succeeds, in milliseconds; 0 when it is over. */
  readonly leadingForMs: () => number;
}

/**
 * Each leadership of the campaign that begins or goes on while one asks; ends when the campaign stops
 * or `signal` aborts. One that came and went while the consumer was busy is not shown.
 */
export async function* leadershipsOf(
  campaign: Campaign,
  signal?: AbortSignal,
): AsyncGenerator<Leadership, void, undefined> {
  let shown: Tenure | undefined;
  while (signal?.aborted !== true) {
    const { tenure } = campaign;
    if (tenure?.isLeading() === true && tenure !== shown) {
      shown = tenure;
      yield toLeadership(tenure);
      continue;
    }
    if (campaign.state === 'stopped') return;
    await campaign.changed(signal);
  }
}

/** The leadership that goes on at this moment, if one does. */
export function currentLeadership(campaign: Campaign): Leadership | undefined {
  const { tenure } = campaign;
  return tenure?.isLeading() === true ? toLeadership(tenure) : undefined;
}

function toLeadership(tenure: Tenure): Leadership {
  return {
    epoch: tenure.epoch,
    lineage: tenure.lineage,
    signal: tenure.signal,
    isLeader: () => tenure.isLeading(),
    leadingForMs: () => (tenure.isLeading() ? tenure.remainingMs() : 0),
  };
}
