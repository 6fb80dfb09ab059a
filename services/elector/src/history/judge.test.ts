/** What is made of one read of etcd, given what was known before it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Version } from '@herald/core';
import fc from 'fast-check';
import type { HistoryRead } from '../etcd/keyspace.ts';
import { judgeHistory } from './judge.ts';
import type { AcceptedHistory, HistoryVerdict } from './judge.ts';
import { formatMark, lineageMax, markKey, readMark } from './mark.ts';

const key = markKey('herald/elections');

function read(revision: bigint, mark?: string, clusterId = '7'): HistoryRead {
  const revisions = { createRevision: 1n, modRevision: 1n, leaseId: 0n };
  return {
    ...{ clusterId, revision },
    markKey: mark === undefined ? undefined : { key, value: mark, ...revisions },
  };
}

const marked = (lineage: number, clusterId = '7'): string => formatMark({ lineage, clusterId });
const accepted = (lineage: number, revision: bigint): AcceptedHistory => ({
  ...{ clusterId: '7', lineage, revision, markRevision: 1n },
});
const tierAt = (lineage: number, epoch: bigint): Version => ({
  ...{ lineage, epoch, sequence: epoch, renewal: 0 },
});
const starting = { accepted: undefined, tier: undefined };

function assertLost(verdict: HistoryVerdict, says: RegExp, lineage: number): void {
  assert.ok(verdict.kind === 'lost', `lost, not ${verdict.kind}`);
  assert.match(verdict.detail, says);
  assert.equal(verdict.lineage, lineage, 'only a higher lineage leads out');
}

test('an etcd without a mark is new when nobody knows of anything before', () => {
  assert.equal(judgeHistory(read(1n), starting).kind, 'unmarked');
});

test('P2: an etcd without a mark was wiped when the tier knows something, however small', () => {
  const verdict = judgeHistory(read(9_000n), { accepted: undefined, tier: tierAt(3, 2n) });
  assertLost(verdict, /bears no mark, but the tier knows version 3\.2\.2\.0/, 3);
});

test('P2: a mark that was there must not be gone', () => {
  const verdict = judgeHistory(read(9_000n), { accepted: accepted(2, 8n), tier: undefined });
  assertLost(verdict, /its mark is gone/, 2);
});

test('P2: a mark of another cluster came with a backup', () => {
  assertLost(judgeHistory(read(9n, marked(1), '8'), starting), /marked by cluster 7, and is/, 1);
});

test('P2: lineage and revision do not go back', () => {
  const before = { accepted: accepted(2, 8n), tier: undefined };
  assertLost(judgeHistory(read(9n, marked(1)), before), /lineage went back from 2 to 1/, 2);
  assertLost(judgeHistory(read(7n, marked(2)), before), /revision went back from 8 to 7/, 2);
  assert.equal(judgeHistory(read(8n, marked(2)), before).kind, 'accepted');
});

test('another cluster is another one, until its mark has a higher lineage', () => {
  const before = { accepted: accepted(2, 8n), tier: undefined };
  const verdict = judgeHistory(read(3n, marked(2, '8'), '8'), before);
  assertLost(verdict, /belongs to cluster 8, and was cluster 7 before/, 2);
  assert.ok(verdict.kind === 'lost' && verdict.isElsewhere);
  const raised = judgeHistory(read(3n, marked(3, '8'), '8'), before);
  assert.ok(raised.kind === 'accepted');
  assert.deepEqual(raised.accepted, { clusterId: '8', lineage: 3, markRevision: 1n, revision: 3n });
});

test('what is no mark is believed by nobody', () => {
  for (const value of ['', '{}', 'null', '{"herald":2,"lineage":9,"clusterId":"7"}', '[1]']) {
    assertLost(judgeHistory(read(9n, value), starting), /holds what is no mark of Herald's/, 0);
  }
  assert.equal(readMark('x'.repeat(5_000)), undefined);
  assert.equal(readMark(`{"herald":1,"lineage":${lineageMax + 1},"clusterId":"7"}`), undefined);
});

test('P2: whatever etcd shows, what is accepted goes forward by (lineage, revision)', () => {
  const value = fc.oneof(
    fc.constant(undefined),
    fc.constant('garbage'),
    fc.tuple(fc.nat(3), fc.constantFrom('7', '8')).map(([lineage, id]) => marked(lineage, id)),
  );
  const reads = fc.array(
    fc.tuple(fc.bigInt({ min: 1n, max: 9n }), value, fc.constantFrom('7', '8')),
  );
  fc.assert(
    fc.property(reads, fc.option(fc.nat(3), { nil: undefined }), (sequence, tierLineage) => {
      const tier = tierLineage === undefined ? undefined : tierAt(tierLineage, 5n);
      let last: AcceptedHistory | undefined;
      for (const [revision, mark, clusterId] of sequence) {
        const verdict = judgeHistory(read(revision, mark, clusterId), { accepted: last, tier });
        if (verdict.kind !== 'accepted') {
          const least = Math.max(last?.lineage ?? 0, tier?.lineage ?? 0);
          if (verdict.kind === 'lost') assert.ok(verdict.lineage >= least);
          continue;
        }
        const next = verdict.accepted;
        if (last?.lineage === next.lineage) {
          assert.equal(next.clusterId, last.clusterId);
          assert.ok(next.revision >= last.revision);
        }
        assert.ok(next.lineage >= (last?.lineage ?? 0));
        assert.equal(readMark(mark ?? '')?.clusterId, clusterId);
        last = next;
      }
    }),
  );
});
