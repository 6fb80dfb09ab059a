/** P7: members that forge records get none of them believed, by anybody, and the checks would tell. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { seededRandom } from '@herald/core';

import { BrokenPromise } from './checks/broken-promise.ts';
import { forgeries, forger } from './forgery.ts';
import { ObservedCluster, electors } from './observed-cluster.ts';
import { simulatedElection, simulatedRecord } from './records.ts';
import { simulatedTrust } from './signing.ts';

const truth = simulatedRecord(7);

function cluster(seed: number): { readonly cluster: ObservedCluster; readonly liars: Set<number> } {
  const settled = ObservedCluster.settled({ nodes: 30, seed });
  const liars = new Set([5, 6, 7]);
  settled.simulation.forgery = forger(liars, 0.5, seededRandom(seed));
  return { cluster: settled, liars };
}

describe('P7: forged records', () => {
  it('bear no trusted signature, in whichever way they were made', () => {
    assert.equal(simulatedTrust.objectionTo(truth), undefined);
    for (const [way, forge] of Object.entries(forgeries)) {
      const lie = { ...truth.record, version: { ...truth.record.version, epoch: 99n } };
      const sealed = forge(lie, truth);
      assert.equal(sealed.record.version.epoch, 99n);
      assert.notEqual(simulatedTrust.objectionTo(sealed), undefined, way);
    }
  });

  it('are refused, while true ones go on', () => {
    for (const seed of [1, 2, 3]) {
      const { cluster: told } = cluster(seed);
      for (let changes = 0; changes < 5; changes++) {
        told.change(electors);
        told.renew(0);
      }
      assert.ok(told.simulation.recordsRefused > 0, `seed ${seed}`);
      assert.deepEqual(told.behind(), [], `seed ${seed}`);
    }
  });

  it('would be noticed if anybody took one', () => {
    const { cluster: credulous } = cluster(1);
    credulous.simulation.objectionTo = () => undefined;
    assert.throws(
      () => {
        for (let changes = 0; changes < 5; changes++) credulous.change(electors);
      },
      (error) => error instanceof BrokenPromise && error.code === 'INVENTED',
    );
    const held = credulous.simulation.members.map(
      ({ engine }) => engine.held(simulatedElection)?.sealed.record.version.epoch,
    );
    assert.ok(held.includes(2n ** 63n - 1n));
  });
});
