/** How suspicious a silence is. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { PhiDetector } from './phi.ts';
import { defaultTuning } from './tuning.ts';

const { beatMs, phiThreshold, phiDoubt, phiDeviationMsMin } = defaultTuning;

/** A detector that heard something at each of these intervals. */
function after(intervalsMs: readonly number[]): { detector: PhiDetector; nowMs: number } {
  const detector = new PhiDetector(defaultTuning, beatMs, 0);
  let nowMs = 0;
  for (const ms of intervalsMs) {
    nowMs += ms;
    detector.heard(nowMs);
  }
  return { detector, nowMs };
}

describe('phi', () => {
  it('is low within a beat, and crosses the threshold before two of them', () => {
    const { detector, nowMs } = after(Array<number>(20).fill(beatMs));
    assert.ok(detector.phi(nowMs + beatMs) < phiDoubt);
    const verdictMs = detector.reachesAtMs(phiThreshold) - nowMs;
    assert.ok(verdictMs > 1.5 * beatMs && verdictMs < 1.95 * beatMs, `${verdictMs} ms`);
    assert.ok(Math.abs(verdictMs - (beatMs + 5.2 * phiDeviationMsMin)) < 50, 'as the tuning says');
  });

  it('judges from the start, by the promise alone', () => {
    const { detector } = after([]);
    assert.ok(detector.reachesAtMs(phiThreshold) < 2 * beatMs);
  });

  it('only grows while nothing arrives, and reaches a value when it says so', () => {
    const intervals = fc.array(fc.integer({ min: 1, max: 20_000 }), { maxLength: 40 });
    fc.assert(
      fc.property(intervals, fc.double({ min: 0.31, max: 40, noNaN: true }), (list, phi) => {
        const { detector, nowMs } = after(list);
        let last = -Infinity;
        for (let ms = 0; ms < 60_000; ms += 500) {
          const now = detector.phi(nowMs + ms);
          assert.ok(now >= last && Number.isFinite(now));
          last = now;
        }
        const atMs = detector.reachesAtMs(phi);
        assert.ok(Math.abs(detector.phi(atMs) - phi) < 1e-6 * Math.max(1, phi));
      }),
    );
  });

  it('does not take many frames for a promise of many', () => {
    const quiet = after(Array<number>(20).fill(beatMs));
    const busy = after(Array<number>(2000).fill(10));
    const verdictMs = ({ detector, nowMs }: typeof quiet): number =>
      detector.reachesAtMs(phiThreshold) - nowMs;
    assert.ok(verdictMs(busy) >= verdictMs(quiet) - 1);
  });

  it('is more patient with beats that use to be late, within bounds', () => {
    const late = after(Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? beatMs : 1.6 * beatMs)));
    const lateMs = late.detector.reachesAtMs(phiThreshold) - late.nowMs;
    assert.ok(lateMs > 2.2 * beatMs, `${lateMs} ms`);
    const awful = after(Array<number>(40).fill(100 * beatMs));
    assert.ok(awful.detector.reachesAtMs(phiThreshold) - awful.nowMs < 4 * beatMs);
  });

  it('forgets a bad minute', () => {
    const bad = Array<number>(10).fill(2 * beatMs);
    const good = Array<number>(defaultTuning.phiWindow).fill(beatMs);
    const { detector, nowMs } = after([...bad, ...good]);
    assert.ok(detector.reachesAtMs(phiThreshold) - nowMs < 2 * beatMs);
  });

  it('expects what was promised last, whatever came before', () => {
    const { detector, nowMs } = after(Array<number>(40).fill(beatMs));
    const quickMs = detector.reachesAtMs(phiThreshold) - nowMs;
    detector.promised(4 * beatMs);
    const slowMs = detector.reachesAtMs(phiThreshold) - nowMs;
    assert.ok(Math.abs(slowMs - (4 * beatMs + 5.2 * phiDeviationMsMin)) < 50, `${slowMs} ms`);
    detector.promised(beatMs);
    assert.ok(Math.abs(detector.reachesAtMs(phiThreshold) - nowMs - quickMs) < 1);
  });

  it('does not count time that we were paused for', () => {
    const { detector, nowMs } = after(Array<number>(20).fill(beatMs));
    const beforeMs = detector.reachesAtMs(phiThreshold);
    detector.excuse(60_000, nowMs + 60_500);
    assert.equal(detector.reachesAtMs(phiThreshold), beforeMs + 60_000);
    detector.excuse(60_000, nowMs + 60_500);
    assert.ok(detector.lastHeardMs <= nowMs + 60_500, 'never heard in the future');
  });
});
