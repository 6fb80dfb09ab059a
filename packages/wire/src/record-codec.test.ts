import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { limits, parseElectionName, parseNodeId } from '@herald/core';
import type { Leader, LeaderClaim, LeaderRecord, Version } from '@herald/core';
import type { LeaderRecord as RawRecord } from './generated/herald/v1/LeaderRecord.ts';
import { messages } from './proto.ts';
import { decodeRecord, encodeRecord } from './record-codec.ts';
import * as arbitrary from './test-support/arbitraries.ts';
import { expectWireError } from './test-support/expect-wire-error.ts';

const nothing = new Uint8Array(0);
const version: Version = { lineage: 1, epoch: 17n, sequence: 19n, renewal: 3 };
const leader: Leader = { id: parseNodeId('elector-1'), address: '10.0.0.1:80', metadata: {} };

function claim(change: Partial<LeaderClaim> = {}): LeaderRecord {
  return {
    kind: 'leader',
    election: parseElectionName('payments'),
    version,
    issuer: parseNodeId('elector-1'),
    leader,
    validityMs: 3000,
    ...change,
  };
}

function claimOf(change: Partial<Leader>): LeaderRecord {
  return claim({ leader: { ...leader, ...change } });
}

function decodeRaw(change: RawRecord): LeaderRecord {
  const raw: RawRecord = {
    election: 'payments',
    version: { lineage: 0, epoch: '5', sequence: '6', renewal: 0 },
    issuer: 'elector-1',
    ...change,
  };
  return decodeRecord(messages.leaderRecord.encode(raw), '', nothing).record;
}

