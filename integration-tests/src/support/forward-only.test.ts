/** The judge of P2 condemns what it must. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AppliedRecord } from '../fixtures/sampling-protocol.ts';
import { ForwardOnly } from './forward-only.ts';

function record(epoch: bigint, renewal: number, leaderId?: string): AppliedRecord {
  const version = { lineage: 0, epoch, sequence: epoch, renewal };
  return { election: 'payments', version, leaderId };
}

describe('ForwardOnly', () => {
  it('accepts versions that grow or stay, for each reader by itself', () => {
    const judge = new ForwardOnly();
    judge.note('node-1', record(3n, 0, 'a'));
    judge.note('node-1', record(3n, 1, 'a'));
    judge.note('node-1', record(3n, 1, 'a'));
    judge.note('node-2', record(3n, 0, 'a'));
    judge.note('node-1', record(9n, 0));
    judge.assertHeld();
    assert.equal(judge.count, 5);
    assert.equal(judge.readers.length, 2);
  });

  it('finds a step back, even of a renewal', () => {
    const judge = new ForwardOnly();
    judge.note('client', record(3n, 1, 'a'));
    judge.note('client', record(3n, 0, 'a'));
    assert.throws(
      () => judge.assertHeld(),
      /client in payments was given 0\.3\.3\.0 after 0\.3\.3\.1/,
    );
  });

  it('finds knowledge that was lost', () => {
    const judge = new ForwardOnly();
    judge.noteAnswer('node', 'payments', { carried: undefined });
    judge.assertHeld();
    judge.note('node', record(3n, 0, 'a'));
    judge.noteAnswer('node', 'payments', { carried: undefined });
    assert.throws(() => judge.assertHeld(), /node knew payments/);
  });

  it('finds two claims of one version', () => {
    const judge = new ForwardOnly();
    judge.note('node-1', record(3n, 0, 'a'));
    judge.note('node-2', record(3n, 0, 'b'));
    assert.throws(() => judge.assertHeld(), /node-2 was told that b leads .* others a/);
  });
});
