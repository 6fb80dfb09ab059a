/** A member is who its certificate says, at both ends of a link, or there is no link. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Bench, contact, hello, ofKind, sent } from './fixtures.test.ts';
import type { Vouched } from './vouched.ts';

const peer = contact('peer');
const self = contact('self');

const fitting: readonly Vouched[] = [{ role: 'node' }, { role: 'node', nodeId: peer.nodeId }];
const unfitting: readonly Vouched[] = [
  { role: 'elector' },
  { role: 'elector', nodeId: peer.nodeId },
  { role: 'node', nodeId: contact('other').nodeId },
];

function greeted(bench: Bench, member = peer, vouched?: Vouched) {
  const link = bench.engine.newLinkId();
  bench.input({ kind: 'link-accepted', link, vouched });
  return bench.frame(link, hello(member));
}

function welcomed(bench: Bench, vouched: Vouched) {
  bench.input({ kind: 'introduce', addresses: [peer.address], role: undefined });
  bench.advance(0);
  const link = bench.dials(peer.address).at(-1);
  assert.ok(link !== undefined);
  bench.input({ kind: 'link-dialed', link, vouched });
  const welcome = { kind: 'welcome', protocol: 1, member: peer, contacts: [] } as const;
  return { link, effects: bench.frame(link, welcome) };
}

describe('P10: a link to whom the certificate names', () => {
  for (const vouched of fitting) {
    it(`stands when ${JSON.stringify(vouched)} greets or welcomes as node/peer`, () => {
      assert.equal(sent(greeted(new Bench(), peer, vouched), 'welcome').length, 1);
      const bench = new Bench();
      assert.ok(bench.isUp(welcomed(bench, vouched).link));
    });
  }

  for (const vouched of unfitting) {
    it(`is refused, with what both say, when ${JSON.stringify(vouched)} greets as node/peer`, () => {
      const [refusal] = sent(greeted(new Bench(), peer, vouched), 'refuse');
      assert.equal(refusal?.reason, 'invalid');
      assert.match(refusal.detail, new RegExp(`that of ${vouched.role}/.* that of node/peer`));
    });

    it(`is ended, and its address let alone, when ${JSON.stringify(vouched)} welcomes as it`, () => {
      const bench = new Bench();
      const { link, effects } = welcomed(bench, vouched);
      assert.ok(!bench.isUp(link));
      assert.match(ofKind(effects, 'close')[0]?.reason ?? '', /the greeting that of node\/peer/);
      assert.equal(ofKind(bench.advance(1), 'dial').length, 0);
      assert.deepEqual(bench.engine.members(), new Bench().engine.members());
    });
  }

  it('an impostor does not make a member take its own name back', () => {
    const bench = new Bench();
    const { generation } = bench.engine.self;
    const namesake = { ...self, nodeId: bench.engine.self.nodeId, address: contact('x').address };
    const effects = greeted(bench, namesake, { role: 'node', nodeId: peer.nodeId });
    assert.equal(sent(effects, 'refuse').length, 1);
    assert.equal(ofKind(effects, 'identity-conflict').length, 0);
    assert.equal(bench.engine.self.generation, generation);
    assert.equal(ofKind(greeted(bench, namesake), 'identity-conflict').length, 1);
  });
});
