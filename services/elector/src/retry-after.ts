/**
 * What an elector that does not lead says to whoever asked it: decides whether the best record it knows
 * is somebody to go to, or when it is worth asking again.
 */
import type { NodeId } from '@herald/core';
import type { LeaderAnswer } from '@herald/wire';
import { pace } from './config.ts';

/**
 * In whole milliseconds; 0 when the record names somebody else who can lead: then that one is to be
 * asked, at once.
 *
 * @param best what the tier answered the one who asked
 * @param self the elector that answers, and the TTL of its leases
 */
export function retryAfterMs(
  best: LeaderAnswer,
  self: { readonly id: NodeId; readonly ttlMs: number },
): number {
  const record = best.carried?.sealed.record;
  const renewIntervalMs = Math.ceil(pace.renewIntervalMs(self.ttlMs));
  // Who knows a newer leadership than the tier here is not helped by an older name: news is on its way.
  if (best.behind || best.status === 'vacant') return pace.retryVacantMs;
  if (best.status !== 'current' || record?.kind !== 'leader') return renewIntervalMs;
  if (record.leader.id !== self.id) return 0;
  // The tier still names this elector, which knows better; its successor is on the way.
  return Math.ceil(Math.min(Math.max(best.validForMs, pace.retryVacantMs), renewIntervalMs));
}