describe('a leader record', () => {
  it('comes back as it was issued', () => {
    fc.assert(
      fc.property(arbitrary.leaderRecord, (record) => {
        const sealed = encodeRecord(record);
        assert.deepStrictEqual(sealed.record, record);
        assert.equal(sealed.keyId, '');
        assert.equal(sealed.signature.length, 0);
        assert.deepStrictEqual(decodeRecord(sealed.bytes, '', nothing), sealed);
      }),
      { numRuns: 500 },
    );
  });

  it('is held by a copy of its bytes and signature', () => {
    const { bytes } = encodeRecord(claim());
    const signature = Buffer.alloc(64, 1);
    const arrived = Buffer.from(bytes);
    const sealed = decodeRecord(arrived, 'key-1', signature);
    arrived.fill(0);
    signature.fill(0);
    assert.deepEqual(Buffer.from(sealed.bytes), Buffer.from(bytes));
    assert.deepEqual(Buffer.from(sealed.signature), Buffer.alloc(64, 1));
  });

  it('has no elector address when the leader is not one of ours', () => {
    const { record } = encodeRecord(claim());
    assert.ok(record.kind === 'leader');
    assert.ok(!('electorAddress' in record.leader));
  });

  it('takes the free text of a foreign candidate for its address', () => {
    for (const address of ['', 'https://example.org/päth?x=1', 'a b', '票务'.repeat(40)]) {
      const { record } = encodeRecord(claimOf({ address }));
      assert.ok(record.kind === 'leader' && record.leader.address === address);
    }
  });

  it('keeps metadata keys that mean something to JavaScript, and pollutes nothing', () => {
    const metadata = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
    const { record } = encodeRecord(claimOf({ metadata }));
    assert.ok(record.kind === 'leader');
    assert.deepEqual(Object.entries(record.leader.metadata), [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    assert.equal(Object.getPrototypeOf(record.leader.metadata), null);
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
    assert.equal(Object.getPrototypeOf({}), Object.prototype);
  });

  it('states whole milliseconds of validity, rounded down', () => {
    const { record } = encodeRecord(claim({ validityMs: 2999.9 }));
    assert.ok(record.kind === 'leader' && record.validityMs === 2999);
  });

  it('holds the highest revision of etcd', () => {
    const highest = { ...version, epoch: 2n ** 63n - 1n, sequence: 2n ** 63n - 1n };
    assert.deepEqual(encodeRecord(claim({ version: highest })).record.version, highest);
  });
});

describe('a publisher finds out that a record', () => {
  const entries = (count: number, value = 'v'): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`key-${index}`, value]));
  const refused: [string, LeaderRecord, string, string][] = [
    [
      'has too much metadata',
      claimOf({ metadata: entries(limits.metadataEntriesMax + 1) }),
      'LIMIT_EXCEEDED',
      'record.leader.metadata',
    ],
    [
      'has a metadata key too long',
      claimOf({ metadata: { ['é'.repeat(65)]: '' } }),
      'LIMIT_EXCEEDED',
      'record.leader.metadata',
    ],
    [
      'has a metadata value too long',
      claimOf({ metadata: { k: 'v'.repeat(limits.metadataValueBytesMax + 1) } }),
      'LIMIT_EXCEEDED',
      'record.leader.metadata',
    ],
    [
      'has an empty metadata key',
      claimOf({ metadata: { '': 'v' } }),
      'INVALID_VALUE',
      'record.leader.metadata',
    ],
    [
      'has a metadata key with a line end',
      claimOf({ metadata: { 'a\nb': 'v' } }),
      'INVALID_VALUE',
      'record.leader.metadata',
    ],
    [
      'has half a character',
      claimOf({ metadata: { k: '\uD83D' } }),
      'INVALID_VALUE',
      'record.leader.metadata',
    ],
    [
      'has an address too long',
      claimOf({ address: 'a'.repeat(limits.addressBytesMax + 1) }),
      'LIMIT_EXCEEDED',
      'record.leader.address',
    ],
    [
      'has an address too long in bytes',
      claimOf({ address: '票'.repeat(88) }),
      'LIMIT_EXCEEDED',
      'record.leader.address',
    ],
    [
      'has an address with control characters',
      claimOf({ address: 'a\u0007' }),
      'INVALID_VALUE',
      'record.leader.address',
    ],
    [
      'has an elector address that is none',
      claimOf({ electorAddress: 'nowhere' as never }),
      'INVALID_VALUE',
      'record.leader.elector_address',
    ],
    ['has no leader id', claimOf({ id: '' as never }), 'INVALID_VALUE', 'record.leader.id'],
    ['has a bad issuer', claim({ issuer: 'a b' as never }), 'INVALID_VALUE', 'record.issuer'],
    ['has a bad election', claim({ election: '-' as never }), 'INVALID_VALUE', 'record.election'],
    [
      'is valid too long',
      claim({ validityMs: limits.validityMsMax + 1 }),
      'LIMIT_EXCEEDED',
      'record.validity_ms',
    ],
    [
      'is valid for less than nothing',
      claim({ validityMs: -1 }),
      'INVALID_VALUE',
      'record.validity_ms',
    ],
    ['is valid for no number', claim({ validityMs: NaN }), 'INVALID_VALUE', 'record.validity_ms'],
    [
      'has an epoch above 2^63 - 1',
      claim({ version: { ...version, epoch: 2n ** 63n } }),
      'INVALID_VALUE',
      'record.version.epoch',
    ],
    [
      'has an epoch that 64 bits would wrap',
      claim({ version: { ...version, epoch: 2n ** 64n + 5n } }),
      'INVALID_VALUE',
      'record.version.epoch',
    ],
    [
      'has a negative sequence',
      claim({ version: { ...version, sequence: -1n } }),
      'INVALID_VALUE',
      'record.version.sequence',
    ],
    [
      'has a renewal that 32 bits would wrap',
      claim({ version: { ...version, renewal: 2 ** 32 } }),
      'INVALID_VALUE',
      'record.version.renewal',
    ],
    [
      'has half a lineage',
      claim({ version: { ...version, lineage: 0.5 } }),
      'INVALID_VALUE',
      'record.version.lineage',
    ],
    [
      'is too large in all',
      claimOf({ metadata: entries(limits.metadataEntriesMax, 'v'.repeat(120)) }),
      'LIMIT_EXCEEDED',
      'record',
    ],
  ];
  for (const [what, record, code, field] of refused) {
    it(what, () => {
      expectWireError(() => encodeRecord(record), code as 'LIMIT_EXCEEDED', field);
    });
  }

  const accepted: [string, LeaderRecord][] = [
    ['has as much metadata as it may', claimOf({ metadata: entries(limits.metadataEntriesMax) })],
    ['has the longest metadata key', claimOf({ metadata: { ['é'.repeat(64)]: '' } })],
    [
      'has the longest metadata value',
      claimOf({ metadata: { k: '\n'.repeat(limits.metadataValueBytesMax) } }),
    ],
    ['has the longest address', claimOf({ address: 'a'.repeat(limits.addressBytesMax) })],
    ['is valid as long as it may', claim({ validityMs: limits.validityMsMax })],
    ['is not valid at all', claim({ validityMs: 0 })],
    ['has a renewal of 2^32 - 1', claim({ version: { ...version, renewal: 2 ** 32 - 1 } })],
  ];
  for (const [what, record] of accepted) {
    it(`${what}, and that this is fine`, () => {
      assert.deepEqual(encodeRecord(record).record.version, record.version);
    });
  }

  it('is exactly as large as it may be, and that one byte more is too much', () => {
    const base = { a: 'v'.repeat(1024), b: 'v'.repeat(1024), c: 'v'.repeat(1024) };
    const sizeWith = (length: number): number =>
      encodeRecord(claimOf({ metadata: { ...base, d: 'v'.repeat(length) } })).bytes.length;
    const rest = limits.recordBytesMax - sizeWith(500) + 500;
    assert.equal(sizeWith(rest), limits.recordBytesMax);
    expectWireError(() => sizeWith(rest + 1), 'LIMIT_EXCEEDED', 'record');
  });
});

