/**
 * The definitions on real sockets, against peers that send what they should not: a raw client and a
 * raw server, whose serialisers pass bytes through.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import {
  credentials,
  makeClientConstructor,
  Server,
  ServerCredentials,
  status,
} from '@grpc/grpc-js';
import type {
  Client,
  ClientDuplexStream,
  ClientReadableStream,
  MethodDefinition,
  requestCallback,
  ServiceDefinition,
  ServiceError,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import fc from 'fast-check';
import { limits, parseClusterName, parseElectionName, parseNodeId } from '@herald/core';
import type { Frame } from '@herald/core';
import {
  addElectorService,
  addGossipService,
  addNodeService,
  channelOptions,
  ElectorClient,
  encodeFrame,
  encodeRecord,
  GossipClient,
  gossipService,
  NodeClient,
  nodeService,
  toServiceError,
  WireError,
} from './index.ts';
import type {
  IncomingFrame,
  IncomingLookup,
  LeaderAnswer,
  LookupAnswer,
  NodeHandlers,
} from './index.ts';

// Field 99 of wire type 7, which there is not: no message of any type.
const garbage = Buffer.from([0x9f, 0x06, 0xff, 0x00, 0x13]);
const newerFrame = Buffer.from([0x9a, 0x06, 0x02, 0x08, 0x01]);
const election = parseElectionName('payments');
const nodeId = parseNodeId('node-1');
const hello: Frame = {
  kind: 'hello',
  cluster: parseClusterName('test'),
  protocolMin: 1,
  protocolMax: 1,
  member: { nodeId, generation: 1, address: '127.0.0.1:1' as never, role: 'node' },
  probe: false,
};
const answer: LeaderAnswer = {
  status: 'current',
  carried: {
    sealed: encodeRecord({
      kind: 'leader',
      election,
      version: { lineage: 0, epoch: 5n, sequence: 6n, renewal: 7 },
      issuer: parseNodeId('elector-1'),
      leader: { id: parseNodeId('elector-1'), address: '10.0.0.1:80', metadata: { zone: 'a' } },
      validityMs: 3000,
    }),
    ageMs: 1.25,
    hops: 2,
  },
  validForMs: 2998.75,
  behind: false,
  ask: [],
  nodeId,
};
const nodeHandlers: NodeHandlers = {
  getLeader: (call, callback) => {
    callback(null, { ...answer, behind: call.request.minVersion !== undefined });
  },
  lookup: (call) => {
    call.on('data', (arrived: IncomingLookup) => {
      const { kind } = arrived;
      if (kind === 'question') call.write({ kind: 'answer', id: arrived.id, answer });
      else if (kind === 'malformed') call.emit('error', toServiceError(arrived.error));
      else call.write({ kind: 'refused', id: arrived.id, reason: arrived.error.message });
    });
    call.on('end', () => {
      call.end();
    });
  },
  watchLeader: (call) => {
    call.write(answer);
    call.end();
  },
  listMembers: (_call, callback) => {
    callback(null, { cluster: parseClusterName('test'), members: [] });
  },
};

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(add: (server: Server) => void): Promise<string> {
  const server = new Server(channelOptions.server);
  closers.push(() => {
    server.forceShutdown();
  });
  add(server);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  return `127.0.0.1:${port}`;
}

function closing<T extends Client>(client: T): T {
  closers.push(() => {
    client.close();
  });
  return client;
}

/** The same methods, with bytes for messages. */
function raw(service: Record<string, MethodDefinition<never, never>>): ServiceDefinition {
  const same = (bytes: Buffer): Buffer => bytes;
  return Object.fromEntries(
    Object.entries(service).map(([name, { path, requestStream, responseStream }]) => [
      name,
      {
        path,
        requestStream,
        responseStream,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    ]),
  );
}
const rawNodeService = raw(nodeService as never);
const rawGossipService = raw(gossipService as never);

interface RawClient extends Client {
  getLeader(request: Buffer, callback: requestCallback<Buffer>): void;
  watchLeader(request: Buffer): ClientReadableStream<Buffer>;
  lookup(): ClientDuplexStream<Buffer, Buffer>;
  link(): ClientDuplexStream<Buffer, Buffer>;
}
function rawClient(service: ServiceDefinition, address: string): RawClient {
  const Constructor = makeClientConstructor(service, 'raw');
  return closing(new Constructor(address, credentials.createInsecure()) as unknown as RawClient);
}

/** Deadlines of a test's own: long enough for a busy machine, short enough to be told what hangs. */
const soon = () => ({ signal: AbortSignal.timeout(10_000) });

async function errorOf(
  call: (callback: requestCallback<unknown>) => unknown,
): Promise<ServiceError> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error) resolve(error);
      else reject(new Error(`expected an error, got ${JSON.stringify(value)}`));
    });
  });
}

