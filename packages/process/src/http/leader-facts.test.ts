import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatVersion, limits, parseElectionName, parseNodeId } from '@herald/core';
import type { LeaderClaim, Version } from '@herald/core';
import {
  cacheHeaders,
  leaderFacts,
  leaderFactsSchema,
  matchesTag,
  parseVersion,
} from './leader-facts.ts';
import type { KnownLeader } from './leader-facts.ts';

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const revision = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 2n ** 53n + 1n, 2n ** 63n - 1n),
);
const version: fc.Arbitrary<Version> = fc.record(
  { lineage: uint32, epoch: revision, sequence: revision, renewal: uint32 },
  { noNullPrototype: true },
);

const known: fc.Arbitrary<KnownLeader & { readonly record: LeaderClaim }> = fc
  .tuple(
    version,
    fc.integer({ min: 1, max: limits.validityMsMax }),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  )
  .map(([at, validityMs, spent]) => {
    const ageMs = validityMs * spent;
    const record = {
      kind: 'leader' as const,
      election: parseElectionName('payments'),
      version: at,
      issuer: parseNodeId('elector-a'),
      leader: { id: parseNodeId('a'), address: '10.0.0.1:80', metadata: {} },
      validityMs,
    };
    return { record, status: 'current', ageMs, validForMs: validityMs - ageMs, hops: 3 };
  });

describe('P9: a leader record over HTTP', () => {
  test('may be kept for no longer than it can be true', () => {
    fc.assert(
      fc.property(known, (each) => {
        const headers = cacheHeaders(each);
        const maxAge = Number(
          /^max-age=([0-9]+), must-revalidate$/.exec(headers['cache-control']!)![1],
        );
        const keptForMs = (maxAge - Number(headers['age'])) * 1_000;
        assert.ok(keptForMs <= each.validForMs, `${keptForMs} of ${each.validForMs} ms`);
      }),
    );
  });

  test('is rounded towards caution, in whole milliseconds and exact numbers', () => {
    fc.assert(
      fc.property(known, (each) => {
        const facts = leaderFacts(each);
        assert.ok(leaderFactsSchema.safeParse(facts).success);
        assert.ok(facts.ageMs >= each.ageMs && facts.validForMs <= each.validForMs);
        assert.equal(BigInt(facts.version.epoch), each.record.version.epoch);
        assert.deepEqual(JSON.parse(JSON.stringify(facts)), facts);
      }),
    );
  });

  test('has a tag that names its version, and is found in a list of tags', () => {
    fc.assert(
      fc.property(known, version, (each, other) => {
        const tag = cacheHeaders(each)['etag']!;
        const otherTag = `"${formatVersion(other)}"`;
        assert.ok(matchesTag(`${otherTag}, ${tag}`, tag));
        const isSame = formatVersion(other) === formatVersion(each.record.version);
        assert.equal(matchesTag(otherTag, tag), isSame);
        assert.equal(matchesTag(undefined, tag), false);
      }),
    );
  });

  test('has a version that is read as it is written, and nothing else is read', () => {
    fc.assert(
      fc.property(version, (each) => {
        assert.deepEqual(parseVersion(formatVersion(each)), each);
      }),
    );
    const rule = /must be lineage\.epoch\.sequence\.renewal/;
    const wrong = ['', '1.2.3', '1.2.3.4.5', '-1.2.3.4', '1.2.3.x', ' 1.2.3.4', '1.2.3.4\n'];
    const tooLarge = ['4294967296.0.0.0', '0.9223372036854775808.0.0', '0.0.0.4294967296'];
    for (const text of [...wrong, ...tooLarge]) {
      assert.throws(() => parseVersion(text), rule, JSON.stringify(text));
    }
  });
});
