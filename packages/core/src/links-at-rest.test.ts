/** In a tier at rest links stand: whoever is linked is not dialled again, and links end for rotation alone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { Bench, Wire, addresses, contact, ofKind } from './fixtures.test.ts';
import { defaultTuning } from './tuning.ts';

/** For the last of them to be found, and for dials that crossed to be sorted out. */
const settledMs = 30_000;
const restMs = 120_000;

interface Tier {
  readonly electors: number;
  readonly nodes: number;
  /** When each elector has read from etcd who the others are. */
  readonly introducedMs: number;
  readonly seed: number;
}

/** Links that ended in a tier at rest, by reason, as each end has it. */
function endingsAtRest(tier: Tier, rotationMs: number): string[] {
  const nodes = Array.from({ length: tier.nodes }, (_, n) => contact(`node-${n}`));
  const electors = Array.from({ length: tier.electors }, (_, n) =>
    contact(`elector-${n}`, { role: 'elector' }),
  );
  const seeds = addresses(nodes.slice(0, 3));
  const benches = [...nodes, ...electors].map(
    (self, index) => new Bench({ self, seeds, tuning: { rotationMs }, seed: tier.seed + index }),
  );
  const wire = new Wire(benches);
  wire.advance(tier.introducedMs);
  for (const bench of benches) {
    if (bench.self.role !== 'elector') continue;
    const others = electors.filter(({ nodeId }) => nodeId !== bench.self.nodeId);
    wire.input(bench, {
      kind: 'introduce',
      addresses: others.map(({ address }) => address),
      role: 'elector',
    });
  }
  wire.settle();
  wire.advance(settledMs);
  const before = benches.map(({ log }) => log.length);
  wire.advance(restMs, 50);
  return benches.flatMap(({ log }, index) =>
    ofKind(log.slice(before[index]), 'link-down').map(({ reason }) => reason),
  );
}

const arbitraryTier: fc.Arbitrary<Tier> = fc.record({
  electors: fc.integer({ min: 1, max: 5 }),
  nodes: fc.integer({ min: 1, max: 12 }),
  introducedMs: fc.constantFrom(0, 10, 100, 1_000, 5_000),
  seed: fc.nat({ max: 1_000_000 }),
});

describe('links at rest', () => {
  it('stand, however large the tier, and whenever electors were introduced to each other', () => {
    fc.assert(
      fc.property(arbitraryTier, (tier) => {
        assert.deepEqual(endingsAtRest(tier, 0), []);
      }),
      { numRuns: 20 },
    );
  });

  it('end no more often than rotation says', () => {
    fc.assert(
      fc.property(arbitraryTier, (tier) => {
        const { rotationMs } = defaultTuning;
        const endings = endingsAtRest(tier, rotationMs);
        const members = tier.electors + tier.nodes;
        const rotationsMax = members * Math.ceil((2 * restMs) / rotationMs);
        // Each link ends at two members. Dials of two rotations may cross, which ends one more; they seldom do.
        assert.ok(endings.length <= 2 * rotationsMax, endings.join(', '));
      }),
      { numRuns: 20 },
    );
  });
});
