/** Two protocol versions side by side: the leader plane works across, the membership among those that speak it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  Bench,
  Wire,
  contact,
  hello,
  ofKind,
  payments,
  sealed,
  sent,
  stateOf,
  version,
} from './fixtures.test.ts';
import { protocolVersions } from './frames.ts';

const old = { min: 1, max: 1 };

describe('protocol', () => {
  it('is the highest that both ends speak', () => {
    for (const [ours, theirs, spoken] of [
      [protocolVersions, 1, 1],
      [protocolVersions, 2, 2],
      [protocolVersions, 9, 2],
      [old, 2, 1],
    ] as const) {
      const bench = new Bench({ protocol: ours });
      const link = bench.engine.newLinkId();
      bench.input({ kind: 'link-accepted', link });
      const [welcome] = sent(bench.frame(link, hello(contact('peer'), theirs)), 'welcome');
      assert.equal(welcome?.protocol, spoken);
      assert.equal(bench.engine.links()[0]?.protocol, spoken);
    }
  });

  it('offered to others is the range that was asked for; without membership the first alone', () => {
    const range = (bench: Bench): [number, number] | undefined => {
      bench.advance(0);
      const [dial] = ofKind(bench.log, 'dial');
      assert.ok(dial !== undefined);
      const [frame] = sent(bench.input({ kind: 'link-dialed', link: dial.link }), 'hello');
      return frame === undefined ? undefined : [frame.protocolMin, frame.protocolMax];
    };
    const seeds = ['peer:7400'];
    assert.deepEqual(range(new Bench({ seeds })), [1, 2]);
    assert.deepEqual(range(new Bench({ seeds, protocol: { min: 2, max: 2 } })), [2, 2]);
    assert.deepEqual(range(new Bench({ seeds, tuning: { membership: false } })), [1, 1]);
  });

  it('of the leader plane alone brings no frame of the membership, and none is taken', () => {
    const bench = new Bench({ tuning: { rotationMs: 0, fanout: 0 } });
    const link = bench.inbound(contact('old'));
    bench.member(stateOf(contact('new')));
    bench.advance(3000);
    const kinds = new Set(
      ofKind(bench.log, 'send')
        .filter((one) => one.link === link)
        .map(({ frame }) => frame.kind),
    );
    assert.deepEqual(
      [...kinds].filter((kind) => kind.startsWith('member-')),
      [],
    );
    for (const { members } of sent(bench.log, 'round', link)) assert.equal(members, undefined);
    bench.frame(link, {
      kind: 'member-delta',
      states: [{ state: stateOf(contact('x')), unreachableForMs: 0 }],
      wants: [],
      done: false,
    });
    assert.equal(bench.view(contact('x')), undefined);
  });

  it('1 and 2 side by side: everybody has the leader, and those that speak 2 know each other', () => {
    const benches = Array.from({ length: 12 }, (_, n) => {
      const isOld = n % 2 === 0;
      return new Bench({
        self: contact(`${isOld ? 'old' : 'new'}${n}`),
        seeds: ['old0:7400', 'new1:7400'],
        seed: n,
        ...(isOld ? { protocol: old } : {}),
      });
    });
    const wire = new Wire(benches);
    wire.advance(10_000, 20);
    const [publisher] = benches;
    assert.ok(publisher !== undefined);
    wire.input(publisher, { kind: 'publish', sealed: sealed({ version: version(5) }), ageMs: 0 });
    wire.advance(3000, 20);
    for (const bench of benches) {
      assert.equal(bench.engine.held(payments)?.sealed.record.version.epoch, 5n, bench.name);
      const { live } = bench.engine.memberCounts;
      assert.equal(live, bench.self.nodeId.startsWith('new') ? 6 : 1, bench.name);
      const kinds = new Set(bench.engine.links().map(({ peer }) => peer.nodeId.slice(0, 3)));
      assert.deepEqual([...kinds].sort(), ['new', 'old'], bench.name);
    }
  });
});
