/** How states are kept: hashes that follow every change, buckets that any two tables agree on, choice. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { contact, stateOf } from './fixtures.test.ts';
import { parseNodeId } from './ids.ts';
import { limits } from './limits.ts';
import { MemberTable, bucketCountFor, isBucketCount } from './member-table.ts';
import { seededRandom } from './random.ts';

type Step =
  | { readonly kind: 'say'; readonly name: number; readonly version: number }
  | {
      readonly kind: 'stand';
      readonly name: number;
      readonly standing: 'live' | 'unreachable' | 'left';
    }
  | { readonly kind: 'remove'; readonly name: number };

const name = fc.nat({ max: 60 });
const arbitrarySteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('say' as const), name, version: fc.nat() }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('stand' as const),
        name,
        standing: fc.constantFrom('live' as const, 'unreachable', 'left'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), name }) },
  ),
  { maxLength: 150, size: 'max' },
);

function take(table: MemberTable, step: Step): void {
  const member = contact(`m${step.name}`);
  const entry = table.get(member.nodeId);
  if (step.kind === 'say') {
    const state = stateOf(member, { version: step.version });
    if (entry === undefined) table.add(state, 0);
    else table.replace(entry, state);
  } else if (entry !== undefined) {
    if (step.kind === 'stand') table.setStanding(entry, step.standing, 0);
    else table.remove(entry);
  }
}

function tableOf(count: number): MemberTable {
  const table = new MemberTable();
  for (let n = 0; n < count; n++) table.add(stateOf(contact(`m${n}`)), 0);
  return table;
}

describe('member table', () => {
  it('has hashes, lists and counts that follow every change', () => {
    fc.assert(
      fc.property(arbitrarySteps, (steps) => {
        const table = new MemberTable();
        for (const step of steps) take(table, step);
        const fresh = new MemberTable();
        for (const { state, standing } of table.entries()) {
          if (standing !== 'left') fresh.add(state, 0);
        }
        assert.deepEqual(table.hash, fresh.hash);
        assert.equal(table.count, fresh.count);
        for (const count of [1, 4, 256]) {
          assert.deepEqual(table.bucketHashes(count), fresh.bucketHashes(count));
        }
        for (const standing of ['live', 'unreachable', 'left'] as const) {
          const listed = table.of(standing);
          const expected = [...table.entries()].filter((entry) => entry.standing === standing);
          assert.deepEqual(new Set(listed), new Set(expected));
          assert.equal(listed.length, expected.length);
        }
      }),
    );
  });

  it('puts a member into one bucket, whatever their number, and its hash with it', () => {
    const table = tableOf(700);
    for (let count = 1; count <= limits.memberBucketsMax; count *= 2) {
      const hashes = table.bucketHashes(count);
      assert.equal(hashes.length, count);
      const seen = new Set<string>();
      for (let index = 0; index < count; index++) {
        const bucket = table.bucket(index, count);
        for (const { state } of bucket) seen.add(state.contact.nodeId);
        const { high, low } = hashes[index] ?? { high: 0, low: 0 };
        const empty = high === 0 && low === 0;
        assert.equal(empty, bucket.length === 0);
      }
      assert.equal(seen.size, 700);
    }
  });

  it('has buckets of a few members each at any size', () => {
    for (const count of [1, 16, 100, 1000, 16_000]) {
      const table = tableOf(count);
      const buckets = bucketCountFor(count);
      assert.ok(isBucketCount(buckets));
      const sizes = Array.from(
        { length: buckets },
        (_, index) => table.bucket(index, buckets).length,
      );
      assert.ok(Math.max(...sizes) <= 48, `${Math.max(...sizes)} of ${count}`);
    }
    assert.deepEqual([0, 3, 2048, 1.5, -4].map(isBucketCount), [false, false, false, false, false]);
  });

  it('chooses uniformly among the live', () => {
    const table = tableOf(20);
    const lost = table.get(parseNodeId('m3'));
    assert.ok(lost !== undefined);
    table.setStanding(lost, 'unreachable', 0);
    const random = seededRandom(5);
    const picks = new Map<string, number>();
    for (let n = 0; n < 19_000; n++) {
      const id = table.pick('live', random)?.state.contact.nodeId ?? '';
      picks.set(id, (picks.get(id) ?? 0) + 1);
    }
    assert.equal(picks.size, 19);
    assert.ok(Math.min(...picks.values()) > 850 && Math.max(...picks.values()) < 1150);
  });

  it('has room for members in place of tombstones only', () => {
    const table = tableOf(limits.membersMax);
    assert.equal(table.add(stateOf(contact('late')), 0), undefined);
    const gone = table.get(parseNodeId('m7'));
    assert.ok(gone !== undefined);
    table.setStanding(gone, 'left', 0);
    assert.ok(table.add(stateOf(contact('late')), 0) !== undefined);
    assert.equal(table.get(parseNodeId('m7')), undefined);
    assert.equal(table.size, limits.membersMax);
  });
});
