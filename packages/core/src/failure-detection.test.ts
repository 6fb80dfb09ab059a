/** Whom a member finds unreachable, and how a group of them agrees on it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { compareStateVersions } from './endpoint-state.ts';
import type { Verdict } from './endpoint-state.ts';
import {
  Bench,
  Wire,
  contact,
  delta,
  ofKind,
  peers,
  sent,
  stateOf,
  verdictOn,
} from './fixtures.test.ts';
import type { EffectOf } from './fixtures.test.ts';
import { limits } from './limits.ts';
import { defaultTuning } from './tuning.ts';
import type { EngineTuning } from './tuning.ts';

const calm = { rotationMs: 0, fanout: 0 };
const peer = contact('peer');
const { beatMs, pauseMs, pingEveryMs } = defaultTuning;
const verdictWithinMs = 2 * beatMs;

/** A group of members that know each other, with equal tables. */
function group(
  count: number,
  tuning: Partial<EngineTuning> = {},
): { wire: Wire; benches: Bench[] } {
  const benches = Array.from(
    { length: count },
    (_, n) => new Bench({ self: contact(`m${n}`), seeds: ['m0:7400', 'm1:7400'], seed: n, tuning }),
  );
  const wire = new Wire(benches);
  wire.advance(8000, 20);
  for (const { engine } of benches) assert.equal(engine.memberCounts.live, count);
  return { wire, benches };
}

/** How long it takes until all but these hold for them. */
function msUntil(
  wire: Wire,
  benches: readonly Bench[],
  holds: (bench: Bench) => boolean,
  withinMs: number,
): number {
  for (let ms = 0; ms <= withinMs; ms += 20) {
    if (benches.every(holds)) return ms;
    wire.advance(20, 20);
  }
  assert.fail(`not within ${withinMs} ms`);
}

/** What it says in its state of whom it finds unreachable. */
function verdictsOf(bench: Bench): readonly Verdict[] {
  return bench.view(bench.self)?.state.application.unreachable ?? [];
}

/** Whom it accuses as of what they said last: a verdict on anything earlier is void. */
function accusedBy(bench: Bench): string[] {
  const stands = (verdict: Verdict): boolean => {
    const held = bench.engine.member(verdict.nodeId)?.state;
    if (held === undefined) return true;
    const { version, contact: whom } = held;
    return compareStateVersions(verdict, { generation: whom.generation, version }) >= 0;
  };
  return verdictsOf(bench).flatMap((one) => (stands(one) ? [one.nodeId] : []));
}

