import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, parseElectionName, parseNodeId } from '@herald/core';
import type { HeldRecord, LeaderRecord, Version } from '@herald/core';
import { encodeRecord } from '@herald/wire';
import fc from 'fast-check';
import { reconcile } from './reconcile.ts';
import type { Verdict } from './reconcile.ts';
import { toView } from './view.ts';

const election = parseElectionName('payments');
const issuer = parseNodeId('a');

function held(kind: 'leader' | 'vacancy', version: Partial<Version>): HeldRecord {
  const base = {
    election,
    issuer,
    version: { lineage: 0, epoch: 1n, sequence: version.epoch ?? 1n, renewal: 0, ...version },
  };
  const record: LeaderRecord =
    kind === 'vacancy'
      ? { kind, ...base }
      : {
          kind,
          ...base,
          leader: { id: issuer, address: '', metadata: {} },
          validityMs: 3_000,
        };
  return { sealed: encodeRecord(record), appliedAtMs: 0, ageAtApplyMs: 0, hops: 0 };
}

interface Case {
  readonly revision: bigint;
  /** Create and mod revisions of the candidates. */
  readonly keys?: readonly (readonly [bigint, bigint])[];
  readonly before?: HeldRecord;
  readonly now?: HeldRecord;
  readonly lineage?: number;
  readonly deletions?: Readonly<Record<string, bigint>>;
}

function decide({ revision, keys = [], before, now, lineage = 0, deletions = {} }: Case): Verdict {
  const view = toView(
    {
      clusterId: '1',
      revision,
      isTruncated: false,
      keys: keys.map(([createRevision, modRevision]) => ({
        key: `p/${createRevision.toString(16)}`,
        value: 'somewhere:1',
        leaseId: createRevision,
        ...{ createRevision, modRevision },
      })),
    },
    lineage,
    before,
  );
  const deletionOf = (epoch: bigint) => deletions[epoch.toString()];
  return reconcile({ view, tierNow: now ?? before, deletionOf });
}

test('an election that nobody knows and nobody stands in is settled', () => {
  assert.equal(decide({ revision: 9n }).kind, 'settled');
});

test('a leader is announced to a tier that knows nothing, or something older', () => {
  const keys = [[5n, 5n] as const, [7n, 7n] as const];
  for (const before of [undefined, held('leader', { epoch: 3n }), held('vacancy', { epoch: 4n })]) {
    const verdict = decide({ revision: 9n, keys, ...(before ? { before } : {}) });
    assert.ok(verdict.kind === 'announce');
    assert.equal(verdict.key.createRevision, 5n);
  }
});

test('a change of the key within an epoch is announced, a renewal is not', () => {
  const before = held('leader', { epoch: 5n, renewal: 7 });
  assert.equal(decide({ revision: 9n, keys: [[5n, 5n]], before }).kind, 'settled');
  assert.equal(decide({ revision: 9n, keys: [[5n, 8n]], before }).kind, 'announce');
});

test('a leader that is gone is a vacancy: at the revision of its deletion, if that was seen', () => {
  const before = held('leader', { epoch: 5n });
  assert.deepEqual(decide({ revision: 9n, before, deletions: { '5': 8n } }), {
    kind: 'vacate',
    epoch: 5n,
    sequence: 8n,
  });
  assert.deepEqual(decide({ revision: 9n, before }), { kind: 'vacate', epoch: 5n, sequence: 9n });
  const vacancy = held('vacancy', { epoch: 5n, sequence: 7n });
  assert.equal(decide({ revision: 9n, before: vacancy }).kind, 'settled');
});

test('what the tier learnt after the read was begun may be ahead of it', () => {
  const now = held('leader', { epoch: 12n });
  assert.equal(decide({ revision: 9n, now }).kind, 'ahead');
  assert.equal(decide({ revision: 9n, keys: [[5n, 5n]], now }).kind, 'ahead');
  // Created before the read, but came to lead after it.
  const successor = held('leader', { epoch: 7n });
  const keys = [[5n, 5n] as const, [7n, 7n] as const];
  assert.equal(decide({ revision: 9n, keys, now: successor }).kind, 'ahead');
});

