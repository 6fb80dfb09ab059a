/** Who is unreachable, from what the members say of each other. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Bench, contact, delta, ofKind, peers, stateOf, verdictOn } from './fixtures.test.ts';
import type { Contact } from './contact.ts';
import { linkId } from './ids.ts';
import type { LinkId } from './ids.ts';
import { defaultTuning } from './tuning.ts';

const calm = { rotationMs: 0, fanout: 0 };
const suspect = contact('suspect');

/** A member that knows of these others and of the suspect, all by one link. */
function knowing(count: number): { bench: Bench; link: LinkId; others: Contact[] } {
  const bench = new Bench({ tuning: calm });
  const others = peers(count);
  const [first] = others;
  const link = first === undefined ? linkId(0) : bench.member(stateOf(first));
  bench.frame(link, delta(...others.map((one) => stateOf(one)), stateOf(suspect)));
  return { bench, link, others };
}

/** These observers say that they cannot reach the suspect, as of this state of it. */
function accuse(bench: Bench, link: LinkId, observers: readonly Contact[], of = 1): void {
  const unreachable = [verdictOn(suspect, of)];
  const states = observers.map((one) => stateOf(one, { version: 1 + of, unreachable }));
  bench.frame(link, delta(...states));
}

const { quorum } = defaultTuning;

describe('verdicts', () => {
  it('of a quorum make a member unreachable, told once; fewer do not', () => {
    const { bench, link, others } = knowing(10);
    accuse(bench, link, others.slice(0, quorum - 1));
    assert.equal(bench.view(suspect)?.reachability, 'reachable');
    assert.equal(bench.view(suspect)?.suspectedBy, quorum - 1);
    bench.log.length = 0;
    accuse(bench, link, others.slice(quorum - 1, quorum));
    accuse(bench, link, others.slice(quorum, quorum + 2));
    assert.equal(bench.view(suspect)?.reachability, 'unreachable');
    assert.equal(bench.view(suspect)?.suspectedBy, quorum + 2);
    const [told, ...more] = ofKind(bench.log, 'member-changed');
    assert.equal(told?.previous?.reachability, 'reachable');
    assert.equal(told.view?.reachability, 'unreachable');
    assert.deepEqual(more, []);
    assert.deepEqual(bench.engine.memberCounts, { live: 11, unreachable: 1, left: 0 });
  });

  it('are void as soon as the member says something new', () => {
    const { bench, link, others } = knowing(10);
    accuse(bench, link, others.slice(0, quorum));
    bench.frame(link, delta(stateOf(suspect, { version: 2 })));
    assert.equal(bench.view(suspect)?.reachability, 'reachable');
    assert.equal(bench.view(suspect)?.suspectedBy, 0);
  });

  it('on an earlier state than the one held do not count; on a later one they do', () => {
    const { bench, link, others } = knowing(10);
    bench.frame(link, delta(stateOf(suspect, { version: 3 })));
    accuse(bench, link, others.slice(0, 5), 2);
    assert.equal(bench.view(suspect)?.reachability, 'reachable');
    accuse(bench, link, others.slice(0, 5), 4);
    assert.equal(bench.view(suspect)?.reachability, 'unreachable');
  });

  it('of members that are unreachable themselves, or left, do not count', () => {
    const { bench, link, others } = knowing(12);
    const [lost, gone] = [others[1], others[2]];
    assert.ok(lost !== undefined && gone !== undefined);
    accuse(bench, link, [lost, gone]);
    bench.frame(link, delta(stateOf(gone, { version: 9, status: 'left' })));
    assert.equal(bench.view(suspect)?.suspectedBy, 1);
    const states = others
      .slice(3, 3 + quorum)
      .map((one) => stateOf(one, { version: 2, unreachable: [verdictOn(lost, 2)] }));
    bench.frame(link, delta(...states));
    assert.equal(bench.view(lost)?.reachability, 'unreachable');
    assert.equal(bench.view(suspect)?.suspectedBy, 0);
  });

  it('once declared stand, though the observers die too', () => {
    const { bench, link, others } = knowing(12);
    accuse(bench, link, others.slice(1, 1 + quorum));
    for (const one of others.slice(1, 1 + quorum)) {
      bench.frame(link, delta(stateOf(one, { version: 9, status: 'left' })));
    }
    assert.equal(bench.view(suspect)?.suspectedBy, 0);
    assert.equal(bench.view(suspect)?.reachability, 'unreachable');
  });

  it('that arrive before the member itself count when it does', () => {
    const bench = new Bench({ tuning: calm });
    const others = peers(8);
    const link = bench.member(stateOf(contact('peer-0')));
    bench.frame(link, delta(...others.map((one) => stateOf(one))));
    accuse(bench, link, others.slice(0, quorum));
    assert.equal(bench.view(suspect), undefined);
    bench.frame(link, delta(stateOf(suspect)));
    assert.equal(bench.view(suspect)?.reachability, 'unreachable');
  });

  it('of a suspect on itself mean nothing', () => {
    const { bench, link } = knowing(1);
    bench.frame(
      link,
      delta(stateOf(suspect, { version: 2, unreachable: [verdictOn(suspect, 2)] })),
    );
    assert.equal(bench.view(suspect)?.suspectedBy, 0);
  });

  it('take one observer of two members, two of three, and never one of many', () => {
    for (const [count, needed] of [
      [0, 1],
      [1, 2],
      [2, 3],
      [20, 3],
    ] as const) {
      const { bench, link, others } = knowing(count);
      const own = count === 0 ? bench.member(stateOf(suspect)) : link;
      if (count === 0) {
        bench.closed(own, 'reset', 'lost');
        bench.advanceDialling(1000, 'refused');
      } else {
        // This member has no link to the suspect: the others say it, and it counts itself among the able.
        accuse(bench, link, others.slice(0, needed - 1));
        const before = bench.view(suspect)?.reachability;
        assert.equal(before, 'reachable', `${needed - 1} of ${count + 2}`);
        if (others.length >= needed) accuse(bench, link, others.slice(0, needed));
        else {
          // Its own verdict completes the quorum: it dials the one that is doubted.
          bench.advanceDialling(3000, 'refused');
        }
      }
      assert.equal(bench.view(suspect)?.reachability, 'unreachable', `${needed} of ${count + 2}`);
    }
  });
});