describe('failure detection: the silence of a link', () => {
  it('is asked about, several times, before it is a verdict; then the link ends', () => {
    const bench = new Bench({ tuning: calm });
    const link = bench.member(stateOf(peer));
    bench.advance(beatMs);
    assert.deepEqual(ofKind(bench.log, 'close'), []);
    const effects = bench.advance(verdictWithinMs - beatMs);
    const pings = sent(effects, 'round', link).filter(({ nonce }) => nonce !== 0);
    assert.ok(pings.length >= 3, `${pings.length} pings`);
    assert.match(ofKind(effects, 'close')[0]?.reason ?? '', /silent/);
    assert.deepEqual(accusedBy(bench), [peer.nodeId]);
    assert.equal(bench.view(peer)?.reachability, 'unreachable', 'of two members one is enough');
  });

  it('ends with any frame: an answer to the question is enough', () => {
    const bench = new Bench({ tuning: calm });
    const link = bench.member(stateOf(peer));
    for (let silences = 0; silences < 10; silences++) {
      bench.advance(verdictWithinMs - 2 * pingEveryMs);
      bench.frame(link, { kind: 'round-reply', nonce: 0 });
    }
    assert.ok(bench.isUp(link));
    assert.deepEqual(accusedBy(bench), []);
  });

  it('says nothing while this member was paused itself', () => {
    const bench = new Bench({ tuning: calm });
    const link = bench.member(stateOf(peer));
    bench.advanceBeating(20_000, [link]);
    bench.nowMs += 60_000;
    const effects = bench.input({ kind: 'wake' });
    assert.deepEqual(ofKind(effects, 'close'), []);
    bench.advance(beatMs);
    assert.ok(bench.isUp(link));
    bench.advance(verdictWithinMs);
    assert.ok(!bench.isUp(link), 'but after that it counts');
  });

  it('says nothing while this member is behind with what arrived: its own timer comes late', () => {
    const bench = new Bench({ tuning: calm });
    const [busy, silent] = peers(2).map((one) => bench.member(stateOf(one)));
    assert.ok(busy !== undefined && silent !== undefined);
    bench.advanceBeating(20_000, [busy, silent]);
    const behindFor = (ms: number): void => {
      for (const untilMs = bench.nowMs + ms; bench.nowMs < untilMs; bench.nowMs += 50) {
        bench.frame(busy, { kind: 'round-reply', nonce: 0 });
      }
      bench.input({ kind: 'wake' });
    };
    for (let wakes = 0; wakes < 4; wakes++) behindFor(2 * verdictWithinMs);
    assert.ok(bench.isUp(silent));
    bench.advanceBeating(verdictWithinMs, [busy]);
    assert.ok(!bench.isUp(silent), 'but in time it counts');
  });

  it('of a member that speaks the leader plane alone is left to the transport', () => {
    const bench = new Bench({ tuning: calm });
    const link = bench.inbound(peer);
    bench.advance(60_000);
    assert.ok(bench.isUp(link));
  });

  it('never lasts for longer in our own direction than our last round promised', () => {
    const bench = new Bench({ tuning: calm });
    const links = peers(12).map((one) => bench.member(stateOf(one)));
    bench.advanceBeating(10_000, links);
    const lastMs = new Map(links.map((link) => [link, bench.nowMs]));
    const promisedMs = new Map(links.map((link) => [link, beatMs]));
    for (const { link, frame } of ofKind(bench.log, 'send')) {
      if (frame.kind === 'round') promisedMs.set(link, frame.beatMs);
    }
    for (let ms = 0; ms < 60_000; ms += 10) {
      const effects = bench.advance(10);
      for (const { link, frame } of ofKind(effects, 'send')) {
        lastMs.set(link, bench.nowMs);
        if (frame.kind === 'round') promisedMs.set(link, frame.beatMs);
      }
      if (ms % 1000 === 0)
        for (const link of links) bench.frame(link, { kind: 'round-reply', nonce: 0 });
      for (const [link, atMs] of lastMs) {
        const silentMs = bench.nowMs - atMs;
        assert.ok(silentMs <= (promisedMs.get(link) ?? 0), `link ${link}: ${silentMs} ms`);
      }
    }
  });
});

describe('failure detection: who watches whom', () => {
  /** What the rounds of one of these members promised last, by the link's direction. */
  function promises({ engine, log }: Bench): Record<'inbound' | 'outbound', Set<number>> {
    const last = new Map(
      ofKind(log, 'send').flatMap(({ link, frame }) =>
        frame.kind === 'round' ? [[link, frame.beatMs] as const] : [],
      ),
    );
    const found = { inbound: new Set<number>(), outbound: new Set<number>() };
    for (const { id, direction } of engine.links()) {
      const promise = last.get(id);
      if (promise !== undefined) found[direction].add(promise);
    }
    return found;
  }

  it('those that a member dialled watch it closely, the others now and then', () => {
    const { wire, benches } = group(20, { rotationMs: 0 });
    wire.advance(30_000, 50);
    for (const bench of benches) {
      const dialled = bench.engine.links().filter((link) => link.direction === 'outbound').length;
      const { inbound, outbound } = promises(bench);
      assert.deepEqual([...outbound], [beatMs]);
      if (dialled >= defaultTuning.fanout) assert.ok(!inbound.has(beatMs), 'enough watch it');
    }
  });

  it('where a member could not dial enough of them, all watch it closely', () => {
    const { wire, benches } = group(4, { rotationMs: 0 });
    wire.advance(30_000, 50);
    for (const bench of benches) {
      const { inbound, outbound } = promises(bench);
      assert.deepEqual([...new Set([...inbound, ...outbound])], [beatMs]);
    }
  });

  it('a promise that makes no sense is taken for the nearest that does', () => {
    for (const promiseMs of [1, 2 ** 32 - 1]) {
      const bench = new Bench({ tuning: calm });
      const link = bench.member(stateOf(peer));
      const hash = { high: 0, low: 0 };
      const round = { kind: 'round', nonce: 0, hash, contacts: [], members: undefined } as const;
      bench.frame(link, { ...round, beatMs: promiseMs });
      bench.advance(beatMs);
      assert.ok(bench.isUp(link), 'not sooner than ours');
      bench.advance(defaultTuning.slowBeatMs + verdictWithinMs);
      assert.ok(!bench.isUp(link), 'nor never');
    }
  });
});

