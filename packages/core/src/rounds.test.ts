/** When members compare: the period, the links asked, the round trip, the bound on pulls. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Bench, contact, ofKind, payments, push, sealed, sent, version } from './fixtures.test.ts';
import { defaultTuning } from './tuning.ts';

const { roundMs } = defaultTuning;

function linked(count: number): { bench: Bench; links: ReturnType<Bench['inbound']>[] } {
  const bench = new Bench({ tuning: { rotationMs: 0, fanout: 0 } });
  const links = Array.from({ length: count }, (_, n) => bench.inbound(contact(`p${n}`)));
  return { bench, links };
}

describe('rounds', () => {
  it('ask one link per period, jittered, each in its turn', () => {
    const { bench } = linked(5);
    const asked = new Set<number>();
    let rounds = 0;
    const seconds = 100;
    for (const effect of ofKind(bench.advance(seconds * roundMs), 'send')) {
      if (effect.frame.kind !== 'round') continue;
      rounds++;
      asked.add(effect.link);
    }
    assert.ok(rounds >= seconds / 1.2 - 1 && rounds <= seconds / 0.8 + 1, `${rounds} rounds`);
    assert.equal(asked.size, 5);
  });

  it('ask more links while a leader is overdue', () => {
    const { bench, links } = linked(5);
    const [link] = links;
    assert.ok(link !== undefined);
    bench.frame(link, push(sealed({ version: version(1), validityMs: 3000 })));
    bench.advance(1600);
    const rounds = sent(bench.advance(10 * roundMs), 'round').length;
    assert.ok(rounds >= 3 * 8, `${rounds} rounds`);
  });

  it('P3: are answered at once; a digest follows only when the hashes differ', () => {
    const { bench, links } = linked(2);
    const [one, other] = links;
    assert.ok(one !== undefined && other !== undefined);
    const equal = {
      kind: 'round',
      nonce: 7,
      hash: { high: 0, low: 0 },
      contacts: [],
      members: undefined,
      beatMs: 0,
    } as const;
    const same = bench.frame(one, equal);
    assert.deepEqual(sent(same, 'round-reply'), [{ kind: 'round-reply', nonce: 7 }]);
    assert.deepEqual(sent(same, 'digest'), []);
    bench.input({ kind: 'publish', sealed: sealed({ version: version(1) }), ageMs: 0 });
    const differ = bench.frame(one, equal);
    assert.deepEqual(sent(differ, 'digest', one)[0]?.entries, [
      { election: payments, version: version(1) },
    ]);
  });

  it('leave renewals out of what they compare: two members seldom hold the same one', () => {
    const { bench, links } = linked(1);
    const [link] = links;
    assert.ok(link !== undefined);
    const hashAfter = (renewal: number): unknown => {
      bench.input({ kind: 'publish', sealed: sealed({ version: version(1, renewal) }), ageMs: 0 });
      return sent(bench.advance(1.3 * roundMs), 'round').at(-1)?.hash;
    };
    const [first, second] = [hashAfter(1), hashAfter(2)];
    assert.ok(first !== undefined);
    assert.deepEqual(second, first);
  });

  it('say which renewals are held while a leader is overdue', () => {
    const { bench, links } = linked(2);
    const [link] = links;
    assert.ok(link !== undefined);
    bench.frame(link, push(sealed({ version: version(1), validityMs: 3000 })));
    assert.deepEqual(sent(bench.advance(1400), 'digest'), []);
    const [digest] = sent(bench.advance(1.5 * roundMs), 'digest');
    assert.deepEqual(digest?.entries, [{ election: payments, version: version(1) }]);
  });

  it('go to one link again when a leader has been overdue for long: there may be none', () => {
    const { bench, links } = linked(5);
    const [link] = links;
    assert.ok(link !== undefined);
    bench.frame(link, push(sealed({ version: version(1), validityMs: 3000 })));
    bench.advance(31_000);
    const effects = bench.advance(10 * roundMs);
    const digests = sent(effects, 'digest').length;
    assert.ok(digests >= 8 && digests <= 13, `${digests} digests in ten rounds`);
  });

  it('do not wait for renewals whose link is gone', () => {
    const { bench, links } = linked(3);
    const [link] = links;
    assert.ok(link !== undefined);
    bench.frame(link, push(sealed({ version: version(1), validityMs: 60_000 })));
    assert.deepEqual(sent(bench.advance(5 * roundMs), 'digest'), []);
    bench.closed(link);
    assert.ok(sent(bench.advance(1.3 * roundMs), 'digest').length > 0);
  });

  it('do not find a leader overdue whose renewals come late, but come', () => {
    const { bench, links } = linked(5);
    const [link] = links;
    assert.ok(link !== undefined);
    for (let renewal = 0; renewal < 10; renewal++) {
      const record = sealed({ version: version(1, renewal), validityMs: 3000 });
      bench.frame(link, push(record, { ageMs: 2500 }));
      assert.deepEqual(sent(bench.advance(1000), 'digest'), []);
    }
  });

  it('ask no more links than usual while this member is behind itself', () => {
    const { bench, links } = linked(5);
    const [link] = links;
    assert.ok(link !== undefined);
    bench.frame(link, push(sealed({ version: version(1), validityMs: 3000 })));
    let rounds = 0;
    for (let second = 0; second < 10; second++) {
      bench.nowMs += roundMs; // handled nothing meanwhile
      rounds += sent(bench.input({ kind: 'wake' }), 'round').length;
    }
    assert.ok(rounds <= 2 * 10, `${rounds} rounds`);
  });

  it('measure the round trip: the smallest of the latest, and only by the reply that is awaited', () => {
    const { bench, links } = linked(1);
    const [link] = links;
    assert.ok(link !== undefined);
    const seen: (number | undefined)[] = [];
    let awaited = sent(bench.log, 'round').find(({ nonce }) => nonce !== 0);
    for (const roundTripMs of [40, 8, 30, 25, 25, 25, 25, 25, 25, 25]) {
      assert.ok(awaited !== undefined, 'a round asks for a reply');
      const { nonce } = awaited;
      bench.frame(link, { kind: 'round-reply', nonce: nonce + 1000 });
      bench.nowMs += roundTripMs;
      bench.frame(link, { kind: 'round-reply', nonce });
      bench.frame(link, { kind: 'round-reply', nonce });
      seen.push(bench.engine.links()[0]?.roundTripMs);
      awaited = undefined;
      for (let pulls = 0; pulls < 1000 && awaited === undefined; pulls++) {
        bench.nowMs += 100;
        awaited = sent(bench.input({ kind: 'pull' }), 'round').find((round) => round.nonce !== 0);
      }
    }
    assert.deepEqual(seen, [40, 8, 8, 8, 8, 8, 8, 8, 8, 25]);
  });

  it('ask for a reply now and then only, and again when one was lost', () => {
    const { bench } = linked(1);
    const rounds = sent(bench.advance(60 * roundMs), 'round');
    const asking = rounds.filter(({ nonce }) => nonce !== 0).length;
    assert.ok(asking >= 2, 'the first one was never answered');
    assert.ok(asking <= rounds.length / 4, `${asking} of ${rounds.length}`);
  });

  it('that do not ask for a reply get none', () => {
    const { bench, links } = linked(1);
    const [link] = links;
    assert.ok(link !== undefined);
    const frame = {
      kind: 'round',
      nonce: 0,
      hash: { high: 0, low: 0 },
      contacts: [],
      members: undefined,
      beatMs: 0,
    } as const;
    assert.deepEqual(sent(bench.frame(link, frame), 'round-reply'), []);
  });

  it('P4: half the round trip counts towards the age of what comes by the link', () => {
    const { bench, links } = linked(1);
    const [link] = links;
    assert.ok(link !== undefined);
    bench.nowMs += 12;
    bench.frame(link, { kind: 'round-reply', nonce: sent(bench.log, 'round')[0]?.nonce ?? 0 });
    bench.frame(link, push(sealed({ version: version(1) }), { ageMs: 100 }));
    assert.equal(bench.engine.held(payments)?.ageAtApplyMs, 106);
  });

  it('a pull compares with three links at once, and many pulls are one', () => {
    const { bench } = linked(5);
    assert.equal(sent(bench.input({ kind: 'pull' }), 'round').length, 3);
    let more = 0;
    for (let n = 0; n < 1000; n++) more += sent(bench.input({ kind: 'pull' }), 'round').length;
    assert.equal(more, 0);
    bench.nowMs += 100;
    assert.equal(sent(bench.input({ kind: 'pull' }), 'round').length, 3);
  });

  it('carry a few contacts, by which members that never met learn of each other', () => {
    const { bench, links } = linked(5);
    const contacts = sent(bench.advance(20 * roundMs), 'round').flatMap((round) => round.contacts);
    assert.equal(new Set(contacts.map(({ nodeId }) => nodeId)).size, 5);
    const [link] = links;
    assert.ok(link !== undefined);
    const news = contact('far-away');
    const hash = { high: 0, low: 0 };
    bench.frame(link, {
      kind: 'round',
      nonce: 1,
      hash,
      contacts: [news],
      members: undefined,
      beatMs: 0,
    });
    assert.ok(bench.engine.contacts().some(({ nodeId }) => nodeId === news.nodeId));
  });
});
