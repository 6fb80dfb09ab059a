import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits, parseAddress, parseElectionName, parseNodeId } from '@herald/core';
import { encodeRecord } from '@herald/wire';
import fc from 'fast-check';
import { checkProfile, formatCandidate, readCandidate, toLeader } from './candidate.ts';
import type { Profile } from './candidate.ts';

const profile: Profile = {
  id: parseNodeId('a'),
  address: '10.0.0.1:9000',
  electorAddress: parseAddress('10.0.0.1:7400'),
  metadata: { zone: 'x' },
  ttlSeconds: 3,
};

test('what a candidate of ours says is read as it was written', () => {
  const candidate = readCandidate(formatCandidate(profile), 5n);
  assert.equal(candidate.kind, 'herald');
  assert.equal(candidate.ttlSeconds, 3);
  assert.deepEqual(
    { ...candidate.leader, metadata: { ...candidate.leader.metadata } },
    toLeader(profile),
  );
});

test('the value is JSON that people can read', () => {
  assert.equal(
    formatCandidate(profile),
    '{"herald":1,"id":"a","address":"10.0.0.1:9000","electorAddress":"10.0.0.1:7400",' +
      '"metadata":{"zone":"x"},"ttlSeconds":3}',
  );
});

test('fields that a later version adds are passed over', () => {
  const value = JSON.stringify({ ...JSON.parse(formatCandidate(profile)), weight: 7 });
  assert.equal(readCandidate(value, 5n).kind, 'herald');
});

test('a candidate of another make is called by its lease, its text taken for an address', () => {
  const { kind, leader, ttlSeconds } = readCandidate('10.9.9.9:80', 0x7587_1234_abcdn);
  assert.equal(kind, 'foreign');
  assert.equal(ttlSeconds, undefined);
  assert.deepEqual(leader, { id: 'etcd-75871234abcd', address: '10.9.9.9:80', metadata: {} });
});

test('text that no record could carry is left out', () => {
  assert.equal(readCandidate('a\nb', 1n).leader.address, '');
  assert.equal(readCandidate('x'.repeat(limits.addressBytesMax + 1), 1n).leader.address, '');
  assert.equal(readCandidate('\u0007', 1n).leader.address, '');
});

test('JSON that is nearly ours is another make', () => {
  const ours = JSON.parse(formatCandidate(profile)) as Record<string, unknown>;
  const spoilt = [
    { herald: 2 },
    { id: 'not a name' },
    { electorAddress: 'nowhere' },
    { metadata: { key: 5 } },
    { metadata: { '': 'x' } },
    { metadata: { big: 'x'.repeat(limits.metadataValueBytesMax + 1) } },
    { address: 'x'.repeat(limits.addressBytesMax + 1) },
    { ttlSeconds: 0 },
  ];
  for (const part of spoilt) {
    const value = JSON.stringify({ ...ours, ...part });
    assert.equal(readCandidate(value, 1n).kind, 'foreign', value.slice(0, 80));
  }
});

test('whatever stands in a value, a record can be made of it', () => {
  const metadata = fc.dictionary(fc.string(), fc.string({ maxLength: 2_000 }), { maxKeys: 40 });
  const anyValue = fc.oneof(
    fc.string(),
    fc.json(),
    fc.string({ minLength: 250, maxLength: 5_000 }),
    metadata.map((each) => formatCandidate({ ...profile, metadata: each })),
  );
  const leaseId = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(anyValue, leaseId, (value, lease) => {
      const { leader } = readCandidate(value, lease);
      encodeRecord({
        kind: 'leader',
        election: parseElectionName('e'.repeat(limits.nameBytesMax)),
        version: {
          lineage: 2 ** 32 - 1,
          epoch: 2n ** 63n - 1n,
          sequence: 2n ** 63n - 1n,
          renewal: 2 ** 32 - 1,
        },
        leader,
        validityMs: limits.validityMsMax,
        issuer: parseNodeId('i'.repeat(limits.nameBytesMax)),
      });
    }),
  );
});

test('a profile that others could not read is refused, with what is too long', () => {
  checkProfile(profile);
  assert.throws(() => checkProfile({ ...profile, address: 'a\nb' }), /address/);
  assert.throws(
    () => checkProfile({ ...profile, metadata: { a: 'x'.repeat(1_025) } }),
    /metadata.* 1024 bytes/,
  );
  const metadata = Object.fromEntries(
    Array.from({ length: 8 }, (_, index) => [`k${index}`, 'x'.repeat(500)]),
  );
  assert.throws(() => checkProfile({ ...profile, metadata }), /must fit 3584 bytes/);
});