async function valueOf<T>(call: (callback: requestCallback<T>) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error || value === undefined) reject(error ?? new Error('no value'));
      else resolve(value);
    });
  });
}

async function streamError(stream: ClientReadableStream<unknown>): Promise<ServiceError> {
  stream.resume();
  const [error] = (await once(stream, 'error', soon())) as [ServiceError];
  return error;
}

/** Ends our side, and waits until the other has ended the call, so that nothing happens afterwards. */
async function finish(stream: ClientDuplexStream<never, unknown>): Promise<void> {
  stream.resume();
  const ended = once(stream, 'status', soon());
  stream.end();
  await ended;
}

describe('a link', () => {
  function echoing(server: Server): void {
    addGossipService(server, {
      link: (stream) => {
        stream.on('data', (frame: IncomingFrame) => {
          const detail = frame.kind === 'malformed' ? frame.error.message : frame.kind;
          stream.write({ kind: 'refuse', reason: 'invalid', detail, contacts: [] });
        });
        stream.on('end', () => {
          stream.end();
        });
      },
    });
  }

  it('carries frames both ways', async () => {
    const address = await serve(echoing);
    const client = closing(
      new GossipClient(address, credentials.createInsecure(), channelOptions.link),
    );
    const stream = client.link();
    stream.write(hello);
    const [frame] = (await once(stream, 'data', soon())) as [IncomingFrame];
    assert.deepEqual(frame, { kind: 'refuse', reason: 'invalid', detail: 'hello', contacts: [] });
    await finish(stream);
  });

  it('tells a server what is malformed and what is unknown, and goes on', async () => {
    const address = await serve(echoing);
    const stream = rawClient(rawGossipService, address).link();
    const replies: string[] = [];
    for (const bytes of [garbage, newerFrame, Buffer.alloc(0), encodeFrame(hello)]) {
      stream.write(bytes);
      const [reply] = (await once(stream, 'data', soon())) as [Buffer];
      replies.push(reply.toString('latin1').replace(/[^ -~]+/g, ''));
    }
    assert.match(replies[0] ?? '', /these bytes are no Frame/);
    assert.match(replies[1] ?? '', /unknown/);
    assert.match(replies[2] ?? '', /unknown/);
    assert.match(replies[3] ?? '', /hello/);
    await finish(stream);
  });

  it('delivers one outcome for each message, whatever the bytes', async () => {
    const address = await serve(echoing);
    const stream = rawClient(rawGossipService, address).link();
    const samples = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 100 }), 200);
    for (const bytes of samples) stream.write(Buffer.from(bytes));
    stream.end();
    let replies = 0;
    for await (const reply of stream as AsyncIterable<Buffer>) replies += reply.length > 0 ? 1 : 0;
    assert.equal(replies, samples.length);
  });

  it('tells a client what is malformed, and goes on', async () => {
    const address = await serve((server) => {
      server.addService(rawGossipService, {
        link: (stream: ClientDuplexStream<Buffer, Buffer>) => {
          for (const bytes of [garbage, newerFrame, encodeFrame({ kind: 'prune' })]) {
            stream.write(bytes);
          }
          stream.end();
        },
      } as unknown as UntypedServiceImplementation);
    });
    const client = closing(
      new GossipClient(address, credentials.createInsecure(), channelOptions.link),
    );
    const frames: IncomingFrame[] = [];
    for await (const frame of client.link() as AsyncIterable<IncomingFrame>) frames.push(frame);
    assert.deepEqual(
      frames.map((frame) => frame.kind),
      ['malformed', 'unknown', 'prune'],
    );
    assert.ok(frames[0]?.kind === 'malformed' && frames[0].error instanceof WireError);
  });

  it('ends with an error when a frame is too large, sent or received', async () => {
    const address = await serve(echoing);
    const client = closing(
      new GossipClient(address, credentials.createInsecure(), channelOptions.link),
    );
    const sending = client.link();
    const elections = Array<typeof election>(600).fill(
      parseElectionName('e'.repeat(limits.nameBytesMax)),
    );
    sending.write({ kind: 'want', elections });
    const sendError = await streamError(sending);
    assert.equal(sendError.code, status.INTERNAL);
    assert.match(sendError.details, /a frame must be at most 65536 bytes long/);

    const receiving = rawClient(rawGossipService, address).link();
    receiving.write(Buffer.alloc(limits.frameBytesMax + 1));
    assert.equal((await streamError(receiving)).code, status.RESOURCE_EXHAUSTED);

    const stillServed = client.link();
    stillServed.write(hello);
    await once(stillServed, 'data', soon());
    await finish(stillServed);
  });

  it('ends with an error when a server sends a frame that is too large', async () => {
    const address = await serve((server) => {
      addGossipService(server, {
        link: (stream) => {
          const long = parseElectionName('e'.repeat(limits.nameBytesMax));
          stream.write({ kind: 'want', elections: Array<typeof long>(600).fill(long) });
        },
      });
    });
    const client = closing(
      new GossipClient(address, credentials.createInsecure(), channelOptions.link),
    );
    assert.equal((await streamError(client.link())).code, status.INTERNAL);
  });
});

