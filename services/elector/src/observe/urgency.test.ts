import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAddress, parseNodeId } from '@herald/core';
import { formatCandidate } from '../campaign/candidate.ts';
import { isUrgent } from './urgency.ts';
import { toView } from './view.ts';
import type { CandidateKey } from './view.ts';

const foreign = 'somewhere:1';

function herald(id: string): string {
  return formatCandidate({
    id: parseNodeId(id),
    address: `${id}:80`,
    electorAddress: parseAddress(`${id}:7400`),
    metadata: {},
    ttlSeconds: 3,
  });
}

/** The line as it was read: one value for each candidate, with the create revisions 1, 2, 3, … */
function line(values: readonly string[], isTruncated = false) {
  const keys = values.map((value, index) => {
    const revision = BigInt(index + 1);
    const revisions = { createRevision: revision, modRevision: revision, leaseId: revision };
    return { key: `p/${index}`, value, ...revisions };
  });
  return toView({ clusterId: '1', revision: 100n, isTruncated, keys }, 0, undefined);
}

/** Asked as elector `me`, after the keys with these create revisions vanished (none: one was put). */
function ask(
  view: ReturnType<typeof line> | undefined,
  gone: readonly bigint[],
  { known = [] as readonly bigint[] } = {},
): boolean {
  const deletions = gone.map((createRevision) => ({ createRevision, revision: 101n }));
  const isOwn = ({ candidate }: CandidateKey) => candidate.leader.id === 'me';
  return isUrgent({ revision: 101n, deletions }, view, { isOwn, known: new Set(known) });
}

describe('how soon an elector reads the election after a change', () => {
  test('at once when it is the next in line, or may be', () => {
    assert.equal(ask(line([herald('a'), herald('me'), herald('b')]), [1n]), true);
    assert.equal(ask(line([herald('a'), herald('b'), herald('me')]), [1n, 2n]), true);
    assert.equal(ask(undefined, [1n]), true);
    assert.equal(ask(line([herald('a'), herald('b')], true), [1n]), true);
  });

  test('at once when nobody is left that it knows of', () => {
    assert.equal(ask(line([herald('a')]), [1n]), true);
    assert.equal(ask(line([]), []), true);
    assert.equal(ask(line([herald('me')]), [1n], { known: [1n] }), true);
  });

  test('P1: at once when its own key was taken away by somebody else', () => {
    assert.equal(ask(line([herald('me'), herald('a')]), [1n]), true);
    assert.equal(ask(line([herald('a'), herald('me'), herald('b')]), [2n]), true);
  });

  test('at once when the next is of another make: it does not tell the tier itself', () => {
    assert.equal(ask(line([herald('a'), foreign, herald('me')]), [1n]), true);
    assert.equal(ask(line([foreign, herald('me')]), []), true);
  });

  test('a moment later when another elector takes over', () => {
    assert.equal(ask(line([herald('a'), herald('b'), herald('me')]), [1n]), false);
    assert.equal(ask(line([herald('me'), herald('a')]), [1n], { known: [1n] }), false);
  });

  test('a moment later when the leader stays and others come or go', () => {
    assert.equal(ask(line([herald('a'), herald('b'), herald('me')]), [2n]), false);
    assert.equal(ask(line([herald('me'), herald('b')]), [2n]), false);
    assert.equal(ask(line([herald('me')]), []), false);
  });
});
