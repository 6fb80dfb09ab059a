/** What a member does that hears nothing on any of its links. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Bench, contact, delta, ofKind, peers, sent, stateOf } from './fixtures.test.ts';
import { defaultTuning } from './tuning.ts';

const { beatMs, pingEveryMs } = defaultTuning;
const dueMs = beatMs + 1000;

/** Linked to two, and knowing ten others; no more is heard. */
function linkedToTwo(): Bench {
  const bench = new Bench({ tuning: { rotationMs: 0, fanout: 0 } });
  const [first, second] = peers(2, 'linked');
  assert.ok(first !== undefined && second !== undefined);
  const link = bench.member(stateOf(first));
  bench.member(stateOf(second));
  for (const one of peers(10, 'other')) bench.frame(link, delta(stateOf(one)));
  return bench;
}

describe('a silence on all links', () => {
  it('is broken by asking all other ends, and then by dialling others in their place', () => {
    const bench = linkedToTwo();
    bench.advance(dueMs - 10);
    const asked = sent(bench.advance(20), 'round').filter(({ nonce }) => nonce !== 0);
    assert.equal(asked.length, 2);
    const dials = ofKind(bench.advance(1000), 'dial');
    assert.equal(dials.length, 3);
    for (const { address } of dials) assert.match(address, /^other-/);
    const [dial] = dials;
    assert.ok(dial !== undefined);
    const up = bench.welcomedBy(dial.link, contact(dial.address.replace(/:.*/, '')));
    assert.equal(ofKind(up, 'link-up').length, 1, 'it is a link like any other');
  });

  it('is none where anything comes, by whatever link', () => {
    const bench = linkedToTwo();
    const [link] = bench.engine.links();
    assert.ok(link !== undefined);
    for (let beats = 0; beats < 10; beats++) {
      const effects = bench.advance(beatMs);
      assert.deepEqual(ofKind(effects, 'dial'), []);
      bench.frame(link.id, { kind: 'round-reply', nonce: 0 });
    }
  });

  it('is none of others while this member was paused itself', () => {
    const bench = linkedToTwo();
    bench.advance(100);
    bench.nowMs += 60_000;
    const effects = bench.advance(pingEveryMs);
    assert.deepEqual(ofKind(effects, 'dial'), []);
  });

  it('is the overlay’s to end where no link is left', () => {
    const bench = linkedToTwo();
    for (const { id } of bench.engine.links()) bench.closed(id, 'reset', 'lost');
    const dialled = ofKind(bench.advance(2 * dueMs), 'dial').map(({ address }) => address);
    assert.deepEqual(
      dialled.filter((address) => address.startsWith('other-')),
      [],
    );
  });

  it('is none: but a member with few links asks where one of them alone is silent for longer than a beat', () => {
    const bench = linkedToTwo();
    const [talks, silent] = bench.engine.links();
    assert.ok(talks !== undefined && silent !== undefined);
    const slow = { kind: 'round', nonce: 0, hash: { high: 0, low: 0 }, contacts: [] } as const;
    const beat = { ...slow, members: undefined, beatMs: defaultTuning.slowBeatMs };
    bench.frame(silent.id, beat);
    const effects = bench.advanceBeating(beatMs + 2000, [talks.id]);
    const asked = sent(effects, 'round', silent.id).filter(({ nonce }) => nonce !== 0);
    assert.ok(asked.length > 0, 'it promised a beat every 12 s only');
  });
});
