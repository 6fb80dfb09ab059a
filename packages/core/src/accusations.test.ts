/** How it travels that members are found unreachable, ahead of the states that say so. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Bench, contact, delta, peers, sent, stateOf, verdictOn } from './fixtures.test.ts';
import type { Contact } from './contact.ts';
import type { Effect } from './effects.ts';
import type { Accused, Frame } from './frames.ts';
import type { LinkId } from './ids.ts';
import { memberHash, nodeIdHash } from './state-hash.ts';
import { defaultTuning } from './tuning.ts';

const calm = { rotationMs: 0, fanout: 0 };
const suspect = contact('suspect');
const others = peers(12);
const { accusedBatchMs, accusedLinks, quorum } = defaultTuning;

/** A member linked to so many of those that it knows; it knows the suspect, too. */
function linked(count: number): { bench: Bench; links: LinkId[] } {
  const bench = new Bench({ tuning: calm });
  const links = others.slice(0, count).map((one) => bench.member(stateOf(one)));
  const [first] = links;
  assert.ok(first !== undefined);
  bench.frame(first, delta(...others.map((one) => stateOf(one)), stateOf(suspect)));
  bench.advanceBeating(defaultTuning.joinMs + 1000, links);
  return { bench, links };
}

/** "These find it unreachable, as of this version of it." */
function accusing(observers: readonly Contact[], version = 1, of = suspect): Frame {
  const { nodeId, generation } = of;
  const observersNamed = observers.map((one) => nodeIdHash(one.nodeId));
  const state = memberHash(nodeId, { generation, version });
  const accused = [{ idHash: nodeIdHash(nodeId), state, observers: observersNamed }];
  return { kind: 'accusations', accused };
}

function accusations(effects: readonly Effect[], link?: LinkId): Accused[] {
  return sent(effects, 'accusations', link).flatMap(({ accused }) => accused);
}

function observersIn(accused: readonly Accused[]): number {
  return accused.reduce((most, { observers }) => Math.max(most, observers.length), 0);
}

const first = (links: readonly LinkId[]): LinkId => links[0] ?? assert.fail('there is a link');
const settleMs = accusedBatchMs + defaultTuning.batchMs;

