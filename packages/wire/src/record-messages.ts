/** A record on its way, in the domain's types. */
import type { SealedRecord } from '@herald/core';

/** A sealed record with what changes at every hop. */
export interface CarriedRecord {
  readonly sealed: SealedRecord;
  /** Milliseconds since the record was issued, as the sender reckons them; 0 to `limits.ageMsMax`. */
  readonly ageMs: number;
  /** Links crossed before this one; 0 to `limits.hopsMax`. */
  readonly hops: number;
}