describe('failure detection: what is evidence', () => {
  function linkedTo(): { bench: Bench; link: ReturnType<Bench['member']> } {
    const bench = new Bench({ tuning: calm });
    const link = bench.member(stateOf(peer));
    for (const one of peers(5, 'other')) bench.frame(link, delta(stateOf(one)));
    bench.advance(1000);
    return { bench, link };
  }

  it('a link that broke and cannot be dialled again', () => {
    for (const cause of ['refused', 'lost'] as const) {
      const { bench, link } = linkedTo();
      bench.closed(link, 'reset', 'lost');
      bench.advanceDialling(300, cause);
      assert.deepEqual(accusedBy(bench), [peer.nodeId], cause);
    }
  });

  it('not at once: who lost several links and has enough left waits for what others find', () => {
    const bench = new Bench({ tuning: { rotationMs: 0, fanout: 2 } });
    const links = peers(5, 'linked').map((one) => bench.member(stateOf(one)));
    const [first, second] = links;
    assert.ok(first !== undefined && second !== undefined);
    for (const one of peers(10, 'other')) bench.frame(first, delta(stateOf(one)));
    bench.closed(first, 'reset', 'lost');
    bench.closed(second, 'reset', 'lost');
    const others = ofKind(bench.advance(4400), 'dial').filter(({ address }) =>
      address.startsWith('other'),
    );
    assert.deepEqual(others, []);
    assert.ok(
      ofKind(bench.advance(9000), 'dial').some(({ address }) => address.startsWith('other')),
    );
  });

  it('not a link that broke and can be dialled again', () => {
    const { bench, link } = linkedTo();
    bench.closed(link, 'reset', 'lost');
    const dial = bench.nextDial(300);
    bench.welcomedBy(dial.link, peer);
    bench.advance(60_000);
    assert.deepEqual(accusedBy(bench), []);
  });

  it('not a link that was closed in good order, but one look tells whether anybody is still there', () => {
    const { bench, link } = linkedTo();
    bench.closed(link, 'rotated', 'ended');
    const dial = bench.nextDial(5000);
    assert.deepEqual([dial.address, dial.glance], [peer.address, true]);
    bench.closed(dial.link, 'somebody is there', 'ended');
    assert.deepEqual(ofKind(bench.advance(60_000), 'dial'), []);
    assert.deepEqual(accusedBy(bench), []);
  });

  it('a link that was closed in good order, where nobody is any more', () => {
    const { bench, link } = linkedTo();
    bench.closed(link, 'rotated', 'ended');
    bench.closed(bench.nextDial(5000).link, 'ECONNREFUSED', 'refused');
    bench.advance(4 * defaultTuning.wordGapMs);
    assert.deepEqual(accusedBy(bench), [peer.nodeId]);
  });

  it('a probe is welcomed and ends, at either end, and no link stands', () => {
    const { bench, link } = linkedTo();
    bench.closed(link, 'reset', 'lost');
    const dial = bench.nextDial(300);
    const hello = sent(bench.input({ kind: 'link-dialed', link: dial.link }), 'hello')[0];
    assert.equal(hello?.probe, true);
    const asked = new Bench({ self: peer, tuning: calm });
    const theirs = asked.engine.newLinkId();
    asked.input({ kind: 'link-accepted', link: theirs });
    const effects = asked.frame(theirs, hello);
    const [welcome] = sent(effects, 'welcome');
    assert.deepEqual(welcome?.contacts, []);
    assert.equal(ofKind(effects, 'close').length, 1);
    assert.deepEqual(ofKind(effects, 'link-up'), []);
    assert.equal(ofKind(bench.frame(dial.link, welcome), 'close').length, 1);
    assert.deepEqual(bench.engine.links(), []);
  });

  it('that somebody else answers at its address', () => {
    const { bench, link } = linkedTo();
    bench.closed(link, 'reset', 'lost');
    const dial = bench.nextDial(300);
    bench.welcomedBy(dial.link, contact('tenant', { address: peer.address }));
    bench.advance(defaultTuning.wordGapMs);
    assert.deepEqual(accusedBy(bench), [peer.nodeId]);
  });

  it('is void when the member refutes, looked at again, and less and less often', () => {
    const { bench, link } = linkedTo();
    bench.closed(link, 'reset', 'lost');
    const teller = bench.member(stateOf(contact('other-0')));
    const waits: number[] = [];
    for (let at = 2; at < 6; at++) {
      for (let ms = 0; !accusedBy(bench).includes(peer.nodeId); ms += 100) {
        assert.ok(ms < 400_000, 'it is accused again');
        bench.advanceDialling(100, 'refused');
        bench.frame(teller, { kind: 'round-reply', nonce: 0 });
        waits[at] = ms;
      }
      bench.frame(teller, delta(stateOf(peer, { version: at })));
      bench.advance(defaultTuning.bulkBatchMs + 10);
      assert.deepEqual(accusedBy(bench), []);
    }
    const [first, second, third] = waits.slice(3);
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    assert.ok(first >= defaultTuning.recheckMs / 2 - 500, waits.join());
    assert.ok(third > first, waits.join());
  });

  it('that is void by what the member said since is not worth a word of its own for a while', () => {
    const { bench, link } = linkedTo();
    bench.closed(link, 'reset', 'lost');
    const teller = bench.member(stateOf(contact('other-0')));
    bench.advanceDialling(2000, 'refused');
    bench.frame(teller, delta(stateOf(peer, { version: 9 })));
    assert.deepEqual(accusedBy(bench), []);
    assert.equal(verdictsOf(bench).length, 1, 'it stands there, and counts for nothing');
    bench.input({ kind: 'set-application', facts: { zone: 'b' } });
    bench.advance(defaultTuning.wordGapMs + defaultTuning.bulkBatchMs);
    assert.deepEqual(verdictsOf(bench), [], 'it goes with the next word');
  });

  it('of a life that has ended is no reason to look at the next one', () => {
    const { bench, link } = linkedTo();
    bench.closed(link, 'reset', 'lost');
    const teller = bench.member(stateOf(contact('other-0')));
    bench.advanceDialling(2000, 'refused');
    assert.deepEqual(accusedBy(bench), [peer.nodeId]);
    const again = contact('peer', { generation: peer.generation + 1 });
    bench.frame(teller, delta(stateOf(again)));
    assert.deepEqual(accusedBy(bench), []);
    for (let ms = 0; ms < 2 * defaultTuning.recheckMs; ms += 100) {
      const dials = ofKind(bench.advance(100), 'dial');
      assert.deepEqual(dials, []);
      bench.frame(teller, { kind: 'round-reply', nonce: 0 });
    }
    assert.deepEqual(verdictsOf(bench), [], 'by and by it is not told any more');
  });

  it('of a member that is behind itself a refusal alone: it looks, and asks for no greeting', () => {
    const { bench, link } = linkedTo();
    bench.advance(1000);
    bench.nowMs += 20 * pauseMs;
    bench.input({ kind: 'wake' });
    bench.closed(link, 'reset', 'lost');
    const dials = ofKind(bench.advance(300), 'dial');
    assert.deepEqual(
      dials.map(({ address, glance }) => [address, glance]),
      [[peer.address, true]],
    );
  });

  it('a pause of ours is no evidence for what timed out meanwhile', () => {
    const { bench, link } = linkedTo();
    bench.closed(link, 'reset', 'lost');
    const dial = bench.nextDial(300);
    bench.nowMs += 20 * pauseMs;
    bench.input({ kind: 'wake' });
    bench.closed(dial.link, 'timeout', 'lost');
    assert.deepEqual(accusedBy(bench), []);
  });

  it('no more members are accused than the bound', () => {
    const bench = new Bench({ tuning: calm });
    const link = bench.member(stateOf(contact('teller')));
    const many = peers(3 * limits.unreachableMax, 'm');
    const accuser = contact('accuser');
    bench.frame(link, delta(...many.map((one) => stateOf(one))));
    for (let start = 0; start < many.length; start += limits.unreachableMax) {
      const unreachable = many
        .slice(start, start + limits.unreachableMax)
        .map((one) => verdictOn(one));
      bench.frame(link, delta(stateOf(accuser, { version: 1 + start, unreachable })));
      for (let ms = 0; ms < 60_000; ms += 500) {
        bench.advanceDialling(500, 'refused');
        bench.frame(link, { kind: 'round-reply', nonce: 0 });
      }
    }
    assert.ok(accusedBy(bench).length > limits.unreachableMax / 2);
    assert.ok(accusedBy(bench).length <= limits.unreachableMax);
  });
});

