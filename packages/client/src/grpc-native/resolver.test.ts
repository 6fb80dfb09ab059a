import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { ChannelOptions, experimental } from '@grpc/grpc-js';
import { waitFor } from '../test-support/test-node.ts';
import { startWorld } from '../test-support/tickets.ts';
import type { World } from '../test-support/tickets.ts';
import { leaderChannelOptions } from './leader-channel.ts';
import { resolverClass } from './resolver.ts';

interface Report {
  readonly endpoints: experimental.StatusOr<experimental.Endpoint[]>;
  readonly attributes: Record<string, unknown>;
}

/** A resolver as a channel has one, and what it reported. */
function resolve(world: World, options: ChannelOptions = {}) {
  const reports: Report[] = [];
  const Resolver = resolverClass(() => ({ nodes: [], clientOptions: {} }));
  const resolver = new Resolver(
    { scheme: 'herald', authority: '', path: 'payments' },
    (endpoints, attributes) => {
      reports.push({ endpoints, attributes });
      return true;
    },
    { ...leaderChannelOptions(world.client), ...options },
  );
  return { resolver, reports };
}

test('the certificate to expect is that of the leader’s host, or what the user says', async () => {
  await using world = startWorld();
  world.elect(1, 'tickets-3.example:443');
  for (const [options, expected] of [
    [{}, 'tickets-3.example'],
    [{ 'grpc.ssl_target_name_override': 'tickets.internal' }, 'tickets.internal'],
  ] as const) {
    const { reports, resolver } = resolve(world, options);
    resolver.updateResolution();
    await waitFor(() => reports.length > 0, 'a report');
    const { attributes, endpoints } = reports[0]!;
    assert.equal(attributes['grpc.ssl_target_name_override'], expected);
    assert.deepEqual(endpoints.ok && endpoints.value, [
      { addresses: [{ host: 'tickets-3.example', port: 443 }] },
    ]);
    resolver.destroy();
  }
});

test('nothing is reported from within a question, nor while nothing is known, nor after the end', async () => {
  await using world = startWorld();
  const { reports, resolver } = resolve(world);
  resolver.updateResolution();
  resolver.updateResolution();
  await waitFor(() => world.network.questions.length > 0, 'the client to ask');
  assert.deepEqual(reports, []);
  world.elect(1, 'a:1');
  await waitFor(() => reports.length > 0, 'a report');
  const before = reports.length;
  resolver.updateResolution();
  assert.equal(reports.length, before);
  await waitFor(() => reports.length > before, 'an answer to the question');
  resolver.updateResolution();
  resolver.destroy();
  const atEnd = reports.length;
  world.elect(2, 'b:1');
  await world.client.getLeader({ minEpoch: 2n });
  await new Promise(setImmediate);
  assert.equal(reports.length, atEnd);
});

test('after its end a resolver begins anew when it is asked', async () => {
  await using world = startWorld();
  world.elect(1, 'a:1');
  const { reports, resolver } = resolve(world);
  resolver.updateResolution();
  await waitFor(() => reports.length > 0, 'a report');
  resolver.destroy();
  assert.equal(world.client.stats().openWatches, 0);
  const before = reports.length;
  resolver.updateResolution();
  await waitFor(() => reports.length > before, 'a report');
  resolver.destroy();
});

test('a vacancy is an error that says so, by code and by text', async () => {
  await using world = startWorld();
  world.resign(3);
  const { reports, resolver } = resolve(world);
  resolver.updateResolution();
  await waitFor(() => reports.length > 0, 'a report');
  const { endpoints } = reports[0]!;
  assert.ok(!endpoints.ok);
  assert.equal(endpoints.error.code, status.UNAVAILABLE);
  assert.deepEqual(endpoints.error.metadata.getMap(), { 'herald-reason': 'NO_LEADER' });
  assert.match(endpoints.error.details, /nobody leads payments since epoch 3 ended/);
  resolver.destroy();
});
