/**
 * The guard by itself, and in front of a grpc-js server on a real socket. The elector beside it is one
 * whose leadership the test begins and ends, around a tier in memory.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import {
  credentials,
  makeClientConstructor,
  Metadata,
  Server,
  ServerCredentials,
  status,
} from '@grpc/grpc-js';
import type {
  Client,
  ClientDuplexStream,
  ClientReadableStream,
  ClientWritableStream,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  ServiceError,
} from '@grpc/grpc-js';
import { parseAddress, parseElectionName, parseNodeId } from '@herald/core';
import type { LeaderRecord } from '@herald/core';
import { callerMetadata, encodeRecord, readNotLeader } from '@herald/wire';
import type { Caller } from '@herald/wire';
import type { Leadership } from '../campaign/leadership.ts';
import { ElectorError } from '../errors.ts';
import { eventually } from '../testing/eventually.ts';
import { MemoryTier } from '../testing/memory-tier.ts';
import type { GuardInterceptorOptions } from './interceptor.ts';
import { leaderGuard } from './leader-guard.ts';
import type { GuardedElector } from './leader-guard.ts';

const election = parseElectionName('payments');
const other = parseElectionName('reports');
const own = parseNodeId('a');
const lineage = 1;

function claim(id: string, epoch: bigint, of = election): LeaderRecord {
  return {
    kind: 'leader',
    election: of,
    version: { lineage, epoch, sequence: epoch, renewal: 0 },
    issuer: own,
    leader: { id: parseNodeId(id), address: `10.0.0.1:${id.charCodeAt(0)}`, metadata: {} },
    validityMs: 60_000,
  };
}

function vacancy(epoch: bigint): LeaderRecord {
  const version = { lineage, epoch, sequence: epoch + 1n, renewal: 0 };
  return { kind: 'vacancy', election, version, issuer: own };
}

/** An elector whose leadership begins and ends on demand. */
class StagedElector implements GuardedElector {
  readonly id = own;
  readonly member = new MemoryTier(own);
  #epoch = 0n;
  #ended: AbortController | undefined;

  lead(epoch: bigint): void {
    this.#epoch = epoch;
    this.#ended = new AbortController();
    this.member.publish(claim('a', epoch));
  }

  endLeadership(): void {
    this.#ended?.abort(new ElectorError('LEADERSHIP_ENDED', 'the test ended it'));
    this.#ended = undefined;
  }