test('P2: what the tier knew before the read must not be ahead of it: then history was lost', () => {
  const lost = (each: Case) => assert.equal(decide(each).kind, 'history-lost');
  lost({ revision: 9n, before: held('leader', { epoch: 12n }) });
  lost({ revision: 9n, before: held('vacancy', { epoch: 3n, sequence: 12n }) });
  lost({ revision: 9n, keys: [[5n, 5n]], before: held('leader', { epoch: 7n }) });
  lost({ revision: 9n, keys: [[5n, 5n]], before: held('vacancy', { epoch: 5n, sequence: 6n }) });
  lost({ revision: 9n, keys: [[5n, 5n]], before: held('leader', { epoch: 1n, lineage: 1 }) });
});

test('a higher lineage starts anew', () => {
  const before = held('leader', { epoch: 500n });
  assert.equal(decide({ revision: 9n, lineage: 1, before }).kind, 'settled');
  const verdict = decide({ revision: 9n, keys: [[5n, 5n]], lineage: 1, before });
  assert.equal(verdict.kind, 'announce');
});

/** A history of one election as etcd could have it: at each revision, who leads. */
interface Moment {
  readonly revision: bigint;
  readonly keys: readonly (readonly [bigint, bigint])[];
}

function historyOf(steps: readonly { kind: 'join' | 'leave' | 'change'; at: number }[]): Moment[] {
  const moments: Moment[] = [{ revision: 1n, keys: [] }];
  for (const { kind, at } of steps) {
    const last = moments.at(-1)!;
    const revision = last.revision + 1n;
    const index = last.keys.length === 0 ? 0 : at % last.keys.length;
    let keys = last.keys;
    if (kind === 'join') keys = [...keys, [revision, revision]];
    if (kind === 'leave') keys = keys.toSpliced(index, 1);
    if (kind === 'change') keys = keys.map((key, i) => (i === index ? [key[0], revision] : key));
    moments.push({ revision, keys });
  }
  return moments;
}

test('P2: observers that read one history in any order never disagree, go back or cry wolf', () => {
  const step = fc.record({
    kind: fc.constantFrom('join' as const, 'leave' as const, 'change' as const),
    at: fc.nat(10),
  });
  const reads = fc.array(fc.record({ skip: fc.nat(3), delay: fc.nat(3) }), { maxLength: 40 });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), reads, (steps, schedule) => {
      const history = historyOf(steps);
      let tier: HeldRecord | undefined;
      let begun = 0;
      /** Reads under way: what the tier said when they began, and what they will show. */
      const underWay: { before: HeldRecord | undefined; index: number; dueAt: number }[] = [];
      schedule.forEach(({ skip, delay }, time) => {
        // A read shows a state at or after its begin; the tier only has what some read showed before.
        begun = Math.min(begun + skip, history.length - 1);
        underWay.push({ before: tier, index: begun, dueAt: time + delay });
        for (const read of underWay.filter(({ dueAt }) => dueAt === time)) {
          const { revision, keys } = history[read.index]!;
          const verdict = decide({
            ...{ revision, keys },
            ...(read.before === undefined ? {} : { before: read.before }),
            ...(tier === undefined ? {} : { now: tier }),
          });
          assert.notEqual(verdict.kind, 'history-lost');
          let next: HeldRecord | undefined;
          if (verdict.kind === 'announce') {
            const { createRevision: epoch, modRevision: sequence } = verdict.key;
            next = held('leader', { epoch, sequence });
          }
          if (verdict.kind === 'vacate') {
            next = held('vacancy', { epoch: verdict.epoch, sequence: verdict.sequence });
          }
          if (next === undefined) continue;
          if (tier !== undefined) {
            const [a, b] = [next.sealed.record.version, tier.sealed.record.version];
            assert.ok(compareVersions(a, b) > 0, 'what is published is news');
          }
          tier = next;
        }
      });
      // One last read by everybody: the tier says what etcd says.
      const { revision, keys } = history.at(-1)!;
      for (let round = 0; round < 2; round++) {
        const verdict = decide({ revision, keys, ...(tier === undefined ? {} : { before: tier }) });
        if (verdict.kind === 'announce') {
          const { createRevision: epoch, modRevision: sequence } = verdict.key;
          tier = held('leader', { epoch, sequence });
        } else if (verdict.kind === 'vacate') {
          tier = held('vacancy', { epoch: verdict.epoch, sequence: verdict.sequence });
        } else {
          assert.equal(verdict.kind, 'settled');
        }
      }
      const record = tier?.sealed.record;
      assert.equal(record?.kind === 'leader', keys.length > 0);
      if (keys.length > 0) assert.equal(record?.version.epoch, keys[0]?.[0]);
    }),
    { numRuns: 300 },
  );
});