describe('a record that arrived', () => {
  const refused: [string, RawRecord, string, string][] = [
    ['without a claim', {}, 'MALFORMED', 'record.leader'],
    ['without a version', { version: null, vacancy: {} }, 'MALFORMED', 'record.version'],
    [
      'with two claims',
      { vacancy: {}, leader: { id: 'a', address: 'b' } },
      'MALFORMED',
      'record.claim',
    ],
    [
      'with an epoch of 2^64 - 1',
      { vacancy: {}, version: { epoch: '18446744073709551615' } },
      'INVALID_VALUE',
      'record.version.epoch',
    ],
    [
      'with a validity too long',
      { leader: { id: 'a' }, validityMs: limits.validityMsMax + 1 },
      'LIMIT_EXCEEDED',
      'record.validity_ms',
    ],
  ];
  for (const [what, raw, code, field] of refused) {
    it(`${what} is refused`, () => {
      expectWireError(() => decodeRaw(raw), code as 'MALFORMED', field);
    });
  }

  it('in text that is not UTF-8 is refused', () => {
    const { bytes } = encodeRecord(claimOf({ metadata: { k: 'zz' } }));
    const broken = Buffer.from(bytes);
    broken[broken.indexOf('zz')] = 0xff;
    expectWireError(
      () => decodeRecord(broken, '', nothing),
      'INVALID_VALUE',
      'record.leader.metadata',
    );
  });

  it('of no bytes at all is refused', () => {
    expectWireError(() => decodeRecord(nothing, '', nothing), 'INVALID_VALUE', 'record.election');
  });

  it('with a key id or a signature beyond its bound is refused', () => {
    const { bytes } = encodeRecord(claim());
    const key = 'k'.repeat(limits.nameBytesMax);
    assert.equal(decodeRecord(bytes, key, new Uint8Array(64)).keyId, key);
    expectWireError(() => decodeRecord(bytes, `${key}k`, nothing), 'LIMIT_EXCEEDED', 'key_id');
    expectWireError(
      () => decodeRecord(bytes, '', new Uint8Array(65)),
      'LIMIT_EXCEEDED',
      'signature',
    );
  });
});
