/**
 * Records that reach the client by no question of its own: a service that does not lead told whom it
 * knows as the leader. Decides nothing: they are believed as any other, when they are newer.
 */
import type { CarriedRecord } from '@herald/wire';
import type { ClientParts } from './parts.ts';

/** A record that reached the program in another way than by this client's own questions. */
export interface HeardRecord {
  readonly carried: CarriedRecord;
  /** Who told it, `host:port`. */
  readonly endpoint: string;
  /** How long the answer that told it took, in milliseconds; counted into the record's age. */
  readonly roundTripMs: number;
}

/** @param transitMs How long the record was on its way here, as far as can be known. */
export function hear(
  { clock, election, keeper }: ClientParts,
  { carried, endpoint }: Pick<HeardRecord, 'carried' | 'endpoint'>,
  transitMs: number,
): void {
  const { record } = carried.sealed;
  if (record.election !== election) return;
  const source = { endpoint, nodeId: record.issuer, via: 'refusal' } as const;
  keeper.observe({ carried, receivedAtMs: clock.nowMs(), transitMs, source });
}