  election(name: string) {
    if (name !== election) throw new ElectorError('UNKNOWN_ELECTION', name);
    const isLeading = () => this.#ended !== undefined;
    const currentLeadership = (): Leadership | undefined => {
      const { signal } = this.#ended ?? {};
      if (signal === undefined) return undefined;
      const isLeader = () => !signal.aborted;
      return { epoch: this.#epoch, lineage, signal, isLeader, leadingForMs: () => 1_000 };
    };
    const versionNow = () =>
      isLeading() ? { lineage, epoch: this.#epoch, sequence: this.#epoch, renewal: 0 } : undefined;
    return {
      election,
      currentLeadership,
      get version() {
        return versionNow();
      },
      profile: {
        id: own,
        address: '10.0.0.1:97',
        electorAddress: parseAddress('10.0.0.1:7400'),
        metadata: {},
        ttlSeconds: 3,
      },
    };
  }
}

function leading(epoch: bigint): StagedElector {
  const elector = new StagedElector();
  elector.lead(epoch);
  return elector;
}

const knows = (epoch: bigint, of = election, inLineage = lineage): Caller => ({
  election: of,
  lineage: inLineage,
  epoch,
});

describe('P8: a guard lets a call begin', () => {
  it('while its elector leads, for whoever knows nothing later', () => {
    const guard = leaderGuard(leading(17n), 'payments');
    assert.equal(guard.check(), undefined);
    for (const caller of [knows(16n), knows(17n), knows(99n, election, lineage - 1)]) {
      assert.equal(guard.check(caller), undefined, JSON.stringify(String(caller.epoch)));
    }
    assert.equal(guard.leadership()?.epoch, 17n);
  });

  it('never when its elector does not lead; it names who does', () => {
    const elector = new StagedElector();
    const guard = leaderGuard(elector, 'payments');
    elector.member.publish(claim('b', 18n));
    const refusal = guard.check();
    assert.equal(refusal?.election, election);
    assert.deepEqual(refusal.known?.sealed.bytes, bytesOf(claim('b', 18n)));
    assert.equal(refusal.retryAfterMs, undefined, 'b can be called at once');
    assert.equal(guard.leadership(), undefined);
  });

  it('never for a caller that knows a later leadership, by epoch or by lineage', () => {
    const guard = leaderGuard(leading(17n), 'payments');
    for (const caller of [knows(18n), knows(3n, election, lineage + 1)]) {
      const refusal = guard.check(caller);
      assert.equal(refusal?.known?.sealed.record.version.epoch, 17n);
      assert.equal(refusal.retryAfterMs, 100, 'the own name is older than what the caller knows');
    }
  });

  it('never for a caller that means the leader of another election; it says who that is', () => {
    const elector = leading(17n);
    const guard = leaderGuard(elector, 'payments');
    assert.deepEqual(guard.check(knows(5n, other)), {
      election: other,
      known: undefined,
      retryAfterMs: 100,
    });
    elector.member.publish(claim('c', 40n, other));
    const refusal = guard.check(knows(5n, other));
    assert.deepEqual(refusal?.known?.sealed.bytes, bytesOf(claim('c', 40n, other)));
    assert.equal(refusal.retryAfterMs, undefined);
  });

  it('and says when to ask again while nobody is known to lead', () => {
    const elector = leading(17n);
    const guard = leaderGuard(elector, 'payments');
    elector.endLeadership();
    const named = guard.check();
    assert.ok(named?.known !== undefined, 'the tier still names this elector');
    assert.equal(named.retryAfterMs, 1_000, 'a third of the TTL: its lease has long to live');
    elector.member.publish(vacancy(17n));
    assert.equal(guard.check()?.retryAfterMs, 100, 'a successor is on the way');
    const ignorant = leaderGuard(new StagedElector(), 'payments').check();
    assert.deepEqual(ignorant, { election, known: undefined, retryAfterMs: 1_000 });
  });

  it('in elections that its elector takes part in', () => {
    assert.throws(() => leaderGuard(new StagedElector(), 'reports'), { code: 'UNKNOWN_ELECTION' });
  });
});

const bytesOf = (record: LeaderRecord) => encodeRecord(record).bytes;
const bytes = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value };
const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
  path,
  requestStream,
  responseStream,
  requestSerialize: bytes.serialize,
  requestDeserialize: bytes.deserialize,
  responseSerialize: bytes.serialize,
  responseDeserialize: bytes.deserialize,
});
const shop = {
  unary: method('/test.Shop/Unary', false, false),
  upload: method('/test.Shop/Upload', true, false),
  watch: method('/test.Shop/Watch', false, true),
  chat: method('/test.Shop/Chat', true, true),
  check: method('/grpc.health.v1.Health/Check', false, false),
};
type Done = (error: ServiceError | null, answer?: Buffer) => void;
interface ShopClient extends Client {
  unary(request: Buffer, metadata: Metadata, done: Done): void;
  check(request: Buffer, metadata: Metadata, done: Done): void;
  upload(metadata: Metadata, done: Done): ClientWritableStream<Buffer>;
  watch(request: Buffer, metadata: Metadata): ClientReadableStream<Buffer>;
  chat(metadata: Metadata): ClientDuplexStream<Buffer, Buffer>;
}
const ShopClient = makeClientConstructor(shop, 'test.Shop') as unknown as new (
  ...args: ConstructorParameters<typeof Client>
) => ShopClient;

const one = Buffer.from('1');
const disposals: (() => void)[] = [];
afterEach(() => {
  for (const dispose of disposals.splice(0)) dispose();
});

