/** Streams of lookups, served over gRPC on loopback. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { credentials, Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { ElectionName, Version } from '@herald/core';
import { addNodeService, channelOptions, encodeRecord, NodeClient } from '@herald/wire';
import type { LeaderAnswer, LookupAnswer, LookupRequest } from '@herald/wire';
import type { Member } from './member.ts';
import { nodeServiceHandlers } from './node-service.ts';
import type { AnsweringMember, NodeServiceOptions } from './node-service.ts';
import { leaderRecord, startMember, testElection, until } from './testing.ts';

interface Asked extends AsyncDisposable {
  readonly client: NodeClient;
}

type LookupStream = ClientDuplexStream<LookupRequest, LookupAnswer>;

function clientOf(address: string): NodeClient {
  return new NodeClient(address, credentials.createInsecure(), {
    ...channelOptions.query,
    'grpc.use_local_subchannel_pool': 1,
  });
}

async function startAsked(
  name: string,
  options: NodeServiceOptions & { readonly seeds?: readonly Member[] } = {},
): Promise<Asked & { readonly member: Member }> {
  const answering: { member?: Member } = {};
  const member = await startMember(name, {
    seeds: (options.seeds ?? []).map(({ address }) => address),
    addServices: (server) => {
      addNodeService(
        server,
        nodeServiceHandlers(() => answering.member, options),
      );
    },
  });
  answering.member = member;
  const client = clientOf(member.address);
  const stop = async (): Promise<void> => {
    client.close();
    await member.close();
  };
  return { member, client, [Symbol.asyncDispose]: stop };
}

/** A server of `member`, which need not be one. */
async function serve(member: AnsweringMember): Promise<Asked & { readonly address: string }> {
  const server = new Server(channelOptions.server);
  addNodeService(
    server,
    nodeServiceHandlers(() => member),
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const address = `127.0.0.1:${String(port)}`;
  const client = clientOf(address);
  const stop = (): Promise<void> => {
    client.close();
    server.forceShutdown();
    return Promise.resolve();
  };
  return { client, address, [Symbol.asyncDispose]: stop };
}

function question(id: number, minVersion?: Version, election = testElection): LookupRequest {
  return { kind: 'question', id, question: { election, minVersion } };
}

async function nextAnswer(stream: LookupStream): Promise<LookupAnswer> {
  const [answer] = (await once(stream, 'data', { signal: AbortSignal.timeout(10_000) })) as [
    LookupAnswer,
  ];
  return answer;
}

/** The error that the stream ended with, or `undefined`. */
function endOf(stream: LookupStream): Promise<ServiceError | undefined> {
  return new Promise((resolve) => {
    stream.on('error', (error) => {
      resolve(error as ServiceError);
    });
    stream.on('status', () => {
      resolve(undefined);
    });
    stream.resume();
  });
}

function listMembers(client: NodeClient): Promise<unknown> {
  return new Promise((resolve, reject) => {
    client.listMembers({}, (error, list) => {
      if (error === null) resolve(list);
      else reject(error);
    });
  });
}

function epochOf(answer: LookupAnswer): bigint | undefined {
  return answer.kind === 'answer' ? answer.answer.carried?.sealed.record.version.epoch : undefined;
}

test('a lookup is answered as GetLeader is: what is known, behind, and whom to ask', async () => {
  await using first = await startAsked('node-a');
  await using second = await startAsked('node-b', { seeds: [first.member] });
  await until('both are linked', () => second.member.links().length === 1);
  const stream = second.client.lookup();
  stream.write(question(5));
  const unknown = await nextAnswer(stream);
  assert.ok(unknown.kind === 'answer' && unknown.id === 5);
  assert.equal(unknown.answer.status, 'unknown');
  second.member.publish(leaderRecord(7, { validityMs: 60_000 }), 1_000);
  stream.write(question(6));
  const known = await nextAnswer(stream);
  assert.ok(known.kind === 'answer' && known.id === 6);
  assert.equal(epochOf(known), 7n);
  assert.ok(known.answer.carried !== undefined && known.answer.carried.ageMs >= 1_000);
  stream.write(question(7, leaderRecord(9).version));
  const behind = await nextAnswer(stream);
  assert.ok(behind.kind === 'answer' && behind.id === 7);
  assert.equal(behind.answer.behind, true);
  assert.deepEqual(behind.answer.ask, [first.member.address]);
  stream.end();
  assert.equal(await endOf(stream), undefined);
});

test('a question that breaks a rule is refused, and the stream goes on', async () => {
  await using asked = await startAsked('node-a');
  asked.member.publish(leaderRecord(7));
  const stream = asked.client.lookup();
  stream.write(question(1, undefined, 'no spaces' as ElectionName));
  stream.write(question(2));
  const refused = await nextAnswer(stream);
  assert.ok(refused.kind === 'refused' && refused.id === 1);
  assert.match(refused.reason, /^question\.election: election name/);
  assert.equal(epochOf(await nextAnswer(stream)), 7n);
  stream.end();
  assert.equal(await endOf(stream), undefined);
});

test('bytes that are no question end the stream, with the reason', async () => {
  await using asked = await startAsked('node-a');
  const same = (bytes: Buffer): Buffer => bytes;
  const stream = asked.client.makeBidiStreamRequest('/herald.v1.Node/Lookup', same, same);
  stream.write(Buffer.from([0x9f, 0x06, 0xff, 0x00, 0x13]));
  stream.write(Buffer.from([0x08, 0x01]));
  const error = await endOf(stream as unknown as LookupStream);
  assert.equal(error?.code, status.INVALID_ARGUMENT);
  assert.match(error.details, /these bytes are no LookupRequest/);
});

test('a caller that does not read its answers is not read either; then all come, in order', async () => {
  // Large enough for some hundreds of them to fill the windows of any Node's HTTP/2.
  const metadata = Object.fromEntries(['a', 'b', 'c'].map((key) => [key, key.repeat(1_000)]));
  const sealed = encodeRecord(leaderRecord(7, { metadata }));
  let answered = 0;
  const nodeId = sealed.record.issuer;
  const answer: LeaderAnswer = {
    ...{ status: 'current', carried: { sealed, ageMs: 1, hops: 1 }, validForMs: 1_000 },
    ...{ behind: false, ask: [], nodeId },
  };
  await using asked = await serve({
    answer: () => {
      answered++;
      return answer;
    },
    watch: () => assert.fail('nobody watches'),
    members: () => ({ cluster: 'test' as never, members: [] }),
    convergence: () => assert.fail('nobody asks'),
    onClosing: () => () => undefined,
  });
  const count = 5_000;
  const stream = asked.client.lookup();
  // grpc-js reads without end until it was asked to read for the first time.
  stream.write(question(0));
  await nextAnswer(stream);
  stream.pause();
  for (let id = 1; id < count; id++) stream.write(question(id));
  stream.end();
  // Round trips on a connection of their own, until in a hundred of them nothing was answered any more.
  const other = clientOf(asked.address);
  for (let before = -1; answered > before;) {
    before = answered;
    for (let trip = 0; trip < 100; trip++) await listMembers(other);
  }
  other.close();
  assert.ok(answered < count / 2, `${String(answered)} answers that nobody reads`);
  let next = 1;
  for await (const { id } of stream as AsyncIterable<LookupAnswer>) assert.equal(id, next++);
  assert.equal(next, count);
});

test('streams are bounded, and a place is free again when one ends', async () => {
  await using asked = await startAsked('node-a', { lookupStreamsMax: 2 });
  const open = [1, 2].map(() => asked.client.lookup());
  for (const stream of open) {
    stream.write(question(1));
    await nextAnswer(stream);
  }
  const refused = await endOf(asked.client.lookup());
  assert.equal(refused?.code, status.RESOURCE_EXHAUSTED);
  assert.match(refused.details, /serves 2 streams of lookups already; ask another one/);
  for (const [stream, leave] of [
    [open[0], () => open[0]?.end()],
    [open[1], () => open[1]?.cancel()],
  ] as const) {
    assert.ok(stream !== undefined);
    const ended = endOf(stream);
    leave();
    await ended;
    // The member learns of it a moment later than we do.
    const deadlineMs = performance.now() + 10_000;
    for (;;) {
      const next = asked.client.lookup();
      const refusal = endOf(next);
      next.write(question(1));
      const first = await Promise.race([refusal, once(next, 'data').then(() => 'served' as const)]);
      if (first === 'served') break;
      assert.ok(performance.now() < deadlineMs, 'a place is free again');
    }
  }
});

test('a stream without questions is ended', async () => {
  await using asked = await startAsked('node-a', { lookupIdleMs: 50 });
  const stream = asked.client.lookup();
  stream.write(question(1));
  await nextAnswer(stream);
  assert.equal(await endOf(stream), undefined);
});

test('a member that stops ends its streams with UNAVAILABLE, and does not wait for them', async () => {
  await using asked = await startAsked('node-a');
  const stream = asked.client.lookup();
  stream.write(question(1));
  await nextAnswer(stream);
  const ended = endOf(stream);
  const startedMs = performance.now();
  await asked.member.close();
  const error = await ended;
  assert.equal(error?.code, status.UNAVAILABLE);
  assert.match(error.details, /stopping/);
  assert.ok(performance.now() - startedMs < 2_000);
});
