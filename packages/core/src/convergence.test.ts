/** How far a change of leader has come. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  Bench,
  Wire,
  contact,
  delta,
  payments,
  peers,
  push,
  sealed,
  stateOf,
  version,
} from './fixtures.test.ts';
import { limits } from './limits.ts';

function knowing(applied: readonly (number | undefined)[]): Bench {
  const bench = new Bench({ tuning: { rotationMs: 0, fanout: 0 } });
  const link = bench.member(stateOf(contact('p0')));
  const states = applied.map((epoch, n) =>
    stateOf(contact(`p${n}`), {
      version: 2,
      applied: epoch === undefined ? [] : [{ election: payments, version: version(epoch) }],
    }),
  );
  bench.frame(link, delta(...states));
  return bench;
}

describe('convergence', () => {
  it('of an election that nobody knows is nothing', () => {
    const { newest, applied, live, behind } = knowing([undefined, undefined]).engine.convergence(
      payments,
    );
    assert.deepEqual([newest, applied, live, behind], [undefined, 0, 3, []]);
  });

  it('counts who applied the newest change that anybody has, and names the others, slowest first', () => {
    const bench = knowing([17, 16, undefined, 17, 3]);
    const answer = bench.engine.convergence(payments);
    assert.deepEqual(answer.newest, version(17));
    assert.deepEqual([answer.applied, answer.live], [2, 6]);
    assert.deepEqual(
      answer.behind.map(({ nodeId, applied }) => [nodeId, applied?.epoch]),
      [
        ['self', undefined],
        ['p2', undefined],
        ['p4', 3n],
        ['p1', 16n],
      ],
    );
  });

  it('takes this member as it is, whether it has told yet or not; renewals do not count', () => {
    const bench = knowing([17, 17]);
    const link = bench.engine.links()[0]?.id;
    assert.ok(link !== undefined);
    bench.frame(link, push(sealed({ version: version(17, 4) })));
    assert.equal(bench.engine.convergence(payments).applied, 3);
    bench.frame(link, push(sealed({ version: version(18) })));
    const answer = bench.engine.convergence(payments);
    assert.deepEqual([answer.newest?.epoch, answer.applied], [18n, 1]);
  });

  it('names a bounded number', () => {
    const bench = knowing(peers(100).map(() => 4));
    const link = bench.engine.links()[0]?.id;
    assert.ok(link !== undefined);
    bench.frame(link, push(sealed({ version: version(5) })));
    const answer = bench.engine.convergence(payments);
    assert.deepEqual([answer.applied, answer.live], [1, 101]);
    assert.equal(answer.behind.length, limits.behindMax);
  });

  it('is seen by everybody in the end', () => {
    const benches = peers(10).map(
      (self, n) => new Bench({ self, seeds: ['peer-0:7400'], seed: n }),
    );
    const wire = new Wire(benches);
    wire.advance(6000, 20);
    const [publisher] = benches;
    assert.ok(publisher !== undefined);
    wire.input(publisher, { kind: 'publish', sealed: sealed({ version: version(17) }), ageMs: 0 });
    wire.settle();
    assert.ok(publisher.engine.convergence(payments).applied < 10, 'it takes time to be told');
    wire.advance(6000, 20);
    for (const { engine } of benches) {
      const { newest, applied, live, behind } = engine.convergence(payments);
      assert.deepEqual([newest, applied, live, behind], [version(17), 10, 10, []]);
    }
  });
});
