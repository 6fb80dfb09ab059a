/**
 * Asks one node after the other a question that any of them can answer: who the members are, how far a
 * change has spread. Decides that each is asked once, and how long it may take: as long as other attempts
 * while there is somebody else to ask, and as long as the call has for the last one.
 */
import type { Address } from '@herald/core';
import { attempt } from './attempt-call.ts';
import type { Attempt } from './attempts.ts';
import type { ClientParts } from './parts.ts';
import type { PendingCall } from './pending-call.ts';
import type { TransportCall } from './transport.ts';

/** @returns `undefined` when the call ended first, or nobody answered. */
export async function askInTurn<Answer>(
  parts: ClientParts,
  call: PendingCall,
  what: Attempt['what'],
  ask: (endpoint: Address, sent: TransportCall) => Promise<Answer>,
): Promise<Answer | undefined> {
  const { clock, delays, endpoints } = parts;
  const asked = new Set<Address>();
  for (;;) {
    const endpoint = endpoints.pick(clock.nowMs(), asked);
    if (endpoint === undefined || call.endReason !== undefined) return undefined;
    if (asked.size > 0) call.log.retries++;
    asked.add(endpoint);
    const isLast = endpoints.pick(clock.nowMs(), asked) === undefined;
    const result = await attempt({
      clock,
      endpoint,
      what,
      timeoutMs: isLast ? call.timeoutMs : delays.attemptTimeoutMs,
      signal: call.signal,
      log: call.log,
      ask: (sent) => ask(endpoint, sent),
      judge: () => 'answered',
    });
    if (result.kind === 'answered') return result.answer;
    endpoints.failed(endpoint, clock.nowMs());
  }
}
