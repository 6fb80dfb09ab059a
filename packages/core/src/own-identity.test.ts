/** What a member does when somebody speaks in its name. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Bench, Wire, contact, delta, ofKind, stateOf } from './fixtures.test.ts';
import type { Contact } from './contact.ts';
import type { EffectOf } from './fixtures.test.ts';
import { defaultTuning } from './tuning.ts';

const calm = { rotationMs: 0, fanout: 0 };
const peer = contact('peer');

function hearing(theirs: Contact, at = 1): Bench {
  const bench = new Bench({ self: contact('self', { generation: 5 }), tuning: calm });
  const link = bench.member(stateOf(peer));
  bench.advance(1000);
  bench.frame(link, delta(stateOf(theirs, { version: at })));
  bench.advance(100);
  return bench;
}

describe('own identity', () => {
  it('an earlier life is nothing', () => {
    const bench = hearing(contact('self', { generation: 4, address: 'old:1' }), 99);
    assert.equal(bench.engine.self.generation, 5);
    assert.deepEqual(ofKind(bench.log, 'identity-conflict'), []);
  });

  it('an earlier life that was numbered higher, at our address, is outdone without a word', () => {
    const bench = hearing(contact('self', { generation: 8 }), 12);
    assert.equal(bench.engine.self.generation, 9);
    assert.deepEqual(ofKind(bench.log, 'identity-conflict'), []);
    assert.equal(bench.view(bench.self)?.state.contact.generation, 9);
  });

  it('more than we said, of this very life, is outdone by one version', () => {
    const bench = hearing(contact('self', { generation: 5 }), 40);
    assert.equal(bench.engine.self.generation, 5);
    assert.equal(bench.view(bench.self)?.state.version, 41);
  });

  it('what nobody can have said so often was forged, and ends with a new life', () => {
    for (const at of [2 ** 48, Number.MAX_SAFE_INTEGER]) {
      const bench = hearing(contact('self', { generation: 5 }), at);
      assert.equal(bench.engine.self.generation, 6);
      assert.equal(bench.view(bench.self)?.state.contact.generation, 6);
      assert.ok((bench.view(bench.self)?.state.version ?? Infinity) < 100);
    }
  });

  it('the highest number there is cannot be outdone, and is not tried', () => {
    const bench = hearing(contact('self', { generation: Number.MAX_SAFE_INTEGER, address: 'b:1' }));
    assert.equal(bench.engine.self.generation, 5);
    assert.equal(ofKind(bench.log, 'identity-conflict').length, 1);
  });

  it('a process that greets us with our node id is named', () => {
    const bench = new Bench({ self: contact('self'), tuning: calm });
    const theirs = contact('self', { generation: 2, address: 'else:1' });
    bench.greetedBy(theirs);
    bench.greetedBy(theirs);
    assert.deepEqual(ofKind(bench.log, 'identity-conflict'), [
      { kind: 'identity-conflict', ours: bench.self, theirs },
    ]);
  });
});

describe('two processes with one node id', () => {
  it('are both named, on both sides, and do not take turns all day', () => {
    const twins = [
      new Bench({
        self: contact('twin', { generation: 1, address: 'one:1' }),
        seeds: ['hub:7400'],
        seed: 1,
      }),
      new Bench({
        self: contact('twin', { generation: 2, address: 'two:1' }),
        seeds: ['hub:7400'],
        seed: 2,
      }),
    ];
    const hub = new Bench({ self: contact('hub'), seed: 3 });
    const other = new Bench({ self: contact('other'), seeds: ['hub:7400'], seed: 4 });
    const wire = new Wire([hub, other, ...twins]);
    const hourMs = 3_600_000;
    wire.advance(hourMs / 60, 20);
    const conflicts = (bench: Bench): EffectOf<'identity-conflict'>[] =>
      ofKind(bench.log, 'identity-conflict');
    for (const [index, twin] of twins.entries()) {
      const [told] = conflicts(twin);
      assert.ok(told !== undefined, `twin ${index} was told`);
      assert.equal(told.ours.address, twin.self.address);
      assert.equal(told.theirs.address, twins[1 - index]?.self.address);
    }
    const claims = hub.engine.member(contact('twin').nodeId)?.state.contact.generation ?? 0;
    const boundMs = defaultTuning.reclaimMs;
    assert.ok(
      claims <= 2 + 2 * (1 + Math.log2(1 + hourMs / 60 / (boundMs / 2))),
      `${claims} claims`,
    );
    assert.equal(other.engine.memberCounts.live, 3);
  });
});