/** A shop whose handlers note that they ran; streams say one thing and stay open. */
async function openShop(elector: StagedElector, options?: GuardInterceptorOptions) {
  const guard = leaderGuard(elector, 'payments');
  const server = new Server({ interceptors: [guard.interceptor(options)] });
  const ran: string[] = [];
  const ended: string[] = [];
  const noteEnd = (name: string, call: { on(event: 'cancelled', then: () => void): unknown }) =>
    call.on('cancelled', () => ended.push(name));
  type Open = ServerDuplexStream<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;
  const open: Open[] = [];
  server.addService(shop, {
    unary: (_call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      ran.push('unary');
      done(null, one);
    },
    check: (_call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      ran.push('check');
      done(null, one);
    },
    upload: (call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      ran.push('upload');
      call.on('data', () => undefined).on('end', () => done(null, one));
    },
    watch: (call: ServerWritableStream<Buffer, Buffer>) => {
      ran.push('watch');
      noteEnd('watch', call);
      open.push(call);
      call.write(one);
    },
    chat: (call: ServerDuplexStream<Buffer, Buffer>) => {
      ran.push('chat');
      noteEnd('chat', call);
      open.push(call);
      call.on('data', (said: Buffer) => call.write(said));
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const client = new ShopClient(`127.0.0.1:${port}`, credentials.createInsecure());
  disposals.push(() => {
    client.close();
    server.forceShutdown();
  });
  return { client, ran, ended, open };
}

/** The error that a call ends with; null when it succeeds. */
function outcome(call: (done: Done) => void): Promise<ServiceError | null> {
  return new Promise((resolve) => {
    call((error) => {
      resolve(error);
    });
  });
}

/** The error that a stream ends with, and what it said before. */
function follow(stream: ClientReadableStream<Buffer>) {
  const said: string[] = [];
  stream.on('data', (data: Buffer) => said.push(data.toString()));
  const end = new Promise<ServiceError | null>((resolve) => {
    stream.on('error', (error) => {
      resolve(error as ServiceError);
    });
    stream.on('end', () => {
      resolve(null);
    });
  });
  return { said, end };
}

const callsOf = (client: ShopClient, metadata: Metadata) => ({
  unary: outcome((done) => client.unary(one, metadata, done)),
  upload: outcome((done) => client.upload(metadata, done).end(one)),
  watch: follow(client.watch(one, metadata)).end,
  chat: follow(client.chat(metadata)).end,
});

describe('P8: before the methods of a server, the guard', () => {
  it('refuses every kind of call before its handler runs, and names the leader', async () => {
    const elector = new StagedElector();
    elector.member.publish(claim('b', 18n));
    const { client, ran } = await openShop(elector);
    for (const [kind, ending] of Object.entries(callsOf(client, new Metadata()))) {
      const error = await ending;
      assert.equal(error?.code, status.FAILED_PRECONDITION, kind);
      assert.deepEqual(readNotLeader(error)?.known?.sealed.bytes, bytesOf(claim('b', 18n)), kind);
    }
    assert.deepEqual(ran, []);
  });

  it('refuses a caller that knows a later epoch, and serves one that does not', async () => {
    const { client, ran } = await openShop(leading(17n));
    const ahead = await outcome((done) => client.unary(one, callerMetadata(knows(18n)), done));
    assert.equal(ahead && readNotLeader(ahead)?.retryAfterMs, 100);
    assert.deepEqual(ran, []);
    const beside = await outcome((done) => client.unary(one, callerMetadata(knows(17n)), done));
    assert.equal(beside, null);
    assert.deepEqual(ran, ['unary']);
  });

  it('serves every kind of call while its elector leads', async () => {
    const { client, ran } = await openShop(leading(17n));
    const metadata = new Metadata();
    assert.equal(await outcome((done) => client.unary(one, metadata, done)), null);
    assert.equal(await outcome((done) => client.upload(metadata, done).end(one)), null);
    const watch = client.watch(one, metadata);
    const chat = client.chat(metadata);
    const watched = follow(watch);
    const chatted = follow(chat);
    chat.write(Buffer.from('hello'));
    await eventually('both streams speak', () => watched.said.length + chatted.said.length === 2);
    assert.deepEqual([watched.said, chatted.said], [['1'], ['hello']]);
    assert.deepEqual(ran.toSorted(), ['chat', 'unary', 'upload', 'watch']);
    watch.cancel();
    chat.cancel();
    await Promise.all([watched.end, chatted.end]);
  });

  it('refuses an upload at once, whatever else its caller still sends', async () => {
    const { client, ran } = await openShop(new StagedElector());
    const error = await outcome((done) => {
      const upload = client.upload(new Metadata(), done);
      for (let chunk = 0; chunk < 64; chunk++) upload.write(Buffer.alloc(32_768));
    });
    assert.equal(error?.code, status.FAILED_PRECONDITION);
    assert.deepEqual(ran, []);
  });

  it('looks again when the request is complete: leadership may end while it is being sent', async () => {
    const elector = leading(17n);
    let looks = 0;
    const electorThatStops = Object.assign(Object.create(elector) as StagedElector, {
      election: (name: string) => {
        const candidacy = elector.election(name);
        return Object.create(candidacy, {
          version: {
            get: () => {
              if (++looks === 2) elector.endLeadership();
              return candidacy.version;
            },
          },
        }) as typeof candidacy;
      },
    });
    const { client, ran } = await openShop(electorThatStops);
    const error = await outcome((done) => client.unary(one, new Metadata(), done));
    assert.equal(looks, 2);
    assert.equal(error?.code, status.FAILED_PRECONDITION);
    assert.deepEqual(ran, []);
  });

  it('ends the streams of a leadership with it, and tells their handlers', async () => {
    const elector = leading(17n);
    const { client, ended, open } = await openShop(elector);
    const watched = Array.from({ length: 20 }, () => follow(client.watch(one, new Metadata())));
    const chat = client.chat(new Metadata());
    const chatted = follow(chat);
    chat.write(one);
    const all = [...watched, chatted];
    await eventually('all streams speak', () => all.every(({ said }) => said.length === 1));
    elector.endLeadership();
    for (const { end } of all) {
      const error = await end;
      assert.equal(error?.code, status.ABORTED);
      assert.match(error.details, /^the leadership of payments at epoch 17 ended/);
      assert.equal(readNotLeader(error), undefined, 'it ran: NOT_LEADER would be untrue');
    }
    await eventually('all handlers know', () => ended.length === all.length);
    for (const call of open) assert.ok(call.cancelled);
    elector.lead(19n);
    const next = client.watch(one, new Metadata());
    const again = follow(next);
    await eventually('the next leadership serves', () => again.said.length === 1);
    next.cancel();
    await again.end;
  });

  it('lets a call that answers once come to its end', async () => {
    const elector = leading(17n);
    const { client, ran } = await openShop(elector);
    const ending = outcome((done) => {
      const upload = client.upload(new Metadata(), done);
      upload.write(one);
      void eventually('the upload runs', () => ran.includes('upload')).then(() => {
        elector.endLeadership();
        upload.end();
      });
    });
    assert.equal(await ending, null);
  });

  it('leaves streams alone where that is asked for', async () => {
    const elector = leading(17n);
    const { client, open } = await openShop(elector, { endStreams: false });
    const stream = client.watch(one, new Metadata());
    const { said, end } = follow(stream);
    await eventually('the stream speaks', () => said.length === 1);
    elector.endLeadership();
    for (const call of open) {
      call.write(Buffer.from('still'));
      call.end();
    }
    assert.equal(await end, null);
    assert.deepEqual(said, ['1', 'still']);
  });

  it('stands before what it is told to, and never before health checks unless told', async () => {
    const { client } = await openShop(new StagedElector());
    assert.equal(await outcome((done) => client.check(one, new Metadata(), done)), null);
    const chosen = await openShop(new StagedElector(), {
      guards: (path) => path === '/test.Shop/Upload',
    });
    const { unary, upload } = callsOf(chosen.client, new Metadata());
    assert.equal(await unary, null);
    assert.equal((await upload)?.code, status.FAILED_PRECONDITION);
  });
});
