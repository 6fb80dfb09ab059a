/** How what members say of themselves travels, and who comes and goes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  Bench,
  contact,
  delta,
  ofKind,
  payments,
  peers,
  push,
  sealed,
  sent,
  stateOf,
  verdictOn,
  version,
} from './fixtures.test.ts';
import { InvalidValueError } from './errors.ts';
import type { LinkId } from './ids.ts';
import { limits } from './limits.ts';
import { defaultTuning } from './tuning.ts';

const calm = { rotationMs: 0, fanout: 0 };
const [a, b, c] = peers(3);
assert.ok(a !== undefined && b !== undefined && c !== undefined);
const { batchMs, bulkBatchMs, quorum } = defaultTuning;

/** A member linked to a, b and c, whose own beginnings are over. */
function linked(tuning: object = {}): { bench: Bench; links: [LinkId, LinkId, LinkId] } {
  const bench = new Bench({ tuning: { ...calm, ...tuning } });
  const links = [a, b, c].map((one) => bench.member(stateOf(one ?? contact('x'))));
  bench.advanceBeating(defaultTuning.joinMs + 1000, links);
  return { bench, links: links as [LinkId, LinkId, LinkId] };
}

/** Of whom states were sent, by link. */
function pushed(effects: Parameters<typeof sent>[0], link: LinkId): string[] {
  return sent(effects, 'member-delta', link).flatMap(({ states }) =>
    states.map(({ state }) => state.contact.nodeId),
  );
}

