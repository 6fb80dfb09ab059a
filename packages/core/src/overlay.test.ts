/** Which links exist: greetings and refusals, which of two links stays, isolation. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  Bench,
  Wire,
  cluster,
  contact,
  hello,
  ofKind,
  peers,
  push,
  sealed,
  sent,
  version,
} from './fixtures.test.ts';
import type { Contact, RefuseFrame } from './frames.ts';
import { parseClusterName } from './ids.ts';
import { limits } from './limits.ts';
import { defaultTuning } from './tuning.ts';

const { inboundLinks, handshakeMs, isolationMs } = defaultTuning;
const calm = { rotationMs: 0 };

describe('overlay: greeting', () => {
  it('the dialler greets, the acceptor welcomes with contacts, the first round follows', () => {
    const bench = new Bench();
    bench.inbound(contact('early'));
    const { effects } = bench.greetedBy(contact('peer'));
    assert.deepEqual(sent(effects, 'welcome')[0]?.contacts, [contact('early')]);
    assert.equal(sent(effects, 'round').length, 1);
    assert.deepEqual(bench.engine.contacts(), [contact('early'), contact('peer')]);
  });

  function refusalOf(bench: Bench, frame: Parameters<Bench['frame']>[1]): RefuseFrame | undefined {
    const link = bench.engine.newLinkId();
    bench.input({ kind: 'link-accepted', link });
    const effects = bench.frame(link, frame);
    const [refusal] = sent(effects, 'refuse');
    assert.equal(ofKind(effects, 'close').length, refusal === undefined ? 0 : 1);
    return refusal;
  }

  const helloOf = (member: Contact): ReturnType<typeof hello> & { kind: 'hello' } => {
    const frame = hello(member);
    assert.ok(frame.kind === 'hello');
    return frame;
  };

  it('refuses another cluster, and tells it nothing of this one', () => {
    const bench = new Bench();
    bench.inbound(contact('peer'));
    const other = { ...helloOf(contact('x')), cluster: parseClusterName('other') };
    const refusal = refusalOf(bench, other);
    assert.equal(refusal?.reason, 'cluster-mismatch');
    assert.match(refusal.detail, new RegExp(cluster));
    assert.deepEqual(refusal.contacts, []);
  });

  for (const [protocolMin, protocolMax, refused] of [
    [0, 0, true],
    [3, 9, true],
    [0, 1, false],
    [1, 9, false],
    [2, 9, false],
  ] as const) {
    it(`${refused ? 'refuses' : 'takes'} a member that speaks protocol ${protocolMin} to ${protocolMax}`, () => {
      const frame = { ...helloOf(contact('peer')), protocolMin, protocolMax };
      const refusal = refusalOf(new Bench(), frame);
      assert.equal(refusal?.reason, refused ? 'protocol-mismatch' : undefined);
    });
  }

  it('refuses itself, and another process with its node id', () => {
    const bench = new Bench({ self: contact('self', { generation: 5 }) });
    const self = { generation: 5 };
    assert.equal(refusalOf(bench, hello(contact('self', self)))?.reason, 'self');
    const taken = refusalOf(bench, hello(contact('self', { generation: 6, address: 'else:1' })));
    assert.equal(taken?.reason, 'invalid');
    assert.match(taken.detail, /self:7400/);
  });

  it('refuses an earlier life of a member that is linked; a later one takes its place', () => {
    const bench = new Bench();
    const first = bench.inbound(contact('peer', { generation: 5 }));
    const earlier = refusalOf(bench, hello(contact('peer', { generation: 4 })));
    assert.equal(earlier?.reason, 'superseded');
    const later = bench.inbound(contact('peer', { generation: 6 }));
    assert.ok(!bench.isUp(first));
    assert.ok(bench.isUp(later));
  });

  it('leaves an earlier life that welcomes us while a later one is linked', () => {
    const bench = new Bench({ seeds: ['peer:7400'], tuning: calm });
    bench.advance(0);
    const later = bench.inbound(contact('peer', { generation: 6, address: 'peer:7401' }));
    const [dialled] = bench.dials(contact('peer').address);
    assert.ok(dialled !== undefined);
    bench.welcomedBy(dialled, contact('peer', { generation: 5 }));
    assert.ok(bench.isUp(later));
    assert.ok(!bench.isUp(dialled));
  });

  it('a second link from the same member replaces the first', () => {
    const bench = new Bench();
    const first = bench.inbound(contact('peer'));
    const second = bench.inbound(contact('peer'));
    assert.deepEqual([bench.isUp(first), bench.isUp(second)], [false, true]);
  });

  it('refuses when full, with others to ask, and has room again when one leaves', () => {
    const bench = new Bench({ tuning: calm });
    const links = peers(inboundLinks).map((peer) => bench.inbound(peer));
    const refusal = refusalOf(bench, hello(contact('late')));
    assert.equal(refusal?.reason, 'full');
    assert.equal(refusal.contacts.length, Math.min(inboundLinks, limits.contactsPerFrameMax));
    assert.ok(refusal.contacts.every(({ nodeId }) => nodeId !== contact('late').nodeId));
    const [first] = links;
    assert.ok(first !== undefined);
    bench.closed(first);
    bench.inbound(contact('late'));
  });

  it('is not full because of streams that never greet, nor by a link it dialled itself', () => {
    const bench = new Bench({ tuning: calm });
    const linked = contact('linked');
    const dialled = bench.outbound(linked);
    for (let n = 0; n < 2 * inboundLinks; n++) {
      bench.input({ kind: 'link-accepted', link: bench.engine.newLinkId() });
    }
    for (const peer of peers(inboundLinks)) bench.inbound(peer);
    bench.advance(handshakeMs + 1);
    assert.equal(refusalOf(bench, hello(linked))?.reason, 'full');
    assert.ok(bench.isUp(dialled), 'the link that stands is not given up for a refused one');
  });

  it('has room for electors of its own kind beyond that', () => {
    const bench = new Bench({ self: contact('self', { role: 'elector' }), tuning: calm });
    for (const peer of peers(inboundLinks)) bench.inbound(peer);
    assert.equal(refusalOf(bench, hello(contact('late')))?.reason, 'full');
    bench.inbound(contact('other', { role: 'elector' }));
  });

  it('ends streams beyond the bound that did not greet yet', () => {
    const bench = new Bench();
    const accept = (): number =>
      ofKind(bench.input({ kind: 'link-accepted', link: bench.engine.newLinkId() }), 'close')
        .length;
    for (let n = 0; n < limits.greetingLinksMax; n++) assert.equal(accept(), 0);
    assert.equal(accept(), 1);
  });

  it('closes links that are silent for too long, in either direction', () => {
    const bench = new Bench({ seeds: ['peer:7400'], tuning: calm });
    const inbound = bench.engine.newLinkId();
    bench.input({ kind: 'link-accepted', link: inbound });
    bench.advance(0);
    const [dialled] = bench.dials(contact('peer').address);
    assert.deepEqual(ofKind(bench.advance(handshakeMs - 1), 'close'), []);
    const closed = ofKind(bench.advance(2), 'close').map(({ link }) => link);
    assert.deepEqual(new Set(closed), new Set([inbound, dialled]));
  });

  it('takes no record before the greeting', () => {
    const bench = new Bench();
    const link = bench.engine.newLinkId();
    bench.input({ kind: 'link-accepted', link });
    const effects = bench.frame(link, push(sealed({ version: version(1) })));
    assert.equal(ofKind(effects, 'close').length, 1);
    assert.deepEqual(bench.engine.elections(), []);
  });

  it('backs off from whom broke the protocol', () => {
    const bench = new Bench({ seeds: ['peer:7400'], tuning: calm });
    for (let attempts = 0; attempts < 5; attempts++) {
      const { link } = bench.nextDial(20_000);
      bench.input({ kind: 'link-dialed', link });
      bench.frame(link, { kind: 'welcome', protocol: 9, member: contact('peer'), contacts: [] });
      assert.deepEqual(ofKind(bench.advance(defaultTuning.redialMs / 2 - 10), 'dial'), []);
    }
  });
});

describe('overlay: two members that dial each other', () => {
  for (const [left, right] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    it(`at once keep exactly one link, and the same (${left} first)`, () => {
      const one = new Bench({ self: contact(left), seeds: [`${right}:7400`], seed: 1 });
      const other = new Bench({ self: contact(right), seeds: [`${left}:7400`], seed: 2 });
      const wire = new Wire([one, other]);
      wire.input(one, { kind: 'wake' });
      wire.input(other, { kind: 'wake' });
      wire.settle();
      assert.equal(one.dials(other.self.address).length, 1);
      assert.equal(other.dials(one.self.address).length, 1);
      for (const waitMs of [0, 60_000]) {
        wire.advance(waitMs, 100);
        const views = [one.engine.links(), other.engine.links()];
        assert.deepEqual(
          views.map((links) => links.length),
          [1, 1],
        );
        const dialler = views.findIndex(([link]) => link?.direction === 'outbound');
        assert.equal([left, right][dialler], 'a', 'the one dialled by the smaller node id');
        assert.equal(views[1 - dialler]?.[0]?.direction, 'inbound');
      }
    });
  }

  it('by another name than the one they advertise do not replace their link for ever', () => {
    const one = new Bench({ self: contact('a'), seeds: ['alias-b:1'], tuning: calm });
    one.advance(0);
    const [link] = one.dials('alias-b:1' as Contact['address']);
    assert.ok(link !== undefined);
    one.welcomedBy(link, contact('b'));
    one.advance(handshakeMs + 1);
    const inbound = one.inbound(contact('b')); // their dial, later than ours: it replaces it
    one.advance(60_000);
    assert.ok(one.isUp(inbound));
    assert.equal(one.log.filter(({ kind }) => kind === 'dial').length, 1);
    assert.deepEqual(one.engine.contacts(), [contact('b')]);
  });
});

describe('overlay: isolation', () => {
  it('is told after the delay, once, and withdrawn with the next link', () => {
    const bench = new Bench({ seeds: ['seed:7400'], tuning: calm });
    assert.deepEqual(ofKind(bench.advance(isolationMs - 1), 'isolation'), []);
    assert.deepEqual(ofKind(bench.advance(isolationMs), 'isolation'), [
      { kind: 'isolation', isolated: true },
    ]);
    assert.ok(bench.engine.isolated);
    const link = bench.inbound(contact('peer'));
    assert.ok(!bench.engine.isolated);
    assert.deepEqual(ofKind(bench.log, 'isolation').at(-1), { kind: 'isolation', isolated: false });
    bench.closed(link);
    bench.advance(isolationMs - 1);
    assert.ok(!bench.engine.isolated, 'counted from the loss of the last link');
    bench.advance(2);
    assert.ok(bench.engine.isolated);
    assert.equal(ofKind(bench.log, 'isolation').length, 3);
  });

  it('is not said of a member that knows of nobody', () => {
    const bench = new Bench();
    bench.advance(60_000);
    assert.ok(!bench.engine.isolated);
  });

  it('is not said while a link is replaced by a newer one', () => {
    const bench = new Bench({ tuning: calm });
    bench.inbound(contact('peer'));
    bench.advance(1000);
    bench.inbound(contact('peer'));
    bench.advance(60_000);
    assert.deepEqual(ofKind(bench.log, 'isolation'), []);
  });
});
