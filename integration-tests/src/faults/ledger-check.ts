/**
 * Judges what became of writes: each that was acknowledged is there, and no leader wrote after a
 * later one had. The entries in etcd are the truth, and what the client was told is what is held against it.
 */
import type { AcknowledgedWrite } from '../fixtures/load-client-protocol.ts';

export interface LedgerEntry {
  readonly id: string;
  /** Of the leader that wrote it. */
  readonly epoch: bigint;
  /** Of etcd: the order in which entries were written. */
  readonly revision: bigint;
}

export interface BrokenWrites {
  readonly lost: readonly string[];
  readonly overtaken: readonly string[];
  /** The highest that has written. */
  readonly epoch: bigint;
}

/** @param epochBefore the highest that had written before these entries */
export function findBrokenWrites(
  acknowledged: readonly Pick<AcknowledgedWrite, 'id' | 'epoch'>[],
  ledger: readonly LedgerEntry[],
  epochBefore = 0n,
): BrokenWrites {
  const written = new Set(ledger.map(({ id }) => id));
  const lost = acknowledged
    .filter(({ id }) => !written.has(id))
    .map(({ id, epoch }) => `write ${id} was acknowledged under epoch ${epoch}, and is not there`);
  const overtaken: string[] = [];
  let highest = epochBefore;
  for (const { id, epoch, revision } of ledger.toSorted(byRevision)) {
    if (epoch < highest) {
      overtaken.push(
        `epoch ${epoch} wrote ${id} at ${revision}, after epoch ${highest} had written`,
      );
    } else highest = epoch;
  }
  return { lost, overtaken, epoch: highest };
}

function byRevision(one: LedgerEntry, other: LedgerEntry): number {
  return one.revision < other.revision ? -1 : 1;
}