describe('membership: what is told on', () => {
  it('each end of a new link says at once who it is', () => {
    const bench = new Bench({ tuning: calm, application: { zone: 'z1', build: '1.0' } });
    const link = bench.member(stateOf(a));
    const [first] = sent(bench.advance(0), 'member-delta', link);
    assert.equal(first?.states[0]?.state.contact.nodeId, bench.self.nodeId);
    assert.equal(first.states[0].state.application.zone, 'z1');
  });

  it('a join goes to the other eager links, together with what comes shortly after', () => {
    const { bench, links } = linked();
    const news = peers(20, 'new').map((one) => stateOf(one));
    bench.frame(links[0], delta(...news.slice(0, 10)));
    const at = bench.advance(1);
    bench.frame(links[0], delta(...news.slice(10)));
    const effects = [...at, ...bench.advance(bulkBatchMs)];
    assert.deepEqual(pushed(effects, links[0]), [], 'not back to where it came from');
    for (const link of links.slice(1)) {
      assert.equal(pushed(effects, link).length, 20);
      assert.equal(sent(effects, 'member-delta', link).length, 1, 'one frame for all');
    }
  });

  it('a join does not go along lazy links, a refutation does, within the batch delay', () => {
    const { bench, links } = linked();
    bench.frame(links[2], { kind: 'prune' });
    bench.frame(links[0], delta(stateOf(contact('new'))));
    assert.deepEqual(pushed(bench.advance(bulkBatchMs), links[2]), []);
    bench.frame(links[0], delta(stateOf(contact('new'), { version: 2 })));
    assert.deepEqual(pushed(bench.advance(batchMs), links[2]), ['new']);
  });

  it('what an observer says in its state has time: it went ahead as an accusation', () => {
    const { bench, links } = linked();
    bench.frame(links[2], { kind: 'prune' });
    bench.frame(links[0], delta(stateOf(a, { version: 2, unreachable: [verdictOn(b)] })));
    const effects = bench.advance(2 * bulkBatchMs);
    assert.deepEqual(pushed(effects, links[2]), []);
    assert.deepEqual(pushed(effects, links[1]), [a.nodeId]);
  });

  it('what a member says of itself waits for the end of a mass failure, a join does not', () => {
    const { bench, links } = linked();
    const dead = peers(20, 'dead');
    bench.frame(links[0], delta(...dead.map((one) => stateOf(one))));
    const unreachable = dead.map((one) => verdictOn(one));
    const observers = peers(quorum, 'observer');
    bench.frame(links[0], delta(...observers.map((one) => stateOf(one, { unreachable }))));
    assert.equal(bench.engine.memberCounts.unreachable, dead.length);
    bench.advanceBeating(1000, links);
    bench.frame(links[0], delta(stateOf(a, { version: 2, zone: 'z' }), stateOf(contact('new'))));
    const soon = pushed(bench.advanceBeating(2000, links), links[1]);
    assert.ok(soon.includes('new') && !soon.includes(a.nodeId), soon.join());
    const late = pushed(bench.advanceBeating(5000, links), links[1]);
    assert.ok(late.includes(a.nodeId), late.join());
  });

  it('a newcomer that is told of everybody does not tell them on: the teller has', () => {
    const bench = new Bench({ tuning: calm });
    const asked = bench.member(stateOf(contact('asked')));
    const other = bench.member(stateOf(contact('other')));
    const members = { hash: { high: 1, low: 1 }, count: 500 };
    const hash = { high: 0, low: 0 };
    bench.frame(asked, { kind: 'round', nonce: 0, hash, contacts: [], members, beatMs: 0 });
    assert.equal(sent(bench.log, 'member-hashes', asked).length, 1);
    bench.frame(asked, delta(stateOf(contact('told'))));
    bench.frame(other, delta(stateOf(contact('pushed'))));
    const told = sent(bench.advance(1000), 'member-delta').flatMap(({ states }) => states);
    const names = new Set<string>(told.map(({ state }) => state.contact.nodeId));
    assert.ok(names.has('pushed') && !names.has('told'), [...names].join());
  });

  it('what the other end shows meanwhile is not sent to it', () => {
    const { bench, links } = linked();
    const news = delta(stateOf(contact('new')));
    bench.frame(links[0], news);
    bench.frame(links[1], news);
    const effects = bench.advance(bulkBatchMs);
    assert.deepEqual(pushed(effects, links[1]), []);
    assert.deepEqual(pushed(effects, links[2]), ['new']);
  });

  it('who shows an older state is told the newer one', () => {
    const { bench, links } = linked();
    bench.frame(links[0], delta(stateOf(b, { version: 7 })));
    bench.advance(bulkBatchMs);
    bench.frame(links[2], delta(stateOf(b, { version: 3 })));
    const [frame] = sent(bench.advance(bulkBatchMs), 'member-delta', links[2]);
    assert.equal(frame?.states[0]?.state.version, 7);
  });

  it('P2: a higher version that comes first is whole, and the lower one does not replace it', () => {
    const { bench, links } = linked();
    bench.frame(links[0], delta(stateOf(b, { version: 9, zone: 'new' })));
    bench.frame(links[1], delta(stateOf(b, { version: 8, zone: 'old' })));
    assert.equal(bench.view(b)?.state.version, 9);
    assert.equal(bench.view(b)?.state.application.zone, 'new');
  });

  it('nothing at all while nothing changes', () => {
    const { bench, links } = linked();
    bench.advanceBeating(10_000, links);
    const effects = bench.advanceBeating(60_000, links);
    assert.deepEqual(sent(effects, 'member-delta'), []);
    assert.equal(bench.engine.links().length, 3);
  });
});