describe('a group of members', () => {
  it('agrees that a process died within two seconds, when its port refuses', () => {
    for (const count of [2, 3, 12]) {
      const { wire, benches } = group(count);
      const [dead, ...others] = benches;
      assert.ok(dead !== undefined);
      wire.crash(dead);
      const ms = msUntil(
        wire,
        others,
        (bench) => bench.view(dead.self)?.reachability === 'unreachable',
        2000,
      );
      assert.ok(ms <= 2000, `${ms} ms, ${count} members`);
    }
  });

  it('agrees within six seconds that a machine vanished without a word', () => {
    for (const count of [2, 3, 12]) {
      const { wire, benches } = group(count);
      const [dead, ...others] = benches;
      assert.ok(dead !== undefined);
      wire.silence(dead);
      msUntil(wire, others, (bench) => bench.view(dead.self)?.reachability === 'unreachable', 6000);
    }
  });

  it('agrees within ten seconds when half of it vanishes at once', () => {
    const { wire, benches } = group(16);
    const dead = benches.slice(0, 8);
    const others = benches.slice(8);
    for (const bench of dead) wire.silence(bench);
    msUntil(wire, others, (bench) => bench.engine.memberCounts.live === 8, 10_000);
  });

  /** Everybody else finds this member unreachable while it is paused for long; then it goes on. */
  function afterPause(tuning: Partial<EngineTuning>): {
    wire: Wire;
    benches: Bench[];
    paused: Bench;
  } {
    const { wire, benches } = group(24, tuning);
    const [paused, ...others] = benches;
    assert.ok(paused !== undefined);
    wire.pause(paused);
    const isLost = (bench: Bench): boolean =>
      bench.view(paused.self)?.reachability === 'unreachable';
    msUntil(wire, others, isLost, 6000);
    wire.advance(20_000, 50);
    assert.ok(others.every(isLost));
    wire.resume(paused);
    return { wire, benches, paused };
  }

  it('takes back who was paused for a while, by its own word', () => {
    const { wire, benches, paused } = afterPause({});
    msUntil(wire, benches, (bench) => bench.engine.memberCounts.live === 24, 2000);
    wire.advance(2000, 20);
    for (const bench of benches) assert.deepEqual(accusedBy(bench), [], bench.name);
    assert.ok((paused.view(paused.self)?.state.version ?? 0) > 1, 'it refuted');
  });

  it('does not take back who does not refute: the broken rule shows', () => {
    const { wire, benches } = afterPause({ brokenRule: 'never-refute' });
    wire.advance(2000, 20);
    assert.ok(benches.some(({ engine }) => engine.memberCounts.live < 24));
  });

  it('is silent about members while nothing happens, whatever its links do', () => {
    const { wire, benches } = group(10);
    const told = (): EffectOf<'member-changed'>[] =>
      benches.flatMap((bench) => ofKind(bench.log, 'member-changed'));
    const before = told().length;
    wire.advance(120_000, 50);
    assert.equal(told().length, before);
    for (const bench of benches) assert.deepEqual(accusedBy(bench), []);
  });
});
