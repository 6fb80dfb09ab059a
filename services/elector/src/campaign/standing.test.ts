import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { standingOf } from './standing.ts';
import type { Standee } from './standing.ts';

const standee = fc.record({
  key: fc.integer({ min: 0, max: 99 }).map((name) => `p/${name}`),
  createRevision: fc.bigInt({ min: 1n, max: 50n }),
});
const line = fc.uniqueArray(standee, { selector: ({ key }) => key, maxLength: 12 });

test('the lowest create revision leads, whatever the order of the keys', () => {
  fc.assert(
    fc.property(line, fc.integer(), (keys, turn) => {
      const { leader } = standingOf(keys, undefined);
      const rotated = [...keys.slice(turn % 7), ...keys.slice(0, turn % 7)].toReversed();
      assert.deepEqual(standingOf(rotated, undefined).leader, leader);
      for (const { createRevision } of keys) {
        assert.ok(leader !== undefined && leader.createRevision <= createRevision);
      }
    }),
  );
});

test('exactly one of all candidates leads; each other waits behind its predecessor', () => {
  fc.assert(
    fc.property(line, (keys) => {
      const standings = keys.map((key) => standingOf(keys, key).own);
      const leading = standings.filter(({ kind }) => kind === 'leading');
      assert.equal(leading.length, keys.length === 0 ? 0 : 1);
      const predecessors = new Set<string>();
      for (const own of standings) {
        assert.notEqual(own.kind, 'absent');
        if (own.kind !== 'waiting') continue;
        assert.ok(own.position > 0 && own.position < keys.length);
        predecessors.add(own.predecessor);
      }
      assert.equal(predecessors.size, Math.max(0, keys.length - 1), 'nobody has two successors');
    }),
  );
});

test('who leads goes on leading while others come and go', () => {
  fc.assert(
    fc.property(line, line, (keys, others) => {
      const { leader } = standingOf(keys, undefined);
      if (leader === undefined) return;
      const later = others
        .filter(({ key }) => key !== leader.key)
        .map((each): Standee => ({ ...each, createRevision: each.createRevision + 50n }));
      assert.equal(standingOf([...later, leader], leader).own.kind, 'leading');
    }),
  );
});

test('a key of the own name that was created anew is not the own key', () => {
  const own = { key: 'p/1', createRevision: 5n };
  assert.equal(standingOf([own], own).own.kind, 'leading');
  assert.equal(standingOf([{ ...own, createRevision: 6n }], own).own.kind, 'absent');
  assert.equal(standingOf([], own).own.kind, 'absent');
});
