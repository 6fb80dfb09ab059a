/** How two members that differ become equal, whatever they hold. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { Bench, Wire, contact, delta, peers, sent, stateOf, verdictOn } from './fixtures.test.ts';
import { mergeStates } from './endpoint-state.ts';
import type { EndpointState } from './endpoint-state.ts';
import type { Frame } from './frames.ts';
import { limits } from './limits.ts';

const hash = { high: 1, low: 1 };
const calm = { rotationMs: 0 };

/** One member's states: what is said at one version is one thing. */
const arbitraryState: fc.Arbitrary<EndpointState> = fc
  .tuple(fc.nat({ max: 40 }), fc.nat({ max: 2 }), fc.nat({ max: 3 }))
  .map(([name, generation, at]) =>
    stateOf(contact(`m${name}`, { generation }), {
      version: at,
      status: at === 3 ? 'left' : 'up',
      unreachable: at === 2 ? [verdictOn(contact(`m${name % 6}`, { generation }), at)] : [],
    }),
  );

function isOther({ contact: { nodeId } }: EndpointState): boolean {
  return /^m[0-9]+$/.test(nodeId);
}

/** Two members, of which each has heard these states from somebody else before they meet. */
function meeting(
  ours: readonly EndpointState[],
  theirs: readonly EndpointState[],
): { one: Bench; other: Bench; wire: Wire } {
  const one = new Bench({ self: contact('one'), tuning: calm, seed: 1 });
  const other = new Bench({ self: contact('other'), tuning: calm, seed: 2 });
  for (const [bench, states] of [
    [one, ours],
    [other, theirs],
  ] as const) {
    const link = bench.member(stateOf(contact('teller')));
    for (let start = 0; start < states.length; start += 100) {
      bench.frame(link, delta(...states.slice(start, start + 100)));
    }
    bench.closed(link, 'over', 'ended');
  }
  const wire = new Wire([one, other]);
  wire.input(one, { kind: 'introduce', addresses: [other.self.address], role: undefined });
  return { one, other, wire };
}

/**
 * What a member holds of those that did not leave. What the two say of themselves goes on changing:
 * they find that none of the others can be dialled.
 */
function held(bench: Bench): Map<string, EndpointState> {
  return new Map(
    bench.engine
      .members()
      .filter(({ state }) => state.status !== 'left' && isOther(state))
      .map(({ state }) => [state.contact.nodeId, state]),
  );
}

