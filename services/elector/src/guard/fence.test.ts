import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ElectorError } from '../errors.ts';
import { compareTokens, fence } from './fence.ts';
import type { FencingToken } from './fence.ts';

const token: fc.Arbitrary<FencingToken> = fc.record(
  { lineage: fc.nat({ max: 3 }), epoch: fc.bigInt({ min: 0n, max: 8n }) },
  { noNullPrototype: true },
);

describe('a fence', () => {
  it('P8: admits a leadership exactly when it has admitted no later one', () => {
    fc.assert(
      fc.property(fc.array(token, { maxLength: 30 }), (tokens) => {
        const store = fence();
        let latest: FencingToken | undefined;
        for (const each of tokens) {
          const isInTime = latest === undefined || compareTokens(each, latest) >= 0;
          if (isInTime) {
            store.admit(each);
            latest = each;
          } else {
            assert.throws(
              () => store.admit(each),
              (error) => error instanceof ElectorError && error.code === 'STALE_EPOCH',
            );
          }
          assert.deepEqual(store.highest, latest);
        }
      }),
    );
  });

  it('orders leaderships by lineage first: an epoch counts within one history of etcd', () => {
    fc.assert(
      fc.property(token, token, token, (a, b, c) => {
        assert.equal(Math.sign(compareTokens(a, b)) + Math.sign(compareTokens(b, a)), 0);
        assert.equal(compareTokens(a, b) === 0, a.lineage === b.lineage && a.epoch === b.epoch);
        if (a.lineage !== b.lineage) assert.equal(compareTokens(a, b) < 0, a.lineage < b.lineage);
        if (compareTokens(a, b) <= 0 && compareTokens(b, c) <= 0) {
          assert.ok(compareTokens(a, c) <= 0);
        }
      }),
    );
  });

  it('goes on from what its store has seen before', () => {
    const store = fence({ lineage: 1, epoch: 20n });
    assert.throws(() => store.admit({ lineage: 1, epoch: 19n }), {
      code: 'STALE_EPOCH',
      message: 'epoch 19 of lineage 1 is over: epoch 20 of lineage 1 has written since',
    });
    assert.throws(() => store.admit({ lineage: 0, epoch: 99n }), { code: 'STALE_EPOCH' });
    store.admit({ lineage: 1, epoch: 20n });
    store.admit({ lineage: 2, epoch: 3n });
    assert.deepEqual(store.highest, { lineage: 2, epoch: 3n });
  });

  it('remembers the token, not the object that bore it', () => {
    const leadership = { lineage: 0, epoch: 5n, isLeader: () => true };
    const store = fence();
    store.admit(leadership);
    leadership.epoch = 9n;
    assert.deepEqual(store.highest, { lineage: 0, epoch: 5n });
  });
});