describe('membership: what a member says of itself', () => {
  const own = (bench: Bench): ReturnType<Bench['view']> => bench.view(bench.self);

  it('it is joining until it has compared with somebody, then up', () => {
    const bench = new Bench({ tuning: calm });
    assert.equal(own(bench)?.state.status, 'joining');
    const link = bench.member(stateOf(a));
    const members = sent(bench.advance(3000), 'round', link).at(-1)?.members;
    assert.equal(members?.count, 2);
    const hash = { high: 0, low: 0 };
    bench.frame(link, { kind: 'round', nonce: 0, hash, contacts: [], members, beatMs: 0 });
    bench.advance(batchMs);
    assert.equal(own(bench)?.state.status, 'up');
  });

  it('the first member of all is up after a while', () => {
    const bench = new Bench();
    bench.advance(defaultTuning.joinMs + batchMs);
    assert.equal(own(bench)?.state.status, 'up');
  });

  it('changed facts reach the links, and bad ones change nothing', () => {
    const { bench, links } = linked();
    bench.input({ kind: 'set-application', facts: { zone: 'eu' } });
    const [frame] = sent(bench.advance(2 * bulkBatchMs), 'member-delta', links[0]);
    assert.equal(frame?.states[0]?.state.application.zone, 'eu');
    const before = own(bench);
    assert.throws(
      () => bench.input({ kind: 'set-application', facts: { zone: '\n' } }),
      InvalidValueError,
    );
    bench.advance(2 * bulkBatchMs);
    assert.deepEqual(own(bench), before);
  });

  it('applied changes are told with delay, once for many, and renewals never', () => {
    const { bench, links } = linked();
    const [link] = links;
    const said = own(bench)?.state.version ?? 0;
    bench.frame(link, push(sealed({ version: version(1) })));
    bench.frame(link, push(sealed({ version: version(2) })));
    bench.frame(link, push(sealed({ version: version(2, 1) })));
    bench.advance(defaultTuning.appliedDelayMsMin / 2 - 10);
    assert.equal(own(bench)?.state.version, said);
    bench.advance(defaultTuning.appliedDelayMsMin);
    assert.equal(own(bench)?.state.version, said + 1);
    assert.deepEqual(own(bench)?.state.application.applied, [
      { election: payments, version: version(2) },
    ]);
    bench.frame(link, push(sealed({ version: version(2, 2) })));
    bench.advanceBeating(60_000, links);
    assert.equal(own(bench)?.state.version, said + 1);
  });

  it('it refutes that it is unreachable, at once, but only as it is now', () => {
    const { bench, links } = linked();
    const said = own(bench)?.state.version ?? 0;
    bench.frame(
      links[0],
      delta(stateOf(a, { version: 2, unreachable: [verdictOn(bench.self, said - 1)] })),
    );
    bench.advance(1000);
    assert.equal(own(bench)?.state.version, said);
    bench.frame(
      links[0],
      delta(stateOf(a, { version: 3, unreachable: [verdictOn(bench.self, said)] })),
    );
    const effects = bench.advance(2 * batchMs);
    assert.equal(own(bench)?.state.version, said + 1);
    for (const link of links) assert.ok(pushed(effects, link).includes(bench.self.nodeId));
  });
});