describe('members that compare', () => {
  it('P2: agree in the end on the newest of all, whatever each held', () => {
    const arbitraryStates = fc.array(arbitraryState, { maxLength: 60 });
    fc.assert(
      fc.property(arbitraryStates, arbitraryStates, (ours, theirs) => {
        const { one, other, wire } = meeting(ours, theirs);
        wire.advance(4000, 50);
        assert.deepEqual(held(one), held(other));
        const newest = new Map<string, EndpointState>();
        const gone = new Set<string>();
        for (const state of [...ours, ...theirs]) {
          const { nodeId, generation } = state.contact;
          if (state.status === 'left') gone.add(`${nodeId} ${generation}`);
          const before = newest.get(nodeId);
          newest.set(nodeId, before === undefined ? state : mergeStates(before, state));
        }
        for (const [nodeId, state] of newest) {
          if (gone.has(`${nodeId} ${state.contact.generation}`)) continue;
          assert.deepEqual(held(one).get(nodeId), state);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('bring a joiner two thousand states within a few round trips, in small pages', () => {
    const many = Array.from({ length: 2000 }, (_, n) => stateOf(contact(`m${n}`)));
    const { one, other, wire } = meeting(many, []);
    wire.advance(100, 10);
    assert.deepEqual(held(other), held(one));
    const frames = [...sent(one.log, 'member-delta'), ...sent(other.log, 'member-delta')];
    const states = frames.flatMap((frame) => frame.states).filter(({ state }) => isOther(state));
    assert.equal(states.length, 2000, 'each state crosses once');
    assert.ok(frames.every((frame) => frame.states.length <= limits.memberPageBytesMax / 70));
  });

  it('exchange only what differs', () => {
    const many = Array.from({ length: 500 }, (_, n) => stateOf(contact(`m${n}`)));
    const { one, other, wire } = meeting(
      [...many, stateOf(contact('m7'), { version: 2 })],
      [...many, stateOf(contact('m9'), { version: 2 })],
    );
    wire.advance(100, 10);
    assert.deepEqual(held(one), held(other));
    const said = [...sent(one.log, 'member-delta'), ...sent(other.log, 'member-delta')];
    const states = said.flatMap((frame) => frame.states).filter(({ state }) => isOther(state));
    assert.ok(states.length <= 4, `${states.length} states`);
    const digests = [...sent(one.log, 'member-digest'), ...sent(other.log, 'member-digest')];
    const entries = digests.reduce((sum, frame) => sum + frame.entries.length, 0);
    assert.ok(entries < 150, `${entries} of 500`);
  });

  it('a tombstone answers who still takes its member for up', () => {
    const gone = contact('gone');
    const { one, other, wire } = meeting(
      [stateOf(gone), stateOf(gone, { version: 2, status: 'left' })],
      [stateOf(gone)],
    );
    wire.advance(2000, 50);
    assert.equal(other.view(gone)?.state.status, 'left');
    assert.deepEqual(one.engine.memberCounts, other.engine.memberCounts);
  });
});

describe('a member that is asked', () => {
  const others = peers(20);
  const [first, second] = others;
  assert.ok(first !== undefined && second !== undefined);

  function knowing(): { bench: Bench; link: ReturnType<Bench['member']> } {
    const bench = new Bench({ tuning: { ...calm, fanout: 0 } });
    const link = bench.member(stateOf(first ?? contact('x')));
    bench.frame(link, delta(...others.map((one) => stateOf(one))));
    bench.advance(1000);
    return { bench, link };
  }

  const round: Frame = {
    kind: 'round',
    nonce: 0,
    hash: { high: 0, low: 0 },
    contacts: [],
    members: { hash, count: 21 },
    beatMs: 0,
  };

  it('asks one at a time, and another one when that does not answer', () => {
    const { bench, link } = knowing();
    const another = bench.member(stateOf(second));
    const asked = (effects: Parameters<typeof sent>[0]): number =>
      sent(effects, 'member-hashes').length;
    assert.equal(asked(bench.frame(link, round)), 1);
    assert.equal(asked(bench.frame(another, round)), 0);
    bench.advance(2500);
    assert.equal(asked(bench.frame(another, round)), 1);
  });

  it('leaves news its time to arrive by itself before it asks', () => {
    const { bench, link } = knowing();
    bench.advanceBeating(20_000, [link]);
    assert.equal(sent(bench.frame(link, round), 'member-hashes').length, 1, 'the first time');
    bench.frame(link, {
      kind: 'member-digest',
      bucketCount: 1,
      buckets: [],
      entries: [],
      last: true,
    });
    bench.frame(link, delta(stateOf(contact('fresh'))));
    assert.equal(sent(bench.frame(link, round), 'member-hashes').length, 0);
    bench.advance(500);
    assert.equal(sent(bench.frame(link, round), 'member-hashes').length, 1);
  });

  it('ignores a digest that it did not ask for, and numbers that are no buckets', () => {
    const { bench, link } = knowing();
    const digest: Frame = {
      kind: 'member-digest',
      bucketCount: 1,
      buckets: [0],
      entries: [],
      last: true,
    };
    assert.deepEqual(bench.frame(link, digest), []);
    assert.deepEqual(bench.frame(link, { kind: 'member-hashes', hashes: [hash, hash, hash] }), []);
    bench.frame(link, round);
    assert.deepEqual(bench.frame(link, { ...digest, bucketCount: 3 }), []);
    const answer = sent(bench.frame(link, digest), 'member-delta');
    assert.equal(
      answer.reduce((sum, { states }) => sum + states.length, 0),
      21,
    );
    assert.equal(answer.at(-1)?.done, true);
  });

  it('sends its states bucket by bucket, as fast as they are taken', () => {
    const { bench, link } = knowing();
    const many = Array.from({ length: 3000 }, (_, n) => stateOf(contact(`m${n}`)));
    bench.frame(link, delta(...many));
    bench.advance(1000);
    const empty = Array.from({ length: 256 }, () => ({ high: 0, low: 0 }));
    let effects = bench.frame(link, { kind: 'member-hashes', hashes: empty });
    let taken = 0;
    let turns = 0;
    for (let last = false; !last; turns++) {
      const states = sent(effects, 'member-delta').flatMap((frame) => frame.states);
      assert.ok(states.length <= limits.memberDigestEntriesMax, `${states.length} at once`);
      taken += states.length;
      const [digest] = sent(effects, 'member-digest');
      assert.ok(digest !== undefined);
      last = digest.last;
      effects = bench.frame(link, { kind: 'member-delta', states: [], wants: [], done: true });
    }
    assert.equal(taken, 3021);
    assert.ok(turns >= 3000 / limits.memberDigestEntriesMax);
  });
});
