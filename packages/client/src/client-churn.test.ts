/** Clients that come and go leave nothing behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createClient } from './create-client.ts';
import { createTestTier } from './memory/test-tier.ts';
import { VirtualClock } from './memory/virtual-clock.ts';
import { startNode, waitFor } from './test-support/test-node.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapBytes(): number {
  // Twice, because what the first one finalizes is freed by the second.
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

test('10 000 clients that ask, watch and work leave no timer and no heap behind', async (t) => {
  const clock = new VirtualClock();
  const tier = createTestTier({ election: 'payments', clock });
  tier.elect({ address: 'leader:80' });
  const churn = async (count: number): Promise<number> => {
    for (let index = 0; index < count; index++) {
      await using client = tier.createClient();
      const watch = client.watchLeader();
      await watch.next();
      await client.withLeader(({ epoch }, { signal }) => signal.aborted || epoch);
    }
    tier.network.questions.length = 0;
    await clock.advance(1);
    return heapBytes();
  };
  // Until the code is compiled and all that is made once has been made.
  let before = await churn(1_000);
  // What each client leaves grows in every batch; what the platform makes for itself, in some.
  const growths: number[] = [];
  for (let batch = 0; batch < 4; batch++) {
    const after = await churn(2_500);
    growths.push((after - before) / 2_500);
    before = after;
  }
  t.diagnostic(`heap, bytes a client: ${growths.map((each) => each.toFixed(1)).join(', ')}`);
  // The smallest object that could be left of each would be more.
  assert.ok(Math.min(...growths) < 50, `${growths.join(', ')} bytes a client are left`);
  assert.equal(clock.pendingTimers, 0);
});

test('clients over gRPC leave no handle behind', async () => {
  await using node = await startNode();
  const connections = (): number =>
    process.getActiveResourcesInfo().filter((each) => each === 'TCPSocketWrap').length;
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
  const churn = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      await using client = createClient({ seeds: [node.address], election: 'payments' });
      await client.getLeader();
      const watch = client.watchLeader();
      await watch.next();
    }
  };
  await churn(5);
  await waitFor(() => connections() === 0, 'the first connections to close');
  const timersBefore = timers();
  await churn(100);
  await waitFor(() => connections() === 0, 'all connections to close');
  await waitFor(() => timers() <= timersBefore, 'all timers to end');
  await waitFor(() => node.watching() === 0, 'the node to see all watches end');
});
