/** The transport against real servers on loopback: what they answer, and how they fail. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { test } from 'node:test';
import { Server, status } from '@grpc/grpc-js';
import { parseAddress } from '@herald/core';
import type { Address } from '@herald/core';
import { addElectorService, channelOptions } from '@herald/wire';
import type { LeaderAnswer, WatchLeaderRequest } from '@herald/wire';
import { createClient } from '../create-client.ts';
import { createOperator } from '../create-operator.ts';
import { HeraldClientError } from '../errors.ts';
import { claim, election, failureOf } from '../test-support/fixture.ts';
import { answerOf, nodeId, serve, startNode, waitFor } from '../test-support/test-node.ts';
import { createGrpcTransport } from './grpc-transport.ts';

/** Accepts connections and does what `onSocket` does. */
async function startTcp(
  onSocket: (socket: Socket) => void,
): Promise<AsyncDisposable & { readonly address: Address }> {
  const sockets = new Set<Socket>();
  const server: NetServer = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address: parseAddress(`127.0.0.1:${String(port)}`), [Symbol.asyncDispose]: close };
}

const never = new AbortController().signal;

test('a lookup, a list of members and a watch come through as they were sent', async () => {
  await using node = await startNode();
  await using client = createClient({ insecure: true, seeds: [node.address], election });
  const leader = await client.getLeader();
  assert.equal(leader.leaderId, 'l7');
  assert.equal(leader.epoch, 7n);
  assert.equal(leader.hops, 2);
  assert.ok(leader.ageMs >= 5 && leader.ageMs < 2_000, String(leader.ageMs));
  assert.equal((await client.listMembers()).cluster, 'test');
  for await (const update of client.watchLeader()) {
    assert.equal(update.epoch, 7n);
    break;
  }
  await waitFor(() => node.watching() === 0, 'the watch to be cancelled at the server');
});

test('aborting cancels the call at the server', async () => {
  let cancelled = 0;
  let arrived = 0;
  await using node = await startNode({
    getLeader: (call) => {
      arrived++;
      call.on('cancelled', () => cancelled++);
    },
  });
  await using transport = createGrpcTransport({ insecure: true });
  const controller = new AbortController();
  const request = { election, minVersion: undefined };
  const call = failureOf(transport.lookup(node.address, request, { signal: controller.signal }));
  await waitFor(() => arrived === 1, 'the call to arrive');
  controller.abort();
  assert.equal((await call).code, 'UNREACHABLE');
  await waitFor(() => cancelled === 1, 'the call to be cancelled');
});

test('what was asked for arrives at the server', async () => {
  const seen: WatchLeaderRequest[] = [];
  await using node = await startNode({
    watchLeader: (call) => {
      seen.push(call.request);
      call.write(answerOf(claim(7)));
      call.end();
    },
  });
  await using transport = createGrpcTransport({ insecure: true });
  const { version } = claim(9);
  const request = { election, minVersion: version, includeRenewals: true };
  const answers: LeaderAnswer[] = [];
  for await (const answer of transport.watch(node.address, request, { signal: never })) {
    answers.push(answer);
  }
  assert.equal(answers.length, 1);
  assert.deepEqual(seen[0], request);
});

test('gRPC statuses become codes: refused as it stands, or try elsewhere', async () => {
  for (const [grpcCode, code] of [
    [status.INVALID_ARGUMENT, 'REJECTED'],
    [status.UNIMPLEMENTED, 'REJECTED'],
    [status.PERMISSION_DENIED, 'REJECTED'],
    [status.UNAVAILABLE, 'UNREACHABLE'],
    [status.RESOURCE_EXHAUSTED, 'UNREACHABLE'],
    [status.INTERNAL, 'UNREACHABLE'],
  ] as const) {
    await using node = await startNode({
      getLeader: (_call, callback) => {
        callback({ code: grpcCode, details: 'because' });
      },
      watchLeader: (call) => {
        call.emit('error', { code: grpcCode, details: 'because' });
      },
    });
    await using transport = createGrpcTransport({ insecure: true });
    const lookup = { election, minVersion: undefined };
    const error = await failureOf(transport.lookup(node.address, lookup, { signal: never }));
    assert.equal(error.code, code);
    assert.equal(error.message, `${status[grpcCode]}: because`);
    const watch = transport.watch(
      node.address,
      { ...lookup, includeRenewals: false },
      { signal: never },
    );
    const failure = await failureOf(
      (async () => {
        for await (const answer of watch) assert.fail(JSON.stringify(answer.status));
      })(),
    );
    assert.equal(failure.code, code);
  }
});

