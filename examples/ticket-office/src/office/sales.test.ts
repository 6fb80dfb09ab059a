/** What is read from what customers told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Purchase } from '../protocol/messages.ts';
import { Sales } from './sales.ts';

function purchase(address: string, epoch: string, endMs: number): Purchase {
  const facts = { customer: 'ann', requestId: String(endMs), timeoutMs: 1_000, startMs: 0 };
  return { ...facts, number: endMs, lineage: 0, epoch, address, endMs };
}

function salesOf(...purchases: readonly Purchase[]): Sales {
  const sales = new Sales();
  sales.take({ kind: 'draws', purchases, failures: [] });
  return sales;
}

describe('Sales', () => {
  it('names the newest leadership, whatever is heard last', () => {
    assert.equal(salesOf().newestEpoch, 0n);
    assert.equal(salesOf(purchase('b', '10', 2), purchase('a', '9', 3)).newestEpoch, 10n);
  });

  it('counts from the last ticket at one counter to the first at another', () => {
    const sales = salesOf(
      ...[purchase('b', '4', 10), purchase('a', '5', 900), purchase('a', '5', 1_100)],
      // Sold by the predecessor, handed over by the successor.
      ...[purchase('b', '5', 4_000), purchase('b', '9', 4_020), purchase('a', '12', 9_000)],
    );
    assert.equal(sales.unservedMs('a', 1_000), 2_900);
  });

  it('counts from the trouble itself when nothing was sold there', () => {
    assert.equal(salesOf(purchase('b', '9', 4_000)).unservedMs('a', 1_000), 3_000);
  });
});
