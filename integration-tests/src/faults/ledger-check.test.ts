/** The judge of writes condemns what it must. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findBrokenWrites } from './ledger-check.ts';

const entry = (id: string, epoch: bigint, revision: bigint) => ({ id, epoch, revision });

describe('findBrokenWrites', () => {
  it('accepts what is there, also what nobody was told of', () => {
    const ledger = [entry('c', 9n, 30n), entry('a', 5n, 10n), entry('b', 5n, 20n)];
    assert.deepEqual(findBrokenWrites([{ id: 'a', epoch: 5n }], ledger), {
      lost: [],
      overtaken: [],
      epoch: 9n,
    });
  });

  it('finds a write that was acknowledged and is not there', () => {
    const { lost } = findBrokenWrites([{ id: 'a', epoch: 5n }], [entry('b', 5n, 20n)]);
    assert.match(lost[0] ?? '', /write a was acknowledged under epoch 5/);
  });

  it('finds a leader that wrote after its successor had, in this ledger or one before', () => {
    const ledger = [entry('a', 5n, 10n), entry('late', 5n, 40n), entry('b', 9n, 30n)];
    assert.match(findBrokenWrites([], ledger).overtaken[0] ?? '', /epoch 5 wrote late at 40/);
    assert.equal(findBrokenWrites([], [entry('a', 5n, 10n)], 9n).overtaken.length, 1);
  });
});
