/** Merge laws, and what age, validity and expiry say of a held record. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { arbitraryVersion, held, sealed, version } from './fixtures.test.ts';
import { ageMs, mergeRecords, recordStatus, validForMs } from './record.ts';
import type { HeldRecord } from './record.ts';
import { compareVersions } from './version.ts';

const arbitraryHeld = arbitraryVersion.map((at) => held(sealed({ version: at })));

function sameVersion(a: HeldRecord, b: HeldRecord): boolean {
  return compareVersions(a.sealed.record.version, b.sealed.record.version) === 0;
}

describe('merge of records', () => {
  it('P2: is commutative, up to records of equal version', () => {
    fc.assert(
      fc.property(arbitraryHeld, arbitraryHeld, (a, b) => {
        assert.ok(sameVersion(mergeRecords(a, b), mergeRecords(b, a)));
      }),
    );
  });

  it('P2: is associative', () => {
    fc.assert(
      fc.property(arbitraryHeld, arbitraryHeld, arbitraryHeld, (a, b, c) => {
        assert.equal(mergeRecords(mergeRecords(a, b), c), mergeRecords(a, mergeRecords(b, c)));
      }),
    );
  });

  it('P2: is idempotent: what is held stays, with its own age and hops', () => {
    fc.assert(
      fc.property(arbitraryHeld, (a) => {
        assert.equal(mergeRecords(a, { ...a, hops: 7 }), a);
        assert.equal(mergeRecords(undefined, a), a);
      }),
    );
  });

  it('P2: is never older than either', () => {
    fc.assert(
      fc.property(arbitraryHeld, arbitraryHeld, (a, b) => {
        const merged = mergeRecords(a, b).sealed.record.version;
        assert.ok(compareVersions(merged, a.sealed.record.version) >= 0);
        assert.ok(compareVersions(merged, b.sealed.record.version) >= 0);
      }),
    );
  });
});

describe('age and validity', () => {
  const claim = held(sealed({ version: version(1), validityMs: 3000 }), {
    appliedAtMs: 500,
    ageAtApplyMs: 100,
  });

  it('P4: the age is what it was on arrival plus the time held', () => {
    assert.equal(ageMs(claim, 500), 100);
    assert.equal(ageMs(claim, 1500), 1100);
    assert.equal(ageMs(claim, 400), 100, 'a reading from before the arrival adds nothing');
  });

  it('P4: what is left of the validity is stated minus age, and never negative', () => {
    assert.equal(validForMs(claim, 500), 2900);
    assert.equal(validForMs(claim, 3400), 0);
    assert.equal(validForMs(claim, 90_000), 0);
  });

  it('P4: is current until the very millisecond at which the lease can have ended', () => {
    assert.equal(recordStatus(claim, 3399), 'current');
    assert.equal(recordStatus(claim, 3400), 'expired');
  });

  it('P4: a record that comes too old is expired at once', () => {
    const old = held(sealed({ version: version(1), validityMs: 3000 }), { ageAtApplyMs: 3000 });
    assert.equal(recordStatus(old, 0), 'expired');
  });

  it('P4: a vacancy is vacant, never current, never expired', () => {
    const vacancy = held(sealed({ version: version(1), vacancy: true }));
    assert.equal(recordStatus(vacancy, 0), 'vacant');
    assert.equal(recordStatus(vacancy, 1e9), 'vacant');
    assert.equal(validForMs(vacancy, 0), 0);
  });
});