test('a port that is closed, one that hangs, one that resets and one that answers garbage cost one hedge or retry', async () => {
  await using node = await startNode();
  await using hanging = await startTcp(() => undefined);
  await using resetting = await startTcp((socket) => socket.destroy());
  await using garbling = await startTcp((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\nnot gRPC at all');
  });
  const closed = await startTcp(() => undefined);
  await closed[Symbol.asyncDispose]();
  for (const bad of [hanging, resetting, garbling, closed]) {
    await using client = createClient({
      insecure: true,
      seeds: [bad.address, node.address],
      election,
      // Draws the first of two: the bad one is asked first.
      random: () => 0,
    });
    const leader = await client.getLeader({ timeoutMs: 3_000 });
    assert.equal(leader.epoch, 7n);
    assert.ok(leader.attempts.some(({ endpoint }) => endpoint === bad.address));
    assert.equal(leader.retries, 1);
  }
});

test('a node that dies under a watch, and returns at its port, is watched again', async () => {
  const first = await startNode();
  await using client = createClient({ insecure: true, seeds: [first.address], election });
  const watch = client.watchLeader();
  assert.equal((await watch.next()).value?.epoch, 7n);
  first.server.forceShutdown();
  const second = await startNode(
    {
      watchLeader: (call) => {
        call.write(answerOf(claim(9)));
      },
    },
    first.address,
  );
  assert.equal((await watch.next()).value?.epoch, 9n);
  await client.close();
  await second[Symbol.asyncDispose]();
});

test('an operator asks an elector', async () => {
  const server = new Server(channelOptions.server);
  const reasons: string[] = [];
  addElectorService(server, {
    confirm: (_call, callback) => {
      callback({ code: status.UNIMPLEMENTED });
    },
    status: (_call, callback) => {
      const best = answerOf(claim(7));
      const state = 'leading' as const;
      const one = { election, state, epoch: 7n, leadingForMs: 100, best, trouble: '' };
      callback(null, { electorId: nodeId, elections: [one] });
    },
    stepDown: (call, callback) => {
      reasons.push(call.request.reason);
      callback(null, { steppedDown: true, epoch: 7n });
    },
  });
  const elector = await serve(server);
  await using operator = createOperator({ insecure: true, elector });
  assert.equal((await operator.status()).elections[0]?.state, 'leading');
  assert.deepEqual(await operator.stepDown({ election, reason: 'maintenance' }), {
    steppedDown: true,
    epoch: 7n,
  });
  assert.deepEqual(reasons, ['maintenance']);
  server.forceShutdown();
  const error = await failureOf(operator.status({ timeoutMs: 2_000 }));
  assert.equal(error.code, 'UNREACHABLE');
  assert.match(error.message, /^the elector at 127\.0\.0\.1:\d+ could not be reached/);
});

test('disposing leaves no socket and no timer', async () => {
  await using node = await startNode();
  const resources = (): string[] =>
    process.getActiveResourcesInfo().filter((each) => /Timeout|TCPSocketWrap|TTY/.test(each));
  const before = resources().length;
  for (let round = 0; round < 10; round++) {
    const client = createClient({ insecure: true, seeds: [node.address], election, cacheMs: 0 });
    const watch = client.watchLeader();
    await Promise.all([client.getLeader(), watch.next()]);
    // From the second question on there is a stream.
    for (let call = 0; call < 3; call++) await client.getLeader();
    await client.close();
  }
  await waitFor(() => resources().length <= before, `${resources().join(' ')} to be freed`);
});

test('a transport that was disposed refuses, and says so', async () => {
  const transport = createGrpcTransport({ insecure: true });
  await transport[Symbol.asyncDispose]();
  const request = { election, minVersion: undefined };
  const call = transport.lookup(parseAddress('127.0.0.1:1'), request, { signal: never });
  const error = await failureOf(call);
  assert.ok(error instanceof HeraldClientError);
  assert.equal(error.code, 'CLOSED');
});