describe('accusations', () => {
  it('count like what observers say themselves: a quorum of them declares a member', () => {
    const { bench, links } = linked(1);
    bench.frame(first(links), accusing(others.slice(1, quorum)));
    assert.equal(bench.view(suspect)?.suspectedBy, quorum - 1);
    assert.equal(bench.view(suspect)?.reachability, 'reachable');
    bench.frame(first(links), accusing(others.slice(0, 1)));
    assert.equal(bench.view(suspect)?.reachability, 'unreachable');
    bench.frame(first(links), delta(stateOf(suspect, { version: 2 })));
    assert.equal(bench.view(suspect)?.reachability, 'reachable', 'it has spoken');
  });

  it('of an earlier state, of one that left, or by one that is unknown mean nothing', () => {
    const { bench, links } = linked(1);
    bench.frame(first(links), delta(stateOf(suspect, { version: 3 })));
    bench.frame(first(links), accusing(others.slice(0, quorum), 2));
    bench.frame(first(links), accusing(peers(quorum, 'stranger'), 3));
    assert.equal(bench.view(suspect)?.suspectedBy, 0);
    bench.frame(first(links), delta(stateOf(suspect, { version: 4, status: 'left' })));
    bench.frame(first(links), accusing(others.slice(0, quorum), 4));
    assert.deepEqual(bench.engine.memberCounts, { live: 13, unreachable: 0, left: 1 });
  });

  it('of another state than the one held bring that about: who holds the older one is told', () => {
    const { bench, links } = linked(1);
    bench.advance(settleMs);
    bench.frame(first(links), accusing(others.slice(0, quorum), 2));
    assert.equal(bench.view(suspect)?.suspectedBy, 0);
    const [shown] = sent(bench.advance(defaultTuning.batchMs), 'member-delta', first(links));
    assert.equal(shown?.states[0]?.state.contact.nodeId, suspect.nodeId);
  });

  it('of a state that was still on its way are asked for when it should be here', () => {
    const { bench, links } = linked(2);
    bench.frame(first(links), accusing(others.slice(0, quorum), 2));
    bench.frame(first(links), delta(stateOf(suspect, { version: 2 })));
    const [asked, ...more] = sent(bench.advanceBeating(2000, links), 'who-else', first(links));
    assert.deepEqual(asked?.known, []);
    assert.deepEqual(more, []);
  });

  it('are hearsay: what the observer says itself after that counts instead', () => {
    const { bench, links } = linked(1);
    const [observer, second] = others.slice(3);
    assert.ok(observer !== undefined && second !== undefined);
    bench.frame(first(links), accusing([observer, second]));
    bench.frame(first(links), delta(stateOf(observer, { version: 2 })));
    assert.equal(bench.view(suspect)?.suspectedBy, 1, 'it did not find it unreachable');
    const unreachable = [verdictOn(suspect)];
    bench.frame(first(links), delta(stateOf(second, { version: 2, unreachable })));
    assert.equal(bench.view(suspect)?.suspectedBy, 1, 'it did');
    bench.frame(first(links), delta(stateOf(second, { version: 3 })));
    assert.equal(bench.view(suspect)?.suspectedBy, 0);
  });

  it('of a member are refuted by it, at once', () => {
    const { bench, links } = linked(2);
    const own = bench.view(bench.self)?.state;
    assert.ok(own !== undefined);
    bench.frame(first(links), accusing(others.slice(0, 1), own.version, own.contact));
    bench.advance(defaultTuning.wordGapMs);
    assert.equal(bench.view(bench.self)?.state.version, own.version + 1);
    bench.frame(first(links), accusing(others.slice(0, 1), own.version, own.contact));
    bench.advance(defaultTuning.wordGapMs);
    assert.equal(bench.view(bench.self)?.state.version, own.version + 1, 'once is enough');
  });

  it('go on to some neighbours, but not to who told, and not beyond a quorum', () => {
    const { bench, links } = linked(6);
    const [from, ...rest] = links;
    for (const link of links.slice(2)) bench.frame(link, { kind: 'prune' });
    bench.frame(first(links), accusing(others.slice(1, 3)));
    const effects = bench.advance(settleMs);
    assert.deepEqual(accusations(effects, from), []);
    const told = rest.filter((link) => accusations(effects, link).length > 0);
    assert.ok(told.length >= accusedLinks - 1 && told.length <= accusedLinks, `${told.length}`);
    assert.equal(observersIn(accusations(effects)), 2);
    bench.frame(first(links), accusing(others.slice(3, 6)));
    assert.equal(observersIn(accusations(bench.advance(settleMs))), quorum);
    assert.equal(bench.view(suspect)?.suspectedBy, quorum, 'more would tell nobody anything');
    bench.frame(first(links), accusing(others.slice(6, 9)));
    assert.deepEqual(accusations(bench.advance(settleMs)), []);
  });

  it('that name fewer than are known are answered', () => {
    const { bench, links } = linked(2);
    bench.frame(first(links), accusing(others.slice(1, 1 + quorum)));
    bench.advance(settleMs);
    bench.frame(first(links), accusing(others.slice(1, 2)));
    assert.equal(observersIn(accusations(bench.advance(settleMs), first(links))), quorum);
  });

  it('are told to who asks, but for those that it knows', () => {
    const { bench, links } = linked(2);
    bench.frame(first(links), accusing(others.slice(1, 1 + quorum)));
    bench.advance(settleMs);
    bench.frame(first(links), { kind: 'who-else', known: [nodeIdHash(suspect.nodeId)] });
    assert.deepEqual(accusations(bench.advance(settleMs), first(links)), []);
    bench.frame(first(links), { kind: 'who-else', known: [] });
    const [told] = accusations(bench.advance(settleMs), first(links));
    assert.equal(told?.idHash, nodeIdHash(suspect.nodeId));
  });

  it('are asked for after a death, less and less often, and no more when the alarm is over', () => {
    const { bench, links } = linked(3);
    bench.frame(first(links), accusing(others.slice(1, 1 + quorum)));
    const asked = (ms: number): number => sent(bench.advanceBeating(ms, links), 'who-else').length;
    const atOnce = asked(1000);
    assert.ok(atOnce >= 2 && atOnce <= 4, `${atOnce} in the first second`);
    const later = asked(10_000);
    assert.ok(later >= 4 && later <= 12, `${later} in the next ten`);
    assert.equal(asked(10_000), 0);
  });

  it('are told more seldom by who is behind with what it hears', () => {
    const framesOf = (lateMs: number): number => {
      const { bench, links } = linked(2);
      let frames = 0;
      for (const one of peers(20, 'dead')) bench.frame(first(links), delta(stateOf(one)));
      for (const one of peers(20, 'dead')) {
        if (lateMs === 0) frames += sent(bench.advance(400), 'accusations').length;
        else {
          bench.nowMs += lateMs;
          frames += sent(bench.input({ kind: 'wake' }), 'accusations').length;
        }
        bench.frame(first(links), accusing(others.slice(1, 4), 1, one));
      }
      return frames;
    };
    const [inTime, late] = [framesOf(0), framesOf(400)];
    assert.ok(inTime > 8, `${inTime} frames`);
    assert.ok(late > 0 && late < inTime / 2, `${late} frames of one that is late, ${inTime} else`);
  });

  it('of the member at the other end of a new link are told to it, so that it can refute them', () => {
    const { bench, links } = linked(1);
    bench.frame(first(links), accusing(others.slice(1, 1 + quorum)));
    bench.advance(settleMs);
    const link = bench.member(stateOf(suspect));
    const [told] = accusations(bench.advance(settleMs), link);
    assert.equal(told?.idHash, nodeIdHash(suspect.nodeId));
    bench.frame(link, delta(stateOf(suspect, { version: 2 })));
    assert.equal(bench.view(suspect)?.reachability, 'reachable');
  });

  it('go along the tree only in a mass failure', () => {
    const { bench, links } = linked(8);
    for (const link of links.slice(1)) bench.frame(link, { kind: 'prune' }); // the tree is one link
    const linksOf = (effects: readonly Effect[]): number =>
      links.filter((link) => sent(effects, 'accusations', link).length > 0).length;
    const observers = others.slice(8, 8 + quorum);
    bench.frame(first(links), accusing(observers));
    assert.equal(linksOf(bench.advance(settleMs)), accusedLinks - 1, 'not where it came from');
    for (const one of peers(6)) bench.frame(first(links), accusing(observers, 1, one));
    assert.equal(bench.engine.memberCounts.unreachable, 7);
    bench.advance(settleMs);
    const [, second] = links;
    assert.ok(second !== undefined);
    bench.frame(second, accusing(observers, 1, contact('peer-6')));
    assert.equal(linksOf(bench.advance(settleMs)), defaultTuning.accusedLinksInMass);
  });

  it('are told in full, during an alarm, to whom the tree had cut off, and asked for by each new link', () => {
    const { bench, links } = linked(4);
    const [from, lazy] = links;
    assert.ok(from !== undefined && lazy !== undefined);
    bench.frame(lazy, { kind: 'prune' });
    bench.frame(from, accusing(others.slice(5, 5 + quorum)));
    assert.deepEqual(accusations(bench.advance(settleMs), lazy), []);
    bench.frame(lazy, { kind: 'graft' });
    assert.equal(observersIn(accusations(bench.advance(settleMs), lazy)), quorum);
    const before = bench.log.length;
    bench.member(stateOf(contact('newcomer')));
    assert.equal(sent(bench.log.slice(before), 'who-else').length, 1);
  });
});
