/**
 * The mark that electors leave in etcd: which of etcd's histories this is. Decides where it lies, what it
 * says, and what is made of a value that says something else.
 *
 * It names the cluster that it was written in. A snapshot holds it like any other key, and `etcdctl snapshot
 * restore` gives the cluster a new id: so the mark that came back with a backup convicts itself. An etcd that
 * was wiped has none.
 */
import { z } from 'zod';

/** Lineages are 32 bits wide on the wire. */
export const lineageMax = 2 ** 32 - 1;

export interface Mark {
  /** Counter of etcd's histories; 0 is the first. */
  readonly lineage: number;
  /** The cluster that the mark was written in, as etcd's answers name it. */
  readonly clusterId: string;
}

/** Raised when a field changes its meaning; fields may be added without. */
const valueFormat = 1;
/** A mark takes some sixty bytes. */
const valueBytesMax = 1_024;

const valueSchema = z.object({
  herald: z.literal(valueFormat),
  lineage: z.int().min(0).max(lineageMax),
  clusterId: z.string().regex(/^[0-9]{1,20}$/),
});

/** No election's key: those have a slash after the name. */
export function markKey(prefix: string): string {
  return `${prefix}/lineage`;
}

export function formatMark({ lineage, clusterId }: Mark): string {
  return JSON.stringify({ herald: valueFormat, lineage, clusterId });
}

/** Undefined when the value is no mark; never throws. */
export function readMark(value: string): Mark | undefined {
  if (Buffer.byteLength(value) > valueBytesMax) return undefined;
  try {
    const { lineage, clusterId } = valueSchema.parse(JSON.parse(value));
    return { lineage, clusterId };
  } catch {
    return undefined;
  }
}
