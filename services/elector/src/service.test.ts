/** What an elector answers over gRPC, with a real member and a real etcd. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { credentials, makeClientConstructor, status } from '@grpc/grpc-js';
import type { Client, ServiceError } from '@grpc/grpc-js';
import { parseClusterName, parseElectionName, parseNodeId } from '@herald/core';
import type { Address } from '@herald/core';
import { channelOptions, ElectorClient, NodeClient } from '@herald/wire';
import type {
  ConfirmRequest,
  ConfirmResponse,
  LeaderAnswer,
  StatusResponse,
  StepDownResponse,
} from '@herald/wire';
import { service as healthService } from 'grpc-health-check';
import { createElector } from './elector.ts';
import type { Elector } from './elector.ts';
import { fence } from './guard/fence.ts';
import { leaderGuard } from './guard/leader-guard.ts';
import { EtcdServer } from './testing/etcd-server.ts';
import { eventually } from './testing/eventually.ts';

const election = parseElectionName('payments');
let etcd: EtcdServer;

before(async () => {
  etcd = await EtcdServer.start();
});
after(async () => {
  await etcd[Symbol.asyncDispose]();
});

let prefixCount = 0;
const newPrefix = (): string => `service-${++prefixCount}`;

function start(id: string, prefix: string, join: readonly Address[] = []): Promise<Elector> {
  return createElector({
    insecure: true,
    cluster: parseClusterName('test'),
    id: parseNodeId(id),
    elections: [{ name: election, address: `10.0.0.1:${id.charCodeAt(0)}` }],
    etcd: { endpoints: [etcd.endpoint] },
    listen: { host: '127.0.0.1', port: 0 },
    ...{ prefix, join },
  });
}

/** Calls one method, and closes the client. */
async function ask<Response>(
  address: string,
  call: (client: ElectorClient, done: (error: ServiceError | null, r?: Response) => void) => void,
): Promise<Response> {
  const client = new ElectorClient(address, credentials.createInsecure(), channelOptions.query);
  try {
    return await new Promise<Response>((resolve, reject) => {
      call(client, (error, response) => {
        if (error !== null || response === undefined) reject(error ?? new Error('no answer'));
        else resolve(response);
      });
    });
  } finally {
    client.close();
  }
}

const confirm = (address: string, request: ConfirmRequest): Promise<ConfirmResponse> =>
  ask(address, (client, done) => client.confirm(request, done));
const stepDown = (address: string, reason: string): Promise<StepDownResponse> =>
  ask(address, (client, done) => client.stepDown({ election, reason }, done));
const statusOf = (address: string): Promise<StatusResponse> =>
  ask(address, (client, done) => client.status({ election: undefined }, done));

test('Confirm: the leader says yes, to whoever knows nothing newer; the others say who', async () => {
  const prefix = newPrefix();
  await using a = await start('a', prefix);
  await eventually('a leads', () => a.election(election).isLeader());
  await using b = await start('b', prefix, [a.address]);
  const yes = await confirm(a.address, { election, version: undefined });
  assert.equal(yes.leading, true);
  assert.equal(yes.electorId, 'a');
  assert.ok(yes.leadingForMs > 0 && yes.leadingForMs <= 2_700);
  assert.equal(yes.retryAfterMs, 0);
  const record = yes.best.carried?.sealed.record;
  assert.ok(record?.kind === 'leader');
  assert.equal(record.leader.address, '10.0.0.1:97');
  assert.equal(record.leader.electorAddress, a.address);

  const sameRenewed = { ...record.version, renewal: record.version.renewal + 1_000 };
  assert.equal((await confirm(a.address, { election, version: sameRenewed })).leading, true);
  const newer = { ...record.version, epoch: record.version.epoch + 1n };
  const no = await confirm(a.address, { election, version: newer });
  assert.equal(no.leading, false);
  assert.equal(no.leadingForMs, 0);
  assert.ok(no.best.behind);
  assert.ok(no.retryAfterMs > 0, 'the record names the one that was asked');

  const other = await eventually('b knows a', async () => {
    const answer = await confirm(b.address, { election, version: undefined });
    return answer.best.status === 'current' && answer;
  });
  assert.equal(other.leading, false);
  assert.equal(other.retryAfterMs, 0, 'a can be asked at once');
  const { carried } = other.best;
  assert.ok(carried?.sealed.record.kind === 'leader');
  assert.equal(carried.sealed.record.leader.id, 'a');
});

