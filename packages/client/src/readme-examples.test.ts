/**
 * The snippets of packages/client/README.md, between `#region` and `#endregion`, as they stand there.
 * readme.test.ts holds the two against each other and runs them here.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeraldClientError, NotLeaderError, createClient } from './index.ts';
import type { Client, LeaderUpdate } from './index.ts';
import { openTelemetryHooks } from './opentelemetry.ts';
import { createTestTier } from './testing.ts';

/** Never run: there are no nodes at these addresses. */
export async function start(): Promise<void> {
  // #region start
  await using client = createClient({
    seeds: ['10.0.0.1:7400', '10.0.0.2:7400'],
    election: 'payments',
  });

  const leader = await client.getLeader();
  console.log(leader.address, leader.epoch, `believable for ${leader.validForMs} ms more`);
  // #endregion
}

interface Order {
  readonly id: string;
}

export function placeOrder(client: Client, order: Order): Promise<string> {
  // #region work
  const receipt = client.withLeader(
    async (leader, { signal, headers }) => {
      const response = await fetch(`http://${leader.address}/orders/${order.id}`, {
        method: 'PUT',
        body: JSON.stringify(order),
        headers,
        signal,
      });
      if (response.status === 421) throw new NotLeaderError(); // it did nothing: go on to the leader
      if (!response.ok) throw new Error(`order refused: ${response.status}`); // rethrown as it is
      return response.text();
    },
    { idempotent: true, timeoutMs: 8_000 }, // a PUT may be done twice
  );
  // #endregion
  return receipt;
}

export async function follow(client: Client, show: (text: string) => void): Promise<void> {
  // #region watch
  for await (const update of client.watchLeader()) {
    show(update.status === 'vacant' ? 'nobody leads' : `${update.leaderId} leads`);
  }
  // #endregion
}

export async function tolerant(client: Client): Promise<LeaderUpdate> {
  // #region stale
  const fresh = await client.getLeader({ maxAgeMs: 2_000 }); // issued within the last 2 s
  const sure = await client.getLeader({ verify: true }); // the elector beside it said so, just now
  const any = await client.getLeader({ allowExpired: true }); // the last address known: read `status`
  const next = await client.getLeader({ minEpoch: fresh.epoch }); // not older than what you saw
  // #endregion
  assert.ok(sure.verified);
  assert.ok(next.epoch >= any.epoch);
  return any;
}

export async function report(client: Client, order: Order): Promise<string> {
  // #region errors
  try {
    return await placeOrder(client, order);
  } catch (error) {
    if (!(error instanceof HeraldClientError)) throw error; // the work's own
    for (const { endpoint, outcome, durationMs } of error.attempts) {
      console.warn(endpoint, outcome, durationMs);
    }
    return error.mayHaveRun ? 'find out whether it ran' : `safe to try again: ${error.code}`;
  }
  // #endregion
}

export function observed(): Client {
  // #region hooks
  const client = createClient({
    seeds: ['10.0.0.1:7400'],
    election: 'payments',
    hooks: openTelemetryHooks(), // or functions of your own: onCall, onAttempt, onChange
  });
  // #endregion
  return client;
}

// #region testing
test('an order that meets a failover ends at the successor', async () => {
  const tier = createTestTier({ election: 'payments' });
  await using client = tier.createClient();
  tier.elect({ address: 'one:80' });

  const done = await client.withLeader(({ address }) => {
    if (address === 'two:80') return address;
    tier.elect({ address: 'two:80' });
    throw new NotLeaderError();
  });
  assert.equal(done, 'two:80');
});
// #endregion
