/** P2 and P5 for work: whatever leaders answer and nodes say, it ends in time and goes forward only. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, parseAddress } from '@herald/core';
import type { LeaderRecord, Version } from '@herald/core';
import fc from 'fast-check';
import { HeraldClientError } from './errors.ts';
import { NotLeaderError } from './not-leader-error.ts';
import { claim, electorOf, fixture, vacancy } from './test-support/fixture.ts';
import { clientLimits } from './tuning.ts';
import type { WorkContext } from './work-run.ts';

const seeds = ['a:1', 'b:1', 'c:1'];

const records: fc.Arbitrary<LeaderRecord> = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.nat(2), fc.boolean())
  .map(([epoch, later, isVacancy]) =>
    isVacancy ? vacancy(epoch, epoch + later) : claim(epoch, { sequence: epoch + later }),
  );

/** What one run of the work does. */
type Behaviour =
  | { readonly kind: 'returns' | 'hangs' | 'not-sent' | 'lost' | 'own' }
  | { readonly kind: 'until-aborted' }
  | {
      readonly kind: 'refuses';
      readonly known: LeaderRecord | undefined;
      readonly afterMs: number;
    };

const behaviours: fc.Arbitrary<Behaviour> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('refuses' as const),
      known: fc.option(records, { nil: undefined }),
      afterMs: fc.constantFrom(0, 50, 100_000),
    }),
  },
  fc.record({ kind: fc.constantFrom('not-sent' as const, 'lost' as const, 'own' as const) }),
  fc.record({ kind: fc.constantFrom('hangs' as const, 'until-aborted' as const) }),
  fc.constant({ kind: 'returns' as const }),
);

const changes = fc.array(
  fc.record({ at: fc.constantFrom(...seeds), record: records, waitMs: fc.nat(400) }),
  { maxLength: 8 },
);

const own = new Error('its own');

function coded(code: string, syscall: string): Error {
  return Object.assign(new Error(code), { code, syscall });
}

function perform(behaviour: Behaviour, { signal }: WorkContext): Promise<string> {
  switch (behaviour.kind) {
    case 'returns':
      return Promise.resolve('done');
    case 'hangs':
      return new Promise(() => undefined);
    case 'until-aborted':
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      });
    case 'not-sent':
      return Promise.reject(coded('ECONNREFUSED', 'connect'));
    case 'lost':
      return Promise.reject(coded('ECONNRESET', 'read'));
    case 'own':
      return Promise.reject(own);
    case 'refuses': {
      const { afterMs, known: record } = behaviour;
      const sealed = record && {
        record,
        bytes: new Uint8Array(),
        keyId: '',
        signature: new Uint8Array(),
      };
      const known = sealed && { sealed, ageMs: 0, hops: 0 };
      const hint = known === undefined ? {} : { known };
      return Promise.reject(new NotLeaderError('no', { ...hint, retryAfterMs: afterMs }));
    }
  }
}

test('P2, P5: work ends in time, never goes back, and what may have run is not run again unasked', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(behaviours, { maxLength: 12 }),
      changes,
      fc.boolean(),
      fc.boolean(),
      fc.integer({ min: 1, max: 1_000 }),
      async (script, steps, idempotent, verify, seed) => {
        await using f = fixture({ seed });
        f.network.electors = [1, 2, 3, 4].map((epoch) => parseAddress(electorOf(epoch)));
        for (const epoch of [1, 2, 3]) {
          f.network.at(electorOf(epoch)).hold(claim(epoch));
          f.network.at(electorOf(epoch)).leadsUntilMs = 60_000;
        }
        const ran: { readonly version: Version; readonly behaviour: Behaviour }[] = [];
        const timeoutMs = 2_000;
        const startedAtMs = f.clock.nowMs();
        let endedAtMs: number | undefined;
        const call = f.client
          .withLeader(
            async ({ version }, context) => {
              const behaviour = script[ran.length] ?? { kind: 'returns' };
              ran.push({ version, behaviour });
              return perform(behaviour, context);
            },
            { idempotent, verify, timeoutMs },
          )
          .catch((error: unknown) => error)
          .finally(() => {
            endedAtMs = f.clock.nowMs();
          });
        for (const { at, record, waitMs } of steps) {
          f.network.at(at).hold(record);
          await f.clock.advance(waitMs);
        }
        await f.clock.advance(timeoutMs);
        const outcome = await call;
        assert.ok(endedAtMs !== undefined && endedAtMs - startedAtMs <= timeoutMs, 'in time');
        for (const [index, { version }] of ran.entries()) {
          const before = ran[index - 1]?.version;
          assert.ok(before === undefined || compareVersions(version, before) >= 0, 'forward only');
        }
        const mayHaveRun = ran.slice(0, -1).some(({ behaviour: { kind } }) => {
          return kind !== 'refuses' && kind !== 'not-sent';
        });
        assert.ok(idempotent || !mayHaveRun, 'only what was refused before it ran was repeated');
        if (outcome === 'done' || outcome === own) return;
        assert.ok(outcome instanceof HeraldClientError, String(outcome));
        assert.ok(outcome.redirects <= clientLimits.redirectsMax);
        const last = ran.at(-1)?.behaviour.kind;
        const isUnsure = last === 'lost' || last === 'hangs' || last === 'until-aborted';
        assert.ok(!isUnsure || outcome.mayHaveRun, 'it says that it may have run');
      },
    ),
  );
});
