import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@herald/core';
import { createClientOver } from './client.ts';
import type { Clock } from './clock.ts';
import { MemoryNetwork } from './memory/memory-network.ts';
import { VirtualClock } from './memory/virtual-clock.ts';
import type { LeaderUpdate } from './results.ts';
import { claim, election, failureOf, fixture, vacancy } from './test-support/fixture.ts';

const seeds = ['a:1', 'b:1', 'c:1'];

/** Reads a watch to its end, noting what it gave. */
function read(watch: AsyncIterable<LeaderUpdate>): {
  readonly updates: string[];
  readonly ended: Promise<void>;
} {
  const updates: string[] = [];
  const ended = (async () => {
    for await (const { epoch, status, version } of watch) {
      updates.push(`${status} ${String(epoch)}.${String(version.renewal)}`);
    }
  })();
  return { updates, ended };
}

test('a watch gives what is known, then each change, each expiry, each return', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  const node = f.network.at('a:1');
  node.hold(claim(7));
  const { updates, ended } = read(f.client.watchLeader());
  await f.clock.advance(1);
  assert.deepEqual(updates, ['current 7.0']);
  node.hold(claim(7, { renewal: 1 }));
  await f.clock.advance(1);
  assert.deepEqual(updates, ['current 7.0'], 'a renewal is no change');
  await f.clock.advance(3_000);
  node.hold(claim(7, { renewal: 2 }));
  await f.clock.advance(600);
  node.hold(vacancy(7));
  await f.clock.advance(600);
  node.hold(claim(9));
  await f.clock.advance(600);
  assert.deepEqual(updates, [
    'current 7.0',
    'expired 7.1',
    'current 7.2',
    'vacant 7.0',
    'current 9.0',
  ]);
  await f.client.close();
  await ended;
});

test('includeRenewals gives each renewal', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  f.network.at('a:1').hold(claim(7));
  const { updates } = read(f.client.watchLeader({ includeRenewals: true }));
  for (let renewal = 1; renewal <= 3; renewal++) {
    await f.clock.advance(500);
    f.network.at('a:1').hold(claim(7, { renewal }));
  }
  await f.clock.advance(1);
  assert.deepEqual(updates, ['current 7.0', 'current 7.1', 'current 7.2', 'current 7.3']);
});

test('the latest wins: a slow reader skips what was overtaken', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  const node = f.network.at('a:1');
  node.hold(claim(1));
  const watch = f.client.watchLeader();
  await f.clock.advance(1);
  for (let epoch = 2; epoch <= 50; epoch++) {
    node.hold(claim(epoch));
    await f.clock.advance(1);
  }
  const step = await watch.next();
  assert.equal(step.value?.epoch, 50n);
});

test('all watches share one stream to one node, and it ends with the last of them', async () => {
  await using f = fixture({ seeds });
  for (const seed of seeds) f.network.at(seed).hold(claim(7));
  const controller = new AbortController();
  const readers = Array.from({ length: 20 }, () =>
    read(f.client.watchLeader({ signal: controller.signal })),
  );
  await f.clock.advance(1);
  assert.equal(f.client.stats().watches, 1);
  assert.equal(f.client.stats().openWatches, 20);
  for (const { updates } of readers) assert.deepEqual(updates, ['current 7.0']);
  controller.abort();
  await Promise.all(readers.map(({ ended }) => ended));
  await f.clock.advance(1);
  assert.equal(f.client.stats().openWatches, 0);
  assert.equal(f.clock.pendingTimers, 0);
  // And another one opens another.
  const { updates } = read(f.client.watchLeader());
  await f.clock.advance(1);
  assert.deepEqual(updates, ['current 7.0']);
  assert.equal(f.client.stats().watches, 2);
});

test('while a watch is live, getLeader asks nobody, however old the last check is', async () => {
  await using f = fixture({ seeds: ['a:1'], cacheMs: 10 });
  f.network.at('a:1').hold(claim(7));
  read(f.client.watchLeader());
  await f.clock.advance(2_000);
  assert.equal((await f.client.getLeader()).cached, true);
  f.network.at('a:1').hold(claim(9));
  await f.clock.advance(0);
  assert.equal((await f.client.getLeader()).epoch, 9n);
  assert.ok(f.network.questions.every(({ what }) => what !== 'lookup'));
});

test('a waiting getLeader is answered by what a watch brings', async () => {
  await using f = fixture({ seeds: ['a:1'], backoffBaseMs: 400, backoffCapMs: 400 });
  f.network.at('a:1').hold(vacancy(7));
  read(f.client.watchLeader());
  const call = f.client.getLeader();
  await f.clock.advance(100);
  f.network.at('a:1').hold(claim(9));
  await f.clock.advance(0);
  const leader = await call;
  assert.equal(leader.epoch, 9n);
  assert.equal(leader.source.via, 'watch');
});

