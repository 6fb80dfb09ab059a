/** The laws of the version order, which is the whole conflict resolution. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { arbitraryVersion, version } from './fixtures.test.ts';
import { compareVersions, formatVersion, isNewer, isSameChange } from './version.ts';

describe('version order', () => {
  it('P2: is total: exactly one of older, equal, newer', () => {
    fc.assert(
      fc.property(arbitraryVersion, arbitraryVersion, (a, b) => {
        const verdicts = [compareVersions(a, b) < 0, compareVersions(a, b) === 0, isNewer(a, b)];
        assert.equal(verdicts.filter(Boolean).length, 1);
      }),
    );
  });

  it('P2: is antisymmetric, and equal only for equal parts', () => {
    fc.assert(
      fc.property(arbitraryVersion, arbitraryVersion, (a, b) => {
        assert.equal(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a)), 0);
        assert.equal(compareVersions(a, b) === 0, formatVersion(a) === formatVersion(b));
      }),
    );
  });

  it('P2: is transitive', () => {
    fc.assert(
      fc.property(arbitraryVersion, arbitraryVersion, arbitraryVersion, (a, b, c) => {
        const [low, middle, high] = [a, b, c].sort(compareVersions);
        assert.ok(low !== undefined && middle !== undefined && high !== undefined);
        assert.ok(compareVersions(low, middle) <= 0);
        assert.ok(compareVersions(middle, high) <= 0);
        assert.ok(compareVersions(low, high) <= 0);
      }),
    );
  });

  it('compares lineage before epoch before sequence before renewal', () => {
    const ascending = [
      version(9, 9, 9, 0),
      version(1, 0, 1, 1),
      version(1, 5, 1, 1),
      version(1, 0, 2, 1),
      version(2, 0, 1, 1),
    ];
    assert.deepEqual([...ascending].reverse().sort(compareVersions), ascending);
  });

  it('tells epochs beyond 2^53 apart', () => {
    const big = { ...version(0), epoch: 2n ** 53n };
    assert.ok(isNewer({ ...big, epoch: big.epoch + 1n }, big));
  });

  it('everything is newer than nothing', () => {
    fc.assert(
      fc.property(arbitraryVersion, (a) => {
        assert.ok(isNewer(a, undefined));
        assert.ok(!isNewer(a, a));
      }),
    );
  });

  it('is the same change exactly when nothing but the renewal differs', () => {
    fc.assert(
      fc.property(arbitraryVersion, arbitraryVersion, (a, b) => {
        const aligned = compareVersions({ ...a, renewal: 0 }, { ...b, renewal: 0 }) === 0;
        assert.equal(isSameChange(a, b), aligned);
      }),
    );
  });
});