test('StepDown hands over, and is told of by Status', async () => {
  const prefix = newPrefix();
  await using a = await start('a', prefix);
  await eventually('a leads', () => a.election(election).isLeader());
  await using b = await start('b', prefix, [a.address]);
  await eventually('b waits', () => b.election(election).state === 'waiting');
  const { epoch } = a.election(election);
  const answer = await stepDown(a.address, 'deploy');
  assert.deepEqual(answer, { steppedDown: true, epoch });
  await eventually('b leads', () => b.election(election).isLeader(), 1_000);
  const again = await stepDown(a.address, '');
  assert.deepEqual(again, { steppedDown: false, epoch: 0n });
  const { electorId, elections } = await statusOf(b.address);
  assert.equal(electorId, 'b');
  assert.equal(elections.length, 1);
  const [mine] = elections;
  assert.equal(mine?.state, 'leading');
  assert.ok(mine.epoch > epoch);
  assert.ok(mine.leadingForMs > 0);
  assert.equal(mine.trouble, '');
});

test('a vacancy is told with when to ask again', async () => {
  const prefix = newPrefix();
  await using a = await start('a', prefix);
  await eventually('a leads', () => a.election(election).isLeader());
  await a.election(election).stepDown();
  const answer = await confirm(a.address, { election, version: undefined });
  assert.equal(answer.best.status, 'vacant');
  assert.equal(answer.retryAfterMs, 100);
});

test('an unknown election is NOT_FOUND, a bad name INVALID_ARGUMENT', async () => {
  await using a = await start('a', newPrefix());
  const other = parseElectionName('reports');
  await assert.rejects(confirm(a.address, { election: other, version: undefined }), {
    code: status.NOT_FOUND,
  });
  const bad = 'no name' as typeof election;
  await assert.rejects(confirm(a.address, { election: bad, version: undefined }), {
    code: status.INVALID_ARGUMENT,
  });
  assert.throws(() => a.election('reports'), { code: 'UNKNOWN_ELECTION' });
});

test('health and reflection are served on the same port', async () => {
  await using a = await start('a', newPrefix());
  const Health = makeClientConstructor(healthService, 'Health');
  const client = new Health(a.address, credentials.createInsecure()) as unknown as Client & {
    check(request: object, done: (error: unknown, response: { status: string }) => void): void;
  };
  for (const service of ['', 'herald.v1.Elector', 'herald.v1.Node']) {
    const response = await new Promise<{ status: string }>((resolve, reject) => {
      client.check({ service }, (error, answer) => {
        if (error instanceof Error) reject(error);
        else resolve(answer);
      });
    });
    assert.equal(response.status, 'SERVING');
  }
  client.close();
});

test('it answers the questions of clients as every member does', async () => {
  await using a = await start('a', newPrefix());
  await eventually('a leads', () => a.election(election).isLeader());
  const client = new NodeClient(a.address, credentials.createInsecure());
  const answer = await new Promise<LeaderAnswer>((resolve, reject) => {
    client.getLeader({ election, minVersion: undefined }, (error, response) => {
      if (response === undefined) reject(error ?? new Error('no answer'));
      else resolve(response);
    });
  });
  client.close();
  assert.equal(answer.status, 'current');
  assert.equal(answer.nodeId, 'a');
});

test('electors of one election find each other through etcd alone', async () => {
  const prefix = newPrefix();
  await using a = await start('a', prefix);
  await using b = await start('b', prefix);
  await eventually('they are linked', () =>
    a.member.members().members.some(({ contact, linked }) => contact.nodeId === 'b' && linked),
  );
  await eventually('b holds what a published', () => {
    const record = b.member.leader(election)?.sealed.record;
    return record?.kind === 'leader' && record.leader.id === 'a';
  });
});

test('P8: the guard of a real elector follows its leadership, and names the successor', async () => {
  const prefix = newPrefix();
  await using a = await start('a', prefix);
  const door = leaderGuard(a, 'payments');
  await eventually('a leads', () => door.check() === undefined);
  const first = door.leadership();
  assert.ok(first !== undefined);
  assert.equal(first.lineage, 0);
  await using b = await start('b', prefix, [a.address]);
  await eventually('b waits', () => b.election(election).state === 'waiting');
  assert.equal(leaderGuard(b, 'payments').leadership(), undefined);

  await a.election(election).stepDown();
  assert.ok(first.signal.aborted);
  assert.ok(door.check() !== undefined, 'the door is shut with the leadership');
  const next = await eventually('b leads', () => leaderGuard(b, 'payments').leadership());
  assert.ok(next.epoch > first.epoch);
  const refusal = await eventually('a names b', () => {
    const now = door.check({ election, lineage: 0, epoch: first.epoch });
    return now?.retryAfterMs === undefined && now;
  });
  const record = refusal.known?.sealed.record;
  assert.ok(record?.kind === 'leader');
  assert.equal(record.leader.id, 'b');
  assert.equal(record.version.epoch, next.epoch);

  const ledger = fence();
  ledger.admit(first);
  ledger.admit(next);
  assert.throws(() => ledger.admit(first), { code: 'STALE_EPOCH' });
});
