/** The hash of what is held: order does not matter, and each step costs the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { arbitraryVersion, payments, version } from './fixtures.test.ts';
import { parseElectionName } from './ids.ts';
import { XorHash, electionHash, sameHash } from './state-hash.ts';

const arbitraryState = fc.uniqueArray(
  fc.record({
    election: fc.nat({ max: 30 }).map((n) => parseElectionName(`e${n}`)),
    at: arbitraryVersion,
  }),
  { selector: ({ election }) => election, maxLength: 20 },
);

function hashOf(
  state: readonly {
    election: ReturnType<typeof parseElectionName>;
    at: ReturnType<typeof version>;
  }[],
): XorHash {
  const hash = new XorHash();
  for (const { election, at } of state) hash.toggle(electionHash(election, at));
  return hash;
}

describe('hash of the versions held', () => {
  it('does not depend on the order', () => {
    fc.assert(
      fc.property(arbitraryState, fc.nat(), (state, turn) => {
        const cut = state.length === 0 ? 0 : turn % state.length;
        const other = [...state.slice(cut), ...state.slice(0, cut)].reverse();
        assert.ok(sameHash(hashOf(state).value, hashOf(other).value));
      }),
    );
  });

  it('kept up step by step equals the one from scratch', () => {
    fc.assert(
      fc.property(arbitraryState, arbitraryVersion, (state, newer) => {
        const [first, ...rest] = state;
        if (first === undefined) return;
        const hash = hashOf(state);
        hash.toggle(electionHash(first.election, first.at));
        hash.toggle(electionHash(first.election, newer));
        assert.deepEqual(hash.value, hashOf([{ ...first, at: newer }, ...rest]).value);
      }),
    );
  });

  it('differs when any part of a version or the name differs', () => {
    const parts = [
      version(1),
      version(1, 1),
      version(1, 0, 2),
      version(2, 0, 1),
      version(1, 0, 1, 1),
      { ...version(1), epoch: 2n ** 32n + 1n },
      { ...version(1), sequence: 2n ** 32n + 1n },
    ];
    const hashes = parts.map((at) => hashOf([{ election: payments, at }]).value);
    hashes.push(hashOf([{ election: parseElectionName('payment'), at: version(1) }]).value);
    hashes.push(new XorHash().value);
    for (const [index, a] of hashes.entries()) {
      for (const b of hashes.slice(index + 1)) assert.ok(!sameHash(a, b));
    }
  });

  it('does not collide among 100 000 versions', () => {
    const seen = new Set<string>();
    let count = 0;
    for (let election = 0; election < 100; election++) {
      const name = parseElectionName(`e${election}`);
      for (let renewal = 0; renewal < 1000; renewal++, count++) {
        const { high, low } = hashOf([{ election: name, at: version(7, renewal * 31) }]).value;
        assert.ok(high >= 0 && low >= 0 && high < 2 ** 32 && low < 2 ** 32);
        seen.add(`${high} ${low}`);
      }
    }
    assert.equal(seen.size, count);
  });
});