describe('membership: coming and going', () => {
  it('who leaves says so on every link, lazy ones too, in the same turn', () => {
    const { bench, links } = linked();
    for (const link of links) bench.frame(link, { kind: 'prune' });
    const effects = bench.input({ kind: 'leave' });
    for (const link of links) {
      const [frame] = sent(effects, 'member-delta', link);
      assert.equal(frame?.states[0]?.state.status, 'left');
    }
    assert.equal(bench.engine.nextWakeMs, Infinity, 'and does nothing more');
  });

  it('who drains is leaving, and still takes part', () => {
    const { bench, links } = linked();
    bench.input({ kind: 'drain' });
    const [frame] = sent(bench.advance(2 * batchMs), 'member-delta', links[0]);
    assert.equal(frame?.states[0]?.state.status, 'leaving');
    assert.equal(bench.engine.links().length, 3);
  });

  it('that somebody left counts at once, is told on, and no late message revives it', () => {
    const { bench, links } = linked();
    bench.log.length = 0;
    bench.frame(links[0], delta(stateOf(b, { version: 4, status: 'left' })));
    const [told] = ofKind(bench.log, 'member-changed');
    assert.equal(told?.view?.state.status, 'left');
    assert.equal(told.view.reachability, 'unreachable');
    assert.deepEqual(bench.engine.memberCounts, { live: 3, unreachable: 0, left: 1 });
    assert.ok(pushed(bench.advance(batchMs), links[2]).includes(b.nodeId));
    for (const late of [3, 4, 5, 99]) bench.frame(links[2], delta(stateOf(b, { version: late })));
    assert.equal(bench.view(b)?.state.status, 'left');
    assert.equal(
      bench.engine.membershipCounters.revivalsRefused,
      2,
      'what it never said is refused',
    );
  });

  it('a restart under the same id supersedes, also who left', () => {
    const { bench, links } = linked();
    bench.frame(links[0], delta(stateOf(b, { version: 4, status: 'left' })));
    bench.frame(links[0], delta(stateOf(contact(b.nodeId, { generation: 2 }))));
    assert.equal(bench.view(b)?.state.status, 'up');
    assert.equal(bench.view(b)?.reachability, 'reachable');
    bench.frame(links[0], delta(stateOf(b, { version: 99 })));
    assert.equal(bench.view(b)?.state.contact.generation, 2);
  });

  it('a tombstone is forgotten in time, and even then nothing late revives it', () => {
    const { bench, links } = linked({
      tombstoneMs: 60_000,
      quarantineMs: 120_000,
      forgetUnreachableMs: Infinity,
    });
    const gone = contact('gone');
    bench.frame(links[0], delta(stateOf(gone, { version: 3 })));
    bench.frame(links[0], delta(stateOf(gone, { version: 4, status: 'left' })));
    bench.advanceBeating(50_000, links);
    assert.equal(bench.view(gone)?.state.status, 'left');
    bench.advanceBeating(30_000, links);
    assert.equal(bench.view(gone), undefined);
    bench.frame(links[1], delta(stateOf(gone, { version: 3 })));
    assert.equal(bench.view(gone), undefined);
    const changes = ofKind(bench.log, 'member-changed');
    const last = changes.at(-1);
    assert.ok(last !== undefined && last.view === undefined);
    assert.equal(last.previous?.state.contact.nodeId, gone.nodeId);
  });

  it('who was lost is forgotten at the same age everywhere, and stays away until it says more', () => {
    const hour = 3_600_000;
    const bench = new Bench({ tuning: { ...calm, forgetUnreachableMs: hour, quarantineMs: hour } });
    const others = peers(6, 'o').map((one) => stateOf(one));
    const lost = contact('lost');
    const link = bench.member(stateOf(a));
    bench.frame(link, delta(...others));
    bench.frame(link, {
      kind: 'member-delta',
      states: [{ state: stateOf(lost, { version: 5 }), unreachableForMs: hour - 20_000 }],
      wants: [],
      done: false,
    });
    const accusing = others
      .slice(0, 3)
      .map(({ contact: one }) => stateOf(one, { version: 2, unreachable: [verdictOn(lost, 5)] }));
    bench.frame(link, delta(...accusing));
    assert.equal(bench.view(lost)?.reachability, 'unreachable');
    bench.frame(link, { kind: 'member-delta', states: [], wants: [lost.nodeId], done: false });
    const told = sent(bench.log, 'member-delta').at(-1)?.states[0];
    assert.ok((told?.unreachableForMs ?? 0) >= hour - 20_000, 'its age is told on');
    bench.advanceBeating(40_000, [link]);
    assert.equal(bench.view(lost), undefined);
    bench.frame(link, delta(stateOf(lost, { version: 5 })));
    assert.equal(bench.view(lost), undefined, 'the same as it was');
    bench.frame(link, delta(stateOf(lost, { version: 6 })));
    assert.equal(bench.view(lost)?.state.version, 6);
  });

  it('no more members than the bound, and they are counted', () => {
    const { bench, links } = linked();
    const pages = 40;
    const each = limits.membersMax / pages;
    for (let page = 0; page <= pages; page++) {
      const states = Array.from({ length: each }, (_, n) => stateOf(contact(`m${page}-${n}`)));
      bench.frame(links[0], delta(...states));
    }
    assert.equal(bench.engine.members().length, limits.membersMax);
    assert.equal(bench.engine.membershipCounters.membersRefused, each + 4);
  });
});