describe('the node service', () => {
  const request = { election, minVersion: undefined };

  it('speaks the domain on both ends', async () => {
    const address = await serve((server) => {
      addNodeService(server, nodeHandlers);
    });
    const client = closing(
      new NodeClient(address, credentials.createInsecure(), channelOptions.query),
    );
    const got = await valueOf<LeaderAnswer>((done) => client.getLeader(request, done));
    assert.deepStrictEqual(got, answer);
    const minVersion = { lineage: 0, epoch: 9n, sequence: 9n, renewal: 0 };
    const behind = await valueOf<LeaderAnswer>((done) =>
      client.getLeader({ election, minVersion }, done),
    );
    assert.equal(behind.behind, true);
    const watched: LeaderAnswer[] = [];
    const watch = client.watchLeader({ ...request, includeRenewals: false });
    for await (const next of watch as AsyncIterable<LeaderAnswer>) watched.push(next);
    assert.deepStrictEqual(watched, [answer]);
    const list = await valueOf((done) => client.listMembers({}, done));
    assert.deepEqual(list, { cluster: 'test', members: [] });
  });

  it('works with a plain addService too', async () => {
    const address = await serve((server) => {
      server.addService(nodeService, nodeHandlers);
    });
    const client = closing(
      new NodeClient(address, credentials.createInsecure(), channelOptions.query),
    );
    const got = await valueOf<LeaderAnswer>((done) => client.getLeader(request, done));
    assert.deepStrictEqual(got, answer);
    const bad = rawClient(rawNodeService, address);
    assert.equal((await errorOf((done) => bad.getLeader(garbage, done))).code, status.INTERNAL);
    await valueOf<LeaderAnswer>((done) => client.getLeader(request, done));
  });

  it('answers a bad request with INVALID_ARGUMENT and the field, and goes on', async () => {
    const address = await serve((server) => {
      addNodeService(server, nodeHandlers);
    });
    const bad = rawClient(rawNodeService, address);
    const unary = await errorOf((done) => bad.getLeader(garbage, done));
    assert.equal(unary.code, status.INVALID_ARGUMENT);
    assert.match(unary.details, /these bytes are no GetLeaderRequest/);
    const unnamed = await errorOf((done) => bad.getLeader(Buffer.alloc(0), done));
    assert.match(unnamed.details, /^election: election name: must not be empty/);
    const long = await errorOf((done) => bad.getLeader(Buffer.alloc(5000), done));
    assert.match(long.details, /a message must be at most/);
    const stream = await streamError(bad.watchLeader(garbage));
    assert.equal(stream.code, status.INVALID_ARGUMENT);

    const client = closing(
      new NodeClient(address, credentials.createInsecure(), channelOptions.query),
    );
    await valueOf<LeaderAnswer>((done) => client.getLeader(request, done));
  });

  it('answers each question on a stream of lookups, also one that breaks a rule', async () => {
    const address = await serve((server) => {
      addNodeService(server, nodeHandlers);
    });
    const client = closing(
      new NodeClient(address, credentials.createInsecure(), channelOptions.query),
    );
    const stream = client.lookup();
    const unnamed = { election: '' as typeof election, minVersion: undefined };
    for (const [index, question] of [request, unnamed, request].entries()) {
      stream.write({ kind: 'question', id: 2 ** 32 - 1 - index, question });
    }
    stream.end();
    const answers: LookupAnswer[] = [];
    for await (const next of stream as AsyncIterable<LookupAnswer>) answers.push(next);
    assert.deepStrictEqual(answers[0], { kind: 'answer', id: 2 ** 32 - 1, answer });
    assert.ok(answers[1]?.kind === 'refused' && answers[1].id === 2 ** 32 - 2);
    assert.match(answers[1].reason, /^question\.election: election name: must not be empty/);
    assert.deepStrictEqual(answers[2], { kind: 'answer', id: 2 ** 32 - 3, answer });
  });

  it('ends a stream of lookups over bytes that are no question, and says why', async () => {
    const address = await serve((server) => {
      addNodeService(server, nodeHandlers);
    });
    for (const [bytes, reason] of [
      [garbage, /these bytes are no LookupRequest/],
      [Buffer.alloc(5000), /a message must be at most/],
    ] as const) {
      const stream = rawClient(rawNodeService, address).lookup();
      stream.write(bytes);
      const error = await streamError(stream);
      assert.equal(error.code, status.INVALID_ARGUMENT);
      assert.match(error.details, reason);
    }
    const empty = rawClient(rawNodeService, address).lookup();
    empty.write(Buffer.alloc(0));
    const [reply] = (await once(empty, 'data', soon())) as [Buffer];
    assert.match(reply.toString('latin1'), /question: is missing/);
    await finish(empty);
  });

  it('gives a client an error when a server answers garbage', async () => {
    const address = await serve((server) => {
      server.addService(rawNodeService, {
        getLeader: (_call: unknown, callback: (error: null, bytes: Buffer) => void) => {
          callback(null, garbage);
        },
        watchLeader: (stream: ClientDuplexStream<Buffer, Buffer>) => {
          stream.write(garbage);
          stream.end();
        },
        lookup: (stream: ClientDuplexStream<Buffer, Buffer>) => {
          // Without an outcome: as from a node that knows more of them than we do.
          stream.write(Buffer.from([0x08, 0x01]));
        },
        listMembers: (_call: unknown, callback: (error: null, bytes: Buffer) => void) => {
          callback(null, Buffer.alloc(0));
        },
      } as unknown as UntypedServiceImplementation);
    });
    const client = closing(
      new NodeClient(address, credentials.createInsecure(), channelOptions.query),
    );
    const unary = await errorOf((done) => client.getLeader(request, done));
    assert.equal(unary.code, status.INTERNAL);
    assert.match(unary.details, /these bytes are no LeaderAnswer/);
    const list = await errorOf((done) => client.listMembers({}, done));
    assert.match(list.details, /cluster: cluster name: must not be empty/);
    const watch = client.watchLeader({ ...request, includeRenewals: true });
    assert.equal((await streamError(watch)).code, status.INTERNAL);
    const lookup = await streamError(client.lookup());
    assert.equal(lookup.code, status.INTERNAL);
    assert.match(lookup.details, /outcome: is missing/);
  });
});

