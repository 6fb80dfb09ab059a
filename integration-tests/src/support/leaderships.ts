/**
 * Judges P1 from what all electors of a test saw of themselves, on the one clock of the machine: no
 * two led at the same time, and each leader's (lineage, epoch) is above the ones before.
 */
import assert from 'node:assert/strict';
import { compareTokens } from '@herald/elector';
import type { SeenLeadership } from '../fixtures/sampling-protocol.ts';

/** What breaks P1 in these leaderships of one election, in words; nothing if nothing does. */
export function findBrokenLeaderships(seen: readonly SeenLeadership[]): string[] {
  const inOrder = seen.toSorted((a, b) => a.firstMs - b.firstMs);
  const broken: string[] = [];
  inOrder.forEach((earlier, index) => {
    for (const later of inOrder.slice(index + 1)) {
      if (later.firstMs <= earlier.lastMs) {
        const overlapMs = Math.min(earlier.lastMs, later.lastMs) - later.firstMs;
        const pair = `${describe(earlier)} and ${describe(later)}`;
        broken.push(`two leaders at once for ${overlapMs.toFixed(3)} ms: ${pair}`);
      }
      if (compareTokens(later, earlier) <= 0) {
        broken.push(`the epoch did not grow: ${describe(earlier)}, then ${describe(later)}`);
      }
    }
  });
  return broken;
}

export function assertOneLeaderAtATime(seen: readonly SeenLeadership[]): void {
  assert.deepEqual(findBrokenLeaderships(seen), [], 'P1: at most one elector leads at any instant');
}

function describe({ electorId, lineage, epoch, firstMs, lastMs }: SeenLeadership): string {
  return `${electorId} (epoch ${epoch} of lineage ${lineage}, ${firstMs.toFixed(3)} to ${lastMs.toFixed(3)})`;
}
