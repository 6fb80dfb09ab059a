/** Asks one node after the other for the list of members. Decides that each is asked once. */
import type { Address } from '@herald/core';
import type { MemberList } from '@herald/wire';
import { attempt } from './attempt-call.ts';
import type { ClientParts } from './parts.ts';
import type { PendingCall } from './pending-call.ts';

/** @returns `undefined` when the call ended first, or nobody answered. */
export async function askForMembers(
  parts: ClientParts,
  call: PendingCall,
): Promise<MemberList | undefined> {
  const { clock, delays, endpoints, transport } = parts;
  const asked = new Set<Address>();
  for (;;) {
    const endpoint = endpoints.pick(clock.nowMs(), asked);
    if (endpoint === undefined || call.endReason !== undefined) return undefined;
    if (asked.size > 0) call.log.retries++;
    asked.add(endpoint);
    const result = await attempt({
      clock,
      endpoint,
      what: 'members',
      timeoutMs: delays.attemptTimeoutMs,
      signal: call.signal,
      log: call.log,
      ask: (sent) => transport.members(endpoint, sent),
      judge: () => 'answered',
    });
    if (result.kind === 'answered') return result.answer;
    endpoints.failed(endpoint, clock.nowMs());
  }
}
