/** P2 and P5 for any behaviour of any nodes: what a client gives never goes back, and never hangs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions } from '@herald/core';
import type { LeaderRecord, Version } from '@herald/core';
import fc from 'fast-check';
import { HeraldClientError } from './errors.ts';
import { observe } from './known-record.ts';
import type { KnownRecord, Observation } from './known-record.ts';
import type { MemoryBehaviour } from './memory/memory-network.ts';
import { claim, electorOf, fixture, vacancy } from './test-support/fixture.ts';
import { clientLimits } from './tuning.ts';

const addresses = ['a:1', 'b:1', 'c:1', electorOf(1), electorOf(2), electorOf(3)];

const records: fc.Arbitrary<LeaderRecord> = fc
  .record({
    epoch: fc.integer({ min: 1, max: 3 }),
    sequence: fc.integer({ min: 0, max: 2 }),
    renewal: fc.integer({ min: 0, max: 2 }),
    isVacancy: fc.boolean(),
    validityMs: fc.constantFrom(0, 200, 3_000),
  })
  .map(({ epoch, isVacancy, sequence, ...rest }) =>
    isVacancy
      ? vacancy(epoch, epoch + sequence)
      : claim(epoch, { sequence: epoch + sequence, ...rest }),
  );

function observation(record: LeaderRecord, ageMs: number, receivedAtMs: number): Observation {
  const sealed = { record, bytes: new Uint8Array(), keyId: '', signature: new Uint8Array() };
  const source = {
    endpoint: 'a:1',
    nodeId: 'node-a',
    via: 'lookup',
  } as unknown as Observation['source'];
  return { carried: { sealed, ageMs, hops: 1 }, receivedAtMs, transitMs: 1, source };
}

test('P2: any sequence of records leaves the newest, and never steps back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(records, fc.nat(5_000)), { minLength: 1 }), (sequence) => {
      let known: KnownRecord | undefined;
      let newest: Version | undefined;
      sequence.forEach(([record, ageMs], index) => {
        const before = known?.sealed.record.version;
        const step = observe(known, observation(record, ageMs, index));
        known = step.known;
        const after = known.sealed.record.version;
        assert.ok(before === undefined || compareVersions(after, before) >= 0);
        assert.equal(
          step.verdict === 'newer',
          before === undefined || compareVersions(after, before) > 0,
        );
        if (newest === undefined || compareVersions(record.version, newest) > 0)
          newest = record.version;
        assert.equal(compareVersions(after, newest), 0);
      });
    }),
  );
});

type Step =
  | {
      readonly kind: 'hold';
      readonly at: string;
      readonly record: LeaderRecord;
      readonly age: number;
    }
  | { readonly kind: 'behave'; readonly at: string; readonly behaviour: MemoryBehaviour }
  | { readonly kind: 'lead'; readonly at: string; readonly forMs: number }
  | { readonly kind: 'drop'; readonly at: string }
  | {
      readonly kind: 'call';
      readonly verify: boolean;
      readonly allowExpired: boolean;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'wait'; readonly forMs: number };

const at = fc.constantFrom(...addresses);
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('hold' as const), at, record: records, age: fc.nat(1_000) }),
  fc.record({
    kind: fc.constant('behave' as const),
    at,
    behaviour: fc.constantFrom<MemoryBehaviour>('answers', 'hangs', 'refuses', 'rejects'),
  }),
  fc.record({ kind: fc.constant('lead' as const), at, forMs: fc.nat(2_000) }),
  fc.record({ kind: fc.constant('drop' as const), at }),
  fc.record({
    kind: fc.constant('call' as const),
    verify: fc.boolean(),
    allowExpired: fc.boolean(),
    timeoutMs: fc.integer({ min: 1, max: 2_000 }),
  }),
  fc.record({ kind: fc.constant('wait' as const), forMs: fc.nat(400) }),
);

test('P2, P5: whatever nodes and electors do, calls and watches go forward and calls end in time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.boolean(), fc.array(steps, { maxLength: 30 }), run),
    { numRuns: 150 },
  );
});

async function run(seed: number, withWatch: boolean, script: readonly Step[]): Promise<void> {
  const f = fixture({ seed, cacheMs: seed % 2 === 0 ? 0 : 300 });
  for (const address of addresses) {
    f.network.at(address).ask = addresses.map((each) => f.network.at(each).address);
  }
  let newest: Version | undefined;
  const given = (version: Version): void => {
    assert.ok(newest === undefined || compareVersions(version, newest) >= 0, 'it went back');
    newest = version;
  };
  const calls: Promise<void>[] = [];
  const call = async (step: Extract<Step, { kind: 'call' }>): Promise<void> => {
    const startedAtMs = f.clock.nowMs();
    try {
      const leader = await f.client.getLeader(step);
      given(leader.version);
      assert.ok(leader.redirects <= clientLimits.redirectsMax);
      assert.ok(step.allowExpired || leader.status === 'current');
      assert.equal(leader.verified, step.verify);
    } catch (error) {
      assert.ok(error instanceof HeraldClientError, String(error));
      assert.ok(error.redirects <= clientLimits.redirectsMax);
    }
    assert.ok(f.clock.nowMs() - startedAtMs <= step.timeoutMs + 0.001, 'it outlived its deadline');
  };
  const watching = (async () => {
    if (!withWatch) return;
    let watched: Version | undefined;
    for await (const { version } of f.client.watchLeader()) {
      assert.ok(
        watched === undefined || compareVersions(version, watched) >= 0,
        'a watch went back',
      );
      watched = version;
    }
  })();
  for (const step of script) {
    switch (step.kind) {
      case 'hold':
        f.network.at(step.at).hold(step.record, step.age);
        break;
      case 'behave':
        f.network.at(step.at).behaviour = step.behaviour;
        break;
      case 'lead':
        f.network.at(step.at).leadsUntilMs = f.clock.nowMs() + step.forMs;
        break;
      case 'drop':
        f.network.at(step.at).dropWatches();
        break;
      case 'call':
        calls.push(call(step));
        break;
      case 'wait':
        await f.clock.advance(step.forMs);
        break;
    }
  }
  await f.clock.advance(2_001);
  await Promise.all(calls);
  await f.client.close();
  await watching;
  assert.equal(f.clock.pendingTimers, 0, 'timers are left');
}
