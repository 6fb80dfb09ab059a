/** What grpc-js really reports, over loopback: its words are what proves that nothing was sent. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo, Server as TcpServer } from 'node:net';
import { test } from 'node:test';
import { Client as GrpcClient, Metadata, Server, credentials, status } from '@grpc/grpc-js';
import type { ServiceError, handleUnaryCall } from '@grpc/grpc-js';
import { encodeRecord, notLeaderStatus } from '@herald/wire';
import { createClient } from '../create-client.ts';
import { claim, election } from '../test-support/fixture.ts';
import { answerOf, serve, startNode } from '../test-support/test-node.ts';
import { readGrpcFailure } from './grpc-work-failure.ts';

const bytes = (value: Buffer): Buffer => value;
const path = '/test.Service/Do';

/** Sends one empty request; resolves with the answer, rejects with what grpc-js reports. */
function send(address: string, signal?: AbortSignal): Promise<string> {
  const client = new GrpcClient(address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  return new Promise<string>((resolve, reject) => {
    const call = client.makeUnaryRequest(path, bytes, bytes, Buffer.alloc(0), (error, answer) => {
      client.close();
      if (error === null) resolve(String(answer));
      else reject(error);
    });
    signal?.addEventListener('abort', () => {
      call.cancel();
    });
  });
}

async function errorOf(address: string): Promise<ServiceError> {
  try {
    await send(address);
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error('the call was expected to fail');
}

/** A service whose one method is `handler`. */
async function startService(
  handler: handleUnaryCall<Buffer, Buffer>,
): Promise<AsyncDisposable & { readonly address: string }> {
  const server = new Server();
  const method = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  } as const;
  server.addService({ do: method }, { do: handler });
  const address = await serve(server);
  const stop = async (): Promise<void> => {
    server.forceShutdown();
    return Promise.resolve();
  };
  return { address, [Symbol.asyncDispose]: stop };
}

function failing(
  code: status,
  details: string,
  metadata = new Metadata(),
): handleUnaryCall<Buffer, Buffer> {
  return (_call, callback) => {
    callback({ code, details, metadata });
  };
}

async function listen(server: TcpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

test('a port where nobody listens: nothing was sent, as far as the address proves it', async () => {
  const server = createServer();
  const address = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  const error = await errorOf(address);
  assert.deepEqual(readGrpcFailure(error, address), { kind: 'not-sent' });
  // Under a name, or passed on by a service in between, the same words prove nothing.
  const port = address.split(':')[1] ?? '';
  for (const other of [`localhost:${port}`, '127.0.0.1:1', `1${address}`, address.slice(0, -1)]) {
    assert.deepEqual(readGrpcFailure(error, other), { kind: 'lost', retryAfterMs: 0 }, other);
  }
});

test('a name that cannot be resolved: nothing was sent', () => {
  // Made up, because to ask a name server takes as long as it pleases. The words are grpc-js's.
  const details = 'Name resolution failed for target dns:no-such-host.invalid:80';
  const facts = { code: status.UNAVAILABLE, details, metadata: new Metadata() };
  const error = Object.assign(new Error(details), facts);
  assert.deepEqual(readGrpcFailure(error, 'no-such-host.invalid:80'), { kind: 'not-sent' });
  assert.equal(readGrpcFailure(error, 'other-host.invalid:80')?.kind, 'lost');
});

test('a connection that breaks in the middle: it may have run', async () => {
  const server = createServer((socket) => {
    socket.once('data', () => socket.destroy());
  });
  const address = await listen(server);
  const error = await errorOf(address);
  server.close();
  assert.equal(error.code, status.UNAVAILABLE);
  assert.deepEqual(readGrpcFailure(error, address), { kind: 'lost', retryAfterMs: 0 });
});

test('a service that passes on the UNAVAILABLE of another one: it may have run', async () => {
  const details =
    'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ';
  await using service = await startService(failing(status.UNAVAILABLE, details));
  const error = await errorOf(service.address);
  assert.equal(error.details, details);
  assert.deepEqual(readGrpcFailure(error, service.address), { kind: 'lost', retryAfterMs: 0 });
});

test('push-back: its time is honoured, and not to come back is the end of it', async () => {
  const pushback = (text: string): Metadata => {
    const metadata = new Metadata();
    metadata.set('grpc-retry-pushback-ms', text);
    return metadata;
  };
  for (const [code, text, expected] of [
    [status.RESOURCE_EXHAUSTED, '250', { kind: 'busy', retryAfterMs: 250 }],
    [status.RESOURCE_EXHAUSTED, '-1', undefined],
    [status.RESOURCE_EXHAUSTED, 'soon', undefined],
    [status.UNAVAILABLE, '250', { kind: 'lost', retryAfterMs: 250 }],
    [status.UNAVAILABLE, '-1', undefined],
  ] as const) {
    await using service = await startService(failing(code, 'busy', pushback(text)));
    assert.deepEqual(readGrpcFailure(await errorOf(service.address), service.address), expected);
  }
  await using service = await startService(failing(status.RESOURCE_EXHAUSTED, 'quota'));
  assert.equal(readGrpcFailure(await errorOf(service.address), service.address), undefined);
});

test('other statuses, and what is no error of grpc-js, are the work’s own', async () => {
  for (const code of [status.FAILED_PRECONDITION, status.INTERNAL, status.ABORTED]) {
    await using service = await startService(failing(code, 'no'));
    assert.equal(readGrpcFailure(await errorOf(service.address), service.address), undefined);
  }
  for (const own of [undefined, 'text', new Error('x'), { code: 14 }]) {
    assert.equal(readGrpcFailure(own, '127.0.0.1:1'), undefined);
  }
});

test('withLeader over gRPC follows the refusal of a guard to the leader', async () => {
  await using leader = await startService((_call, callback) => {
    callback(null, Buffer.from('done'));
  });
  const newest = claim(9, { electorAddress: undefined });
  const record = { ...newest, leader: { ...newest.leader, address: leader.address } };
  const known = { sealed: encodeRecord(record), ageMs: 3, hops: 1 };
  const refusal = notLeaderStatus({ election, known, retryAfterMs: undefined });
  await using former = await startService((_call, callback) => {
    callback(refusal);
  });
  const older = claim(7, { electorAddress: undefined });
  const stale = { ...older, leader: { ...older.leader, address: former.address } };
  await using node = await startNode({
    getLeader: (_call, callback) => {
      callback(null, answerOf(stale));
    },
  });
  await using client = createClient({ seeds: [node.address], election });
  const seen: string[] = [];
  const answer = await client.withLeader(async ({ address }, { signal }) => {
    seen.push(address);
    return send(address, signal);
  });
  assert.equal(answer, 'done');
  assert.deepEqual(seen, [former.address, leader.address]);
});

test('a refusal about another election is the work’s own', async () => {
  const other = 'billing' as typeof election;
  const refusal = notLeaderStatus({ election: other, known: undefined, retryAfterMs: 100 });
  await using service = await startService((_call, callback) => {
    callback(refusal);
  });
  const own = claim(7, { electorAddress: undefined });
  const record = { ...own, leader: { ...own.leader, address: service.address } };
  await using node = await startNode({
    getLeader: (_call, callback) => {
      callback(null, answerOf(record));
    },
  });
  await using client = createClient({ seeds: [node.address], election });
  await assert.rejects(
    client.withLeader(async ({ address }) => send(address), { idempotent: true }),
    (error: ServiceError) => error.code === status.FAILED_PRECONDITION,
  );
  assert.equal(client.stats().runs, 1);
});
