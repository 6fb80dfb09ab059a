/**
 * The fault matrix (docs/RELIABILITY.md), once through, on one small cluster. P1, P2, P5 and P8 are judged
 * in each row by the witness; a row that fails leaves the cluster healed for the next.
 */
import { after, afterEach, before, describe, it } from 'node:test';
import { FaultCluster } from './fault-cluster.ts';
import type { FaultClusterOptions } from './fault-cluster.ts';
import { assertPromisesHeld, runRow } from './fault-row.ts';
import type { FaultRow } from './fault-row.ts';
import { faultRows } from './fault-rows.ts';
import { recordOutcome } from './outcome-file.ts';

for (const etcdUsers of [false, true]) {
  const rows = faultRows.filter((row) => (row.etcdUsers ?? false) === etcdUsers);
  const how = etcdUsers ? ', where etcd wants to know who calls' : '';
  describe(`P1, P2, P5, P8: the fault matrix${how}`, () => {
    makeAll(rows, { etcdUsers });
  });
}

function makeAll(rows: readonly FaultRow[], options: FaultClusterOptions): void {
  let cluster: FaultCluster;

  before(async () => {
    cluster = await FaultCluster.start(options);
  });

  afterEach(async () => {
    await cluster.heal();
  });

  after(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  for (const row of rows) {
    it(row.fault, async () => {
      const outcome = await runRow(row, cluster);
      await recordOutcome(outcome);
      assertPromisesHeld(outcome);
    });
  }
}