test('a watch survives its node: it goes on at another one', async () => {
  await using f = fixture({ seeds });
  for (const seed of seeds) f.network.at(seed).hold(claim(7));
  const { updates } = read(f.client.watchLeader());
  await f.clock.advance(1);
  for (let epoch = 9; epoch < 20; epoch += 2) {
    const watched = f.network.questions.findLast(({ what }) => what === 'watch')?.endpoint ?? '';
    f.network.at(watched).behaviour = 'refuses';
    f.network.at(watched).dropWatches();
    for (const seed of seeds) f.network.at(seed).hold(claim(epoch));
    await f.clock.advance(2_500);
    assert.equal(
      updates.findLast((update) => update.startsWith('current')),
      `current ${String(epoch)}.0`,
    );
    f.network.at(watched).behaviour = 'answers';
  }
});

test('a node that accepts a watch and says nothing is left for another', async () => {
  await using f = fixture({ seeds: ['a:1', 'b:1'] });
  f.network.at('a:1').behaviour = 'hangs';
  f.network.at('b:1').hold(claim(7));
  const { updates } = read(f.client.watchLeader());
  for (let waitedMs = 0; updates.length === 0 && waitedMs < 3_000; waitedMs += 100) {
    await f.clock.advance(100);
  }
  assert.deepEqual(updates, ['current 7.0']);
});

test('a node that falls silent is left when the record it told has expired', async () => {
  await using f = fixture({ seeds: ['a:1', 'b:1'] });
  f.network.at('a:1').hold(claim(7));
  f.network.at('b:1').hold(claim(7));
  const { updates } = read(f.client.watchLeader());
  await f.clock.advance(1);
  const silent = f.network.questions.find(({ what }) => what === 'watch')?.endpoint ?? '';
  const other = silent === 'a:1' ? 'b:1' : 'a:1';
  for (let atMs = 0; atMs < 10_000; atMs += 500) {
    f.network.at(other).hold(claim(9, { renewal: atMs / 500 }));
    await f.clock.advance(500);
  }
  assert.deepEqual(updates.slice(0, 2), ['current 7.0', 'expired 7.0']);
  assert.match(updates.at(-1) ?? '', /^current 9/);
  assert.match(f.client.stats().watchTrouble ?? '', /fell silent/);
});

test('a node that is cut off, and names no current leader, is left for another', async () => {
  await using f = fixture({ seeds: ['a:1', 'b:1'] });
  f.network.at('a:1').hold(claim(7), 10_000);
  f.network.at('b:1').hold(claim(9, { validityMs: 60_000 }));
  const { updates } = read(f.client.watchLeader());
  await f.clock.advance(4_000);
  assert.equal(updates.at(-1), 'current 9.0');
});

test('nobody to watch: paced attempts, and no more', async () => {
  await using f = fixture({ seeds });
  for (const seed of seeds) f.network.at(seed).behaviour = 'refuses';
  read(f.client.watchLeader());
  await f.clock.advance(20_000);
  const { watches } = f.client.stats();
  assert.ok(watches >= 10 && watches <= 80, `${String(watches)} watches`);
  assert.match(f.client.stats().watchTrouble ?? '', /connection to .* refused/);
});

test('a watch has one reader at a time, and its return ends it', async () => {
  await using f = fixture({ seeds: ['a:1'] });
  const watch = f.client.watchLeader();
  const first = watch.next();
  assert.equal((await failureOf(watch.next())).code, 'INVALID_ARGUMENT');
  assert.equal((await watch.return?.())?.done, true);
  assert.equal((await first).done, true);
  assert.equal((await watch.next()).done, true);
  await f.clock.advance(1);
  assert.equal(f.clock.pendingTimers, 0);
});

test('P4: expiry is told also when the clock moves while readers are being told', async () => {
  // Each look at this clock is later than the one before, and timers fire early, as with a real one.
  const base = new VirtualClock();
  const random = seededRandom(5);
  let looksMs = 0;
  const clock: Clock = {
    nowMs: () => base.nowMs() + (looksMs += random() * 0.002),
    startTimer: (delayMs, callback) => base.startTimer(Math.floor(delayMs), callback),
  };
  const network = new MemoryNetwork(base);
  const transport = network.transport();
  for (let validityMs = 100; validityMs < 110; validityMs++) {
    network.at('a:1').hold(claim(7, { validityMs }));
    const client = createClientOver({ seeds: ['a:1'], election, clock, transport });
    const { updates } = read(client.watchLeader());
    for (let step = 0; step < 400; step++) await base.advance(0.5);
    assert.deepEqual(updates, ['current 7.0', 'expired 7.0']);
    await client.close();
  }
});
