/**
 * A row of the fault matrix: one fault, made and undone, under the eyes of the witness. Decides what every
 * row must end with, whatever the fault: no two leaders at once, no version that goes back, no
 * acknowledged write lost or overtaken, no error that is not typed, no call that outlives its deadline.
 */
import assert from 'node:assert/strict';
import type { FaultCluster } from './fault-cluster.ts';
import type { Verdict } from './witness.ts';

const writesBeforeMin = 10;

export interface FaultRow {
  /** As in the table's JSON lines, and for choosing rows. */
  readonly id: string;
  /** What happens, as in the table. */
  readonly fault: string;
  /** From when the time to recover is counted. What a fault makes impossible is counted from its end. */
  readonly recoversFrom: 'fault' | 'end';
  /** Whether it needs an etcd that wants to know who calls, and so a cluster of its own. */
  readonly etcdUsers?: true;
  /** Makes the fault; what it leaves undone is undone afterwards. @returns the time to recover, in ms */
  readonly run: (cluster: FaultCluster) => Promise<number>;
}

export interface RowOutcome extends Verdict {
  readonly id: string;
  readonly fault: string;
  readonly recoversFrom: FaultRow['recoversFrom'];
  readonly recoveryMs: number;
}

/** Runs it once, from a cluster in which all is well to one in which all is well again. */
export async function runRow(row: FaultRow, cluster: FaultCluster): Promise<RowOutcome> {
  await cluster.settled();
  cluster.witness.begin();
  await cluster.until('some writes that the fault can lose', () => {
    return cluster.witness.writes >= writesBeforeMin;
  });
  const recoveryMs = await row.run(cluster);
  await cluster.heal();
  const verdict = await cluster.witness.verdict(cluster.leaderships());
  const { id, fault, recoversFrom } = row;
  return { id, fault, recoversFrom, recoveryMs: Math.round(recoveryMs), ...verdict };
}

/** @throws AssertionError that says which promise was broken, and how. */
export function assertPromisesHeld(outcome: RowOutcome): void {
  assert.deepEqual(outcome.broken, [], `${outcome.id}: a promise did not hold`);
  assert.ok(outcome.writes > 0, 'without a write nothing was shown');
}