describe('the elector service', () => {
  it('speaks the domain on both ends', async () => {
    const electorId = parseNodeId('elector-1');
    const address = await serve((server) => {
      addElectorService(server, {
        confirm: (call, callback) => {
          const leading = call.request.version?.epoch === 2n ** 63n - 1n;
          callback(null, {
            leading,
            leadingForMs: 1.5,
            best: answer,
            retryAfterMs: 0.2,
            electorId,
          });
        },
        status: (_call, callback) => {
          const epoch = 2n ** 63n - 1n;
          const trouble = 'etcd:\n  no quorum';
          const best: LeaderAnswer = {
            ...answer,
            status: 'unknown',
            carried: undefined,
            validForMs: 0,
          };
          const state = 'waiting';
          callback(null, {
            electorId,
            elections: [{ election, state, epoch, leadingForMs: 0, best, trouble }],
          });
        },
        stepDown: (call, callback) => {
          callback(null, { steppedDown: call.request.reason === 'deploy', epoch: 17n });
        },
      });
    });
    const client = closing(
      new ElectorClient(address, credentials.createInsecure(), channelOptions.query),
    );
    const highest = 2n ** 63n - 1n;
    const version = { lineage: 0, epoch: highest, sequence: highest, renewal: 0 };
    assert.deepEqual(await valueOf((done) => client.confirm({ election, version }, done)), {
      leading: true,
      leadingForMs: 1.5,
      best: answer,
      retryAfterMs: 1,
      electorId,
    });
    const status = await valueOf((done) => client.status({ election: undefined }, done));
    assert.equal(
      (status as { elections: { trouble: string }[] }).elections[0]?.trouble,
      'etcd:   no quorum',
    );
    assert.deepEqual(
      await valueOf((done) => client.stepDown({ election, reason: 'deploy' }, done)),
      { steppedDown: true, epoch: 17n },
    );
  });
});
