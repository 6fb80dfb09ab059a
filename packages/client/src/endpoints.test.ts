import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress, seededRandom } from '@herald/core';
import type { Address } from '@herald/core';
import fc from 'fast-check';
import { EndpointPool } from './endpoints.ts';
import { clientLimits, endpointTuning } from './tuning.ts';

const address = (text: string): Address => parseAddress(text);

function addresses(count: number, host = 'n'): Address[] {
  return Array.from({ length: count }, (_, index) => parseAddress(`${host}${String(index)}:1`));
}

test('somebody can always be asked, whoever failed, unless all were asked already', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.tuple(fc.nat(9), fc.constantFrom('failed', 'answered', 'prefer'), fc.nat(5_000))),
      (count, events) => {
        const seeds = addresses(count);
        const pool = new EndpointPool(seeds, seededRandom(count));
        let nowMs = 0;
        for (const [index, event, passedMs] of events) {
          const address = seeds[index % count]!;
          if (event === 'failed') pool.failed(address, nowMs);
          else if (event === 'answered') pool.answered(address, 1);
          else pool.prefer(address);
          nowMs += passedMs;
          assert.ok(pool.pick(nowMs) !== undefined);
          assert.equal(pool.pick(nowMs, new Set(seeds)), undefined);
        }
      },
    ),
  );
});

test('one that failed is left alone, for longer each time, and forgiven when it answers', () => {
  const [first, second] = addresses(2) as [Address, Address];
  const pool = new EndpointPool([first, second], seededRandom(1));
  const ejectedForMs = (nowMs: number): number => {
    let forMs = 0;
    while (pool.list(nowMs + forMs).some(({ address, ejected }) => address === first && ejected)) {
      forMs += 50;
    }
    return forMs;
  };
  pool.failed(first, 0);
  assert.equal(pool.pick(0), second);
  const once = ejectedForMs(0);
  pool.failed(first, 0);
  const twice = ejectedForMs(0);
  assert.ok(once >= 400 && once <= 650, String(once));
  assert.ok(twice >= 800 && twice <= 1_250, String(twice));
  for (let failure = 0; failure < 30; failure++) pool.failed(first, 0);
  assert.ok(ejectedForMs(0) <= endpointTuning.ejectCapMs * (1 + endpointTuning.ejectJitter) + 50);
  pool.answered(first, 1);
  assert.equal(ejectedForMs(0), 0);
});

test('the one that named a leader is asked first, unless it is to be avoided', () => {
  const seeds = addresses(8);
  const pool = new EndpointPool(seeds, seededRandom(1));
  const preferred = seeds[5]!;
  pool.prefer(preferred);
  for (let index = 0; index < 20; index++) assert.equal(pool.pick(0), preferred);
  for (let index = 0; index < 20; index++) {
    assert.notEqual(pool.pick(0, new Set(), new Set([preferred])), preferred);
  }
  assert.equal(
    pool.pick(0, new Set(seeds.slice(0, 5).concat(seeds.slice(6))), new Set([preferred])),
    preferred,
  );
});

test('clients spread over their seeds', () => {
  const seeds = addresses(4);
  const counts = new Map<Address, number>();
  for (let seed = 0; seed < 400; seed++) {
    const picked = new EndpointPool(seeds, seededRandom(seed)).pick(0)!;
    counts.set(picked, (counts.get(picked) ?? 0) + 1);
  }
  for (const seed of seeds)
    assert.ok((counts.get(seed) ?? 0) > 50, `${seed}: ${String(counts.get(seed))}`);
});

test('what is learnt is bounded, seeds stay, and members that are gone are forgotten', () => {
  const seeds = addresses(3);
  const pool = new EndpointPool(seeds, seededRandom(1));
  const learnt = (): Address[] =>
    pool
      .list(0)
      .filter(({ isSeed }) => !isSeed)
      .map(({ address }) => address);
  pool.learn(addresses(100, 'x'), 0);
  assert.equal(learnt().length, clientLimits.learntEndpointsMax);
  const kept = learnt()[0]!;
  pool.prefer(kept);
  pool.relearn([...addresses(100, 'y'), kept, ...seeds]);
  assert.equal(learnt().length, clientLimits.learntEndpointsMax);
  assert.ok(learnt().includes(kept));
  assert.ok(learnt().every((address) => address === kept || address.startsWith('y')));
  pool.relearn([]);
  assert.deepEqual(learnt(), []);
  assert.deepEqual(
    pool.list(0).map(({ address }) => address),
    seeds,
  );
  // An endpoint that failed makes room for a new one.
  pool.learn(addresses(100, 'z'), 0);
  const failed = learnt()[3]!;
  pool.failed(failed, 0);
  pool.learn(addresses(1, 'new'), 0);
  assert.ok(!learnt().includes(failed));
  assert.ok(learnt().includes(parseAddress('new0:1')));
});

test('round trips are smoothed', () => {
  const [first] = addresses(1) as [Address];
  const pool = new EndpointPool([first], seededRandom(1));
  assert.equal(pool.roundTripMs(first), 0);
  pool.answered(first, 10);
  assert.equal(pool.roundTripMs(first), 10);
  pool.answered(first, 20);
  assert.equal(pool.roundTripMs(first), 12);
});

test('a node that asks to be left alone is, for at least as long, and others are asked', () => {
  const pool = new EndpointPool(['a:1', 'b:1'].map(address), seededRandom(1));
  pool.failed(address('a:1'), 0, 2_000);
  for (let index = 0; index < 20; index++) assert.equal(pool.pick(1_999), 'b:1');
  assert.equal(pool.pushbackMs(0), 0, 'the other one may be asked');
  pool.failed(address('b:1'), 0, 5_000);
  assert.equal(pool.pick(1_000), undefined, 'all have asked to be left alone');
  assert.ok(pool.pushbackMs(0) >= 2_000 && pool.pushbackMs(0) <= 2_400);
  assert.equal(pool.pick(2_400), 'a:1');
  pool.answered(address('b:1'), 1);
  assert.notEqual(
    pool.pick(0, new Set([address('a:1')])),
    undefined,
    'who answers again may be asked',
  );
});

test('nobody is left alone for longer than the longest ejection, whatever was asked for', () => {
  const pool = new EndpointPool([address('a:1')], seededRandom(1));
  pool.failed(address('a:1'), 0, 1e12);
  assert.ok(pool.pushbackMs(0) <= endpointTuning.ejectCapMs * 1.2);
});

test('when those that were learnt have failed, a seed is asked', () => {
  const pool = new EndpointPool([address('a:1')], seededRandom(1));
  pool.learn(
    Array.from({ length: 30 }, (_, index) => address(`n${String(index)}:1`)),
    0,
  );
  assert.equal(pool.pick(0, undefined, undefined, true), 'a:1');
  assert.notEqual(pool.pick(0, new Set([address('a:1')]), undefined, true), undefined);
});
