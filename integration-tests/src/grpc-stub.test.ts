/**
 * An ordinary stub over real everything: three servers of one service, each behind its elector's guard, a
 * real etcd, and callers that never stop while leadership moves.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  credentials,
  makeGenericClientConstructor,
  Metadata,
  Server,
  ServerCredentials,
} from '@grpc/grpc-js';
import type {
  CallOptions,
  Client as GrpcClient,
  ClientOptions as GrpcClientOptions,
  sendUnaryData,
  ServerInterceptor,
  ServerUnaryCall,
  ServiceError,
} from '@grpc/grpc-js';
import { createClient } from '@herald/client';
import { leaderChannel } from '@herald/client/grpc';
import { parseAddress, parseClusterName, parseElectionName, parseNodeId } from '@herald/core';
import type { Address } from '@herald/core';
import { createElector, leaderGuard, notLeaderStatus } from '@herald/elector';
import type { Elector, LeaderGuard } from '@herald/elector';
import { waitUntil } from '@herald/lab';
import type { EtcdCluster } from '@herald/lab';
import { startOwnEtcd } from './support/own-etcd.ts';
import { patienceMs, ttlSeconds } from './support/test-cluster.ts';

const election = parseElectionName('payments');

const draw = {
  path: '/tickets.Tickets/Draw',
  requestStream: false,
  responseStream: false,
  requestSerialize: (text: string) => Buffer.from(text),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (epoch: bigint) => Buffer.from(String(epoch)),
  responseDeserialize: (bytes: Buffer) => BigInt(bytes.toString()),
};

interface TicketsStub extends GrpcClient {
  draw(
    text: string,
    metadata: Metadata,
    options: CallOptions,
    answer: (error: ServiceError | null, epoch?: bigint) => void,
  ): void;
}

const TicketsStub = makeGenericClientConstructor({ draw }, 'tickets.Tickets') as unknown as new (
  target: string,
  creds: ReturnType<typeof credentials.createInsecure>,
  options: GrpcClientOptions,
) => TicketsStub;

/** A server that answers with the epoch that it leads by, and the elector beside it. */
class Replica implements AsyncDisposable {
  readonly elector: Elector;
  readonly #server: Server;

  private constructor(server: Server, elector: Elector) {
    this.#server = server;
    this.elector = elector;
  }

  static async start(id: string, etcd: EtcdCluster, cluster: string, join: readonly Address[]) {
    // The server's address is what the elector campaigns with, so that the server comes first.
    const door: { guard?: LeaderGuard; interceptor?: ServerInterceptor } = {};
    const server = new Server({
      interceptors: [
        (method, call) => (door.interceptor ?? assert.fail('called too early'))(method, call),
      ],
    });
    server.addService(
      { draw },
      {
        draw: (_call: ServerUnaryCall<string, bigint>, answer: sendUnaryData<bigint>) => {
          const epoch = door.guard?.leadership()?.epoch;
          if (epoch !== undefined) answer(null, epoch);
          // The leadership ended between the door and here: nothing was done yet.
          else answer(notLeaderStatus({ election, known: undefined, retryAfterMs: 100 }));
        },
      },
    );
    const address = await bind(server);
    const elector = await createElector({
      insecure: true,
      cluster: parseClusterName(cluster),
      id: parseNodeId(id),
      listen: { host: '127.0.0.1', port: 0 },
      join,
      elections: [{ name: election, address }],
      etcd: { endpoints: etcd.endpoints, waitMs: patienceMs },
      ttlSeconds,
    });
    door.guard = leaderGuard(elector, election);
    door.interceptor = door.guard.interceptor();
    return new Replica(server, elector);
  }

  get isLeader(): boolean {
    return this.elector.election(election).isLeader();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    await this.elector.close();
  }
}

function bind(server: Server): Promise<Address> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(parseAddress(`127.0.0.1:${String(port)}`));
      else reject(error);
    });
  });
}

function drawFrom(stub: TicketsStub): Promise<bigint> {
  const deadline = Date.now() + patienceMs;
  return new Promise((resolve, reject) => {
    stub.draw('one', new Metadata(), { deadline }, (error, epoch) => {
      if (epoch !== undefined) resolve(epoch);
      else reject(error ?? new Error('no answer'));
    });
  });
}

test('P5: every call of an ordinary stub ends at the leader while leadership moves', async () => {
  await using etcd = await startOwnEtcd();
  const cluster = `stub-${randomBytes(4).toString('hex')}`;
  await using first = await Replica.start('replica-1', etcd, cluster, []);
  const join = [first.elector.address];
  await using second = await Replica.start('replica-2', etcd, cluster, join);
  await using third = await Replica.start('replica-3', etcd, cluster, join);
  const replicas = [first, second, third];

  const seeds = replicas.map(({ elector }) => elector.address);
  await using client = createClient({ insecure: true, seeds, election });
  const { options, target } = leaderChannel(client, { waitForReady: true });
  const stub = new TicketsStub(target, credentials.createInsecure(), options);
  let newest = await drawFrom(stub);
  let drawn = 0;
  let isOver = false;
  /** Asks on and on; what one caller is told never goes back. */
  const caller = async (): Promise<void> => {
    let last = 0n;
    while (!isOver) {
      const epoch = await drawFrom(stub);
      assert.ok(epoch >= last, `P2: epoch ${String(epoch)} after ${String(last)}`);
      last = epoch;
      if (epoch > newest) newest = epoch;
      drawn++;
    }
  };
  const callers = [caller(), caller(), caller(), caller()];
  const failed = Promise.all(callers).then(() => undefined);
  const untilNext = (before: bigint): Promise<unknown> =>
    Promise.race([
      failed,
      waitUntil('calls to reach the next leader', () => newest > before, { timeoutMs: patienceMs }),
    ]);

  for (let change = 0; change < 5; change++) {
    const before = newest;
    await replicas
      .find(({ isLeader }) => isLeader)
      ?.elector.election(election)
      .stepDown();
    await untilNext(before);
  }
  const leader = replicas.find(({ isLeader }) => isLeader) ?? assert.fail('nobody leads');
  const before = newest;
  await leader.elector.close();
  await untilNext(before);
  isOver = true;
  await failed;
  assert.ok(drawn > 5);
  stub.close();
});
