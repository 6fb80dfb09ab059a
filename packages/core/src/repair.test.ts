/** Digests, wants and pages: what a broken tree or a lost message left out comes by a round. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import type { Effect } from './effects.ts';
import { link1, payments, push, sealed, sent, version } from './fixtures.test.ts';
import type { DigestFrame } from './frames.ts';
import { parseElectionName } from './ids.ts';
import type { ElectionName } from './ids.ts';
import { LeaderPlane } from './leader-plane.ts';
import { limits } from './limits.ts';
import { seededRandom } from './random.ts';
import { sameHash } from './state-hash.ts';
import { defaultTuning } from './tuning.ts';
import type { Version } from './version.ts';

function planeWith(state: Iterable<readonly [ElectionName, Version]>): {
  plane: LeaderPlane;
  take: () => Effect[];
} {
  const effects: Effect[] = [];
  const plane = new LeaderPlane(defaultTuning, seededRandom(1), (effect) => effects.push(effect));
  for (const [election, at] of state) plane.publish(sealed({ election, version: at }), 0, 0);
  plane.linkUp(link1, 'outbound');
  return { plane, take: () => effects.splice(0) };
}

function digestOf(election: ElectionName, at: Version): DigestFrame {
  const entries = [{ election, version: at }];
  return { kind: 'digest', after: undefined, upTo: undefined, entries };
}

/** `theirs` compares with `ours` as a round does: digest, wants, pushes. */
function repair(
  ours: ReturnType<typeof planeWith>,
  theirs: ReturnType<typeof planeWith>,
  nowMs: number,
): { digests: DigestFrame[]; wants: number } {
  ours.plane.sendDigest(link1);
  const digests = sent(ours.take(), 'digest');
  for (const digest of digests) theirs.plane.receiveDigest(link1, digest, nowMs);
  const answer = theirs.take();
  for (const frame of sent(answer, 'push')) ours.plane.receivePush(link1, frame, 0, nowMs);
  const wants = sent(answer, 'want');
  for (const frame of wants) ours.plane.receiveWant(link1, frame, nowMs);
  for (const frame of sent(ours.take(), 'push')) theirs.plane.receivePush(link1, frame, 0, nowMs);
  return { digests, wants: wants.length };
}

const longAfter = 10_000;

describe('repair by digests', () => {
  it('P3: makes any two members agree, by one digest from either', () => {
    const arbitraryState = fc
      .array(fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 4 }), fc.nat({ max: 3 })))
      .map((rows) => rows.map(([n, e, r]) => [parseElectionName(`e${n}`), version(e, r)] as const));
    fc.assert(
      fc.property(arbitraryState, arbitraryState, (a, b) => {
        const ours = planeWith(a);
        const theirs = planeWith(b);
        repair(ours, theirs, longAfter);
        assert.ok(sameHash(ours.plane.hash, theirs.plane.hash));
      }),
    );
  });

  it('goes in pages that leave no gap, however many elections there are', () => {
    const count = 2 * limits.digestEntriesMax + 88;
    const names = Array.from({ length: count }, (_, n) => parseElectionName(`e${n}`));
    const ours = planeWith(names.filter((_, n) => n % 3 !== 0).map((name) => [name, version(1)]));
    const theirs = planeWith(names.filter((_, n) => n % 3 !== 1).map((name) => [name, version(2)]));
    const { digests, wants } = repair(ours, theirs, longAfter);
    assert.ok(digests.length > 1);
    for (const digest of digests) assert.ok(digest.entries.length <= limits.digestEntriesMax);
    assert.equal(digests[0]?.after, undefined);
    assert.equal(digests.at(-1)?.upTo, undefined);
    for (const [index, digest] of digests.entries()) {
      assert.equal(digest.after, digests[index - 1]?.upTo);
    }
    assert.ok(wants > 0);
    assert.equal(ours.plane.elections().length, count);
    assert.ok(sameHash(ours.plane.hash, theirs.plane.hash));
  });

  it('an empty digest asks for everything', () => {
    const ours = planeWith([]);
    const theirs = planeWith([[payments, version(1)]]);
    const { digests } = repair(ours, theirs, longAfter);
    assert.equal(digests.length, 1);
    assert.deepEqual(ours.plane.held(payments)?.sealed.record.version, version(1));
  });

  it('gives the tree its time with a renewal, but not with a change', () => {
    const { plane, take } = planeWith([[payments, version(1, 5)]]);
    take();
    plane.receiveDigest(link1, digestOf(payments, version(1, 4)), defaultTuning.treeGraceMs - 1);
    assert.deepEqual(sent(take(), 'push'), []);
    plane.receiveDigest(link1, digestOf(payments, version(0)), defaultTuning.treeGraceMs - 1);
    assert.equal(sent(take(), 'push').length, 1);
    plane.receiveDigest(link1, digestOf(payments, version(1, 4)), defaultTuning.treeGraceMs);
    assert.equal(sent(take(), 'push').length, 1);
  });

  it('does not ask for the next renewal while ours is not overdue', () => {
    const wantsAt = (theirs: Version, nowMs: number): number => {
      const { plane, take } = planeWith([[payments, version(1, 5)]]); // valid for 3000 ms
      plane.receiveDigest(link1, digestOf(payments, theirs), nowMs);
      return sent(take(), 'want').length;
    };
    const overdueMs = 1000 + defaultTuning.treeGraceMs;
    assert.equal(wantsAt(version(1, 6), overdueMs - 1), 0, 'it is on its way');
    assert.equal(wantsAt(version(1, 6), overdueMs), 1, 'the tree did not bring it');
    assert.equal(wantsAt(version(1, 7), 0), 1, 'one was missed');
    assert.equal(wantsAt(version(2), 0), 1, 'a change');
    assert.equal(wantsAt(version(1, 5), overdueMs), 0, 'the same');
    assert.equal(wantsAt(version(0), overdueMs), 0, 'an older one');
  });

  it('answers a want that names an election many times once, and an unknown one never', () => {
    const { plane, take } = planeWith([[payments, version(1)]]);
    take();
    const elections = [...Array.from({ length: 200 }, () => payments), parseElectionName('other')];
    plane.receiveWant(link1, { kind: 'want', elections }, 0);
    assert.equal(sent(take(), 'push').length, 1);
  });

  it('asks in frames under the limit', () => {
    const { plane, take } = planeWith([]);
    const entries = Array.from({ length: limits.wantElectionsMax + 10 }, (_, n) => ({
      election: parseElectionName(`e${n}`),
      version: version(1),
    }));
    plane.receiveDigest(link1, { kind: 'digest', after: undefined, upTo: undefined, entries }, 0);
    const wants = sent(take(), 'want');
    assert.deepEqual(
      wants.map(({ elections }) => elections.length),
      [limits.wantElectionsMax, 10],
    );
  });

  it('renewals that were repaired are overdue no more', () => {
    const { plane } = planeWith([[payments, version(1)]]);
    assert.equal(plane.overdue(1500), 'no');
    assert.equal(plane.overdue(1501), 'lately');
    const renewal = push(sealed({ version: version(1, 1) }), { mode: 'repair' });
    plane.receivePush(link1, renewal, 0, 1501);
    assert.equal(plane.overdue(1600), 'no');
    assert.equal(plane.overdue(60_000), 'long');
  });
});
