/** Whom a member dials and when: the fan-out, back-off, electors, rotation, the budget. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Bench, addresses, contact, ofKind, peers, welcomeAll } from './fixtures.test.ts';
import type { Contact, RefuseReason } from './frames.ts';
import { limits } from './limits.ts';
import { defaultTuning } from './tuning.ts';

const { fanout, handshakeMs, probeTimeoutMs } = defaultTuning;
const calm = { rotationMs: 0 };

describe('dialling', () => {
  it('reaches the fan-out from seeds and the contacts that they tell, and no further', () => {
    const others = peers(20);
    const [seed] = others;
    assert.ok(seed !== undefined);
    const bench = new Bench({ seeds: [seed.address], tuning: calm });
    bench.advance(0);
    const [link] = bench.dials(seed.address);
    assert.ok(link !== undefined);
    bench.welcomedBy(link, seed, others.slice(1));
    const links = welcomeAll(bench, others);
    assert.equal(links.length, fanout - 1);
    bench.advance(60_000);
    assert.equal(bench.engine.links().length, fanout);
    assert.equal(new Set(bench.engine.links().map(({ peer }) => peer.nodeId)).size, fanout);
  });

  it('dials but two at a time while nobody has answered', () => {
    const bench = new Bench({ seeds: addresses(peers(10)), tuning: calm });
    assert.equal(ofKind(bench.advance(0), 'dial').length, 2);
    assert.equal(ofKind(bench.advance(probeTimeoutMs - 1), 'dial').length, 0);
    assert.equal(ofKind(bench.advance(2), 'dial').length, 2, 'dials that hang are not waited for');
  });

  it('follows a redirect of a full member, and leaves that one alone for a while', () => {
    const bench = new Bench({ seeds: ['seed:7400'], tuning: calm });
    bench.advance(0);
    const [link] = bench.dials(contact('seed').address);
    assert.ok(link !== undefined);
    bench.input({ kind: 'link-dialed', link });
    const contacts = peers(3);
    bench.frame(link, { kind: 'refuse', reason: 'full', detail: '', contacts });
    bench.closed(link);
    const dialled = ofKind(bench.advance(0), 'dial').map(({ address }) => address);
    assert.equal(dialled.length, 2);
    for (const address of dialled) assert.ok(addresses(contacts).includes(address));
    bench.advance(defaultTuning.fullBackoffMs / 2 - 1);
    assert.equal(bench.dials(contact('seed').address).length, 1);
    bench.advance(defaultTuning.fullBackoffMs + 2 * handshakeMs);
    assert.ok(bench.dials(contact('seed').address).length > 1);
  });

  for (const reason of ['self', 'cluster-mismatch', 'protocol-mismatch', 'invalid'] as const) {
    it(`tells of a refusal (${reason}), and tries again much later`, () => {
      const bench = new Bench({ seeds: ['seed:7400'], tuning: calm });
      bench.advance(0);
      const [link] = bench.dials(contact('seed').address);
      assert.ok(link !== undefined);
      bench.input({ kind: 'link-dialed', link });
      const effects = bench.frame(link, { kind: 'refuse', reason, detail: 'why', contacts: [] });
      assert.deepEqual(
        ofKind(effects, 'refused').map((refused): [RefuseReason, string] => [
          refused.reason,
          refused.detail,
        ]),
        [[reason, 'why']],
      );
      bench.closed(link);
      bench.advance(20_000);
      assert.equal(bench.dials(contact('seed').address).length, 1);
      bench.advance(100_000);
      assert.ok(bench.dials(contact('seed').address).length > 1);
    });
  }

  it('tries a seed that refuses for ever, with growing, jittered delays up to the maximum', () => {
    const bench = new Bench({ seeds: ['seed:7400'], tuning: calm });
    const at: number[] = [];
    while (bench.nowMs < 600_000) {
      for (const { link } of ofKind(bench.advance(10), 'dial')) {
        at.push(bench.nowMs);
        bench.closed(link, 'refused');
      }
    }
    const gaps = at.slice(1).map((ms, index) => ms - (at[index] ?? 0));
    const { redialMs, redialMsMax } = defaultTuning;
    for (const gap of gaps) {
      assert.ok(gap >= redialMs / 2 - 10 && gap <= redialMs / 2 + redialMsMax + 10, `gap ${gap}`);
    }
    assert.ok(Math.max(...gaps.slice(0, 3)) <= redialMs * 4.5 + 10);
    assert.ok(gaps.length > 600_000 / (redialMsMax + redialMs), 'it is still tried at the end');
    assert.ok(new Set(gaps.slice(10).map((gap) => Math.round(gap / 100))).size > 5, 'jitter');
  });

  it('spends a bounded number of dials on a thousand dead contacts, and still tries its seed', () => {
    const bench = new Bench({ seeds: ['seed:7400'], tuning: calm });
    const linked = bench.inbound(contact('peer'));
    const dead = peers(limits.contactsMax, 'dead');
    for (let start = 0; start < dead.length; start += 16) {
      const contacts = dead.slice(start, start + 16);
      bench.frame(linked, {
        kind: 'round',
        nonce: start,
        hash: { high: 0, low: 0 },
        contacts,
        members: undefined,
        beatMs: 0,
      });
    }
    bench.closed(linked);
    let dials = 0;
    const seconds = 60;
    while (bench.nowMs < seconds * 1000) {
      for (const { link } of ofKind(bench.advance(5), 'dial')) {
        dials++;
        bench.closed(link, 'refused');
      }
    }
    assert.ok(dials > 5 * seconds, `${dials} dials`);
    assert.ok(dials <= 20 * seconds + 16, `${dials} dials`);
    assert.ok(bench.dials(contact('seed').address).length >= 6);
  });

  it('keeps its address book under the bound, seeds included', () => {
    const bench = new Bench({ seeds: ['seed:7400'] });
    const link = bench.inbound(contact('peer'));
    const many = peers(2 * limits.contactsMax, 'many');
    for (let start = 0; start < many.length; start += 16) {
      const contacts = many.slice(start, start + 16);
      bench.frame(link, {
        kind: 'round',
        nonce: 1,
        hash: { high: 0, low: 0 },
        contacts,
        members: undefined,
        beatMs: 0,
      });
    }
    assert.ok(bench.engine.contacts().length < limits.contactsMax);
    assert.ok(bench.engine.contacts().length > limits.contactsMax - 16);
  });
});

describe('dialling: electors', () => {
  const elector = (name: string): Contact => contact(name, { role: 'elector' });

  it('link to each other on top of the fan-out', () => {
    const electors = ['e1', 'e2', 'e3', 'e4', 'e5', 'e6'].map(elector);
    const nodes = peers(20);
    const bench = new Bench({ self: elector('self'), tuning: calm });
    bench.input({
      kind: 'introduce',
      addresses: electors.map(({ address }) => address),
      role: 'elector',
    });
    welcomeAll(bench, electors);
    const first = bench.inbound(contact('first'));
    const hash = { high: 0, low: 0 };
    bench.frame(first, {
      kind: 'round',
      nonce: 1,
      hash,
      contacts: nodes,
      members: undefined,
      beatMs: 0,
    });
    welcomeAll(bench, nodes);
    const dialled = bench.engine.links().filter(({ direction }) => direction === 'outbound');
    const toElectors = dialled.filter(({ peer }) => peer.role === 'elector');
    assert.equal(toElectors.length, electors.length);
    assert.equal(dialled.length - toElectors.length, fanout);
  });

  it('link again when such a link is lost, and stay under their own bound', () => {
    const electors = Array.from({ length: limits.electorLinksMax + 10 }, (_, n) =>
      elector(`e${n}`),
    );
    const bench = new Bench({ self: elector('self'), tuning: { ...calm, fanout: 0 } });
    const list = electors.map(({ address }) => address);
    bench.input({ kind: 'introduce', addresses: list, role: 'elector' });
    const links = welcomeAll(bench, electors);
    bench.advance(10_000);
    links.push(...welcomeAll(bench, electors));
    assert.equal(bench.engine.links().length, limits.electorLinksMax);
    const [lost] = links;
    assert.ok(lost !== undefined);
    bench.closed(lost);
    welcomeAll(bench, electors);
    assert.equal(bench.engine.links().length, limits.electorLinksMax);
  });
});

describe('dialling: rotation', () => {
  function settled(seed: number): { bench: Bench; others: Contact[] } {
    const others = peers(30);
    const bench = new Bench({ seeds: addresses(others), seed });
    welcomeAll(bench, others);
    assert.equal(bench.engine.links().length, fanout);
    return { bench, others };
  }

  it('replaces the oldest lazy outbound link once the new one stands', () => {
    const { bench, others } = settled(3);
    const [first, second, third] = bench.engine.links();
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    bench.frame(second.id, { kind: 'prune' });
    bench.frame(third.id, { kind: 'prune' });
    const replacement = bench.nextDial(defaultTuning.rotationMs * 1.5 + 10);
    assert.equal(bench.engine.links().length, fanout, 'nothing goes before the new one stands');
    const member = others.find(({ address }) => address === replacement.address);
    assert.ok(member !== undefined);
    bench.welcomedBy(replacement.link, member);
    assert.ok(!bench.isUp(second.id), 'eager links stay, the older of the lazy ones goes');
    assert.ok(bench.isUp(replacement.link));
    assert.equal(bench.engine.links().length, fanout);
  });

  it('never goes below the fan-out, when the new one fails or another is lost meanwhile', () => {
    const { bench, others } = settled(4);
    const failed = bench.nextDial(defaultTuning.rotationMs * 1.5 + 10);
    bench.closed(failed.link, 'refused');
    assert.equal(bench.engine.links().length, fanout);
    const next = bench.nextDial(defaultTuning.rotationMs * 1.5 + 10);
    const lost = bench.engine.links()[0];
    assert.ok(lost !== undefined);
    bench.closed(lost.id);
    const member = others.find(({ address }) => address === next.address);
    assert.ok(member !== undefined);
    bench.welcomedBy(next.link, member);
    assert.equal(bench.engine.links().length, fanout, 'it fills the gap; nobody is retired');
  });

  it('does not happen when it is switched off, nor while links are missing', () => {
    const off = new Bench({ seeds: addresses(peers(30)), tuning: calm });
    welcomeAll(off, peers(30));
    assert.deepEqual(ofKind(off.advance(600_000), 'dial'), []);
    const few = new Bench({ seeds: addresses(peers(2)) });
    welcomeAll(few, peers(2));
    assert.deepEqual(ofKind(few.advance(600_000), 'dial'), []);
    assert.equal(few.engine.links().length, 2);
  });
});
