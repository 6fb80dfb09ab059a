/**
 * The engine under any inputs: it never throws, never takes a held version back, never breaks a
 * bound, never writes to a link that is gone, and never asks for wakes without end.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { arbitraryRun, shellAfter } from './checked-shell.test.ts';
import { Engine } from './engine.ts';
import { cluster, contact } from './fixtures.test.ts';
import { seededRandom } from './random.ts';

const wakesPerSecondMax = 50;

describe('engine', () => {
  it('ignores what still comes by a link that it closed', () => {
    const engine = new Engine({
      cluster,
      self: contact('self'),
      seeds: [],
      random: seededRandom(1),
      nowMs: 0,
    });
    const link = engine.newLinkId();
    engine.handle({ kind: 'link-accepted', link }, 0);
    const early = { kind: 'frame', link, frame: { kind: 'prune' } } as const;
    const effects = engine.handle(early, 0);
    assert.deepEqual(
      effects.map(({ kind }) => kind),
      ['close'],
    );
    const member = contact('peer');
    const hello = {
      kind: 'hello',
      cluster,
      protocolMin: 1,
      protocolMax: 1,
      member,
      probe: false,
    } as const;
    assert.deepEqual(engine.handle({ kind: 'frame', link, frame: hello }, 0), []);
    assert.deepEqual(engine.handle(early, 0), []);
    engine.handle({ kind: 'link-closed', link, reason: 'closed', cause: 'ended' }, 0);
    assert.deepEqual(engine.handle(early, 0), []);
    assert.deepEqual(engine.links(), []);
  });
});

describe('engine, whatever happens to it', () => {
  it('P2: never throws, never goes back, never breaks a bound', () => {
    fc.assert(
      fc.property(arbitraryRun, (run) => {
        shellAfter(run);
      }),
      { numRuns: 400 },
    );
  });

  for (const brokenRule of ['accept-older', 'revive-left'] as const) {
    it(`is caught when a rule is broken (${brokenRule})`, () => {
      const { failed } = fc.check(
        fc.property(arbitraryRun, (run) => {
          shellAfter({ ...run, tuning: { ...run.tuning, brokenRule } });
        }),
        // That it fails is all we ask: to find the smallest run that does takes a minute of arithmetic.
        { numRuns: 1000, endOnFailure: true },
      );
      assert.ok(failed, 'the checks of the shell notice it');
    });
  }

  it('is quiet when nothing happens', () => {
    fc.assert(
      fc.property(arbitraryRun, (run) => {
        const shell = shellAfter(run);
        shell.run(1000); // lazy pushes and the like run out
        for (let second = 0; second < 30; second++) {
          const wakes = shell.run(1000);
          assert.ok(wakes <= wakesPerSecondMax, `${wakes} wakes in second ${second}`);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is quiet when all that it dials refuses at once', () => {
    fc.assert(
      fc.property(arbitraryRun, (run) => {
        const shell = shellAfter(run);
        const refuseDials = (): void => {
          for (const link of shell.dials) {
            shell.input({ kind: 'link-closed', link, reason: 'refused', cause: 'refused' });
          }
        };
        shell.run(1000, refuseDials);
        for (let second = 0; second < 30; second++) {
          const wakes = shell.run(1000, refuseDials);
          assert.ok(wakes <= wakesPerSecondMax, `${wakes} wakes in second ${second}`);
        }
      }),
      { numRuns: 150 },
    );
  });
});
