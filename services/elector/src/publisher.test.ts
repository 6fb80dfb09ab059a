/** What an elector says again, though nothing has changed in etcd. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseElectionName, parseNodeId } from '@herald/core';
import { Publisher } from './publisher.ts';
import type { ElectionView } from './observe/view.ts';
import { silentLogger } from './silent-logger.ts';
import { MemoryTier } from './testing/memory-tier.ts';
import { TroubleLog } from './trouble.ts';

const election = parseElectionName('payments');
const [a, b] = [parseNodeId('a'), parseNodeId('b')];
const noView: ElectionView = {
  ...{ clusterId: '1', lineage: 0, revision: 20n, candidates: [], isTruncated: false },
  tierBefore: undefined,
};

function publisherOf(tier: MemoryTier): Publisher {
  return new Publisher({
    ...{ election, issuer: a, ttlMs: 3_000, tier, random: () => 0.5 },
    ...{ logger: silentLogger, trouble: new TroubleLog(silentLogger) },
    leases: { life: () => Promise.reject(new Error('nobody leads')) },
    deletionOf: () => undefined,
    isOwn: () => false,
    history: {
      refusal: undefined,
      lose: (detail) => {
        throw new Error(JSON.stringify(detail));
      },
    },
  });
}

describe('P7: a vacancy', () => {
  test('is said again under a new key by whoever said it, once, and by nobody else', () => {
    const tier = new MemoryTier(a);
    using publisher = publisherOf(tier);
    tier.signingKeyId = 'old';
    const version = { lineage: 0, epoch: 7n, sequence: 9n, renewal: 0 };
    tier.publish({ kind: 'vacancy', election, version, issuer: a });
    publisher.onView(noView);
    assert.equal(tier.describe(election), 'vacancy 0.7.9.0');
    tier.signingKeyId = 'new';
    publisher.onView(noView);
    publisher.onView(noView);
    assert.equal(tier.describe(election), 'vacancy 0.7.9.1');

    tier.publish({ kind: 'vacancy', election, version: { ...version, sequence: 11n }, issuer: b });
    tier.signingKeyId = 'newer';
    publisher.onView(noView);
    assert.equal(tier.describe(election), 'vacancy 0.7.11.0');
  });
});
