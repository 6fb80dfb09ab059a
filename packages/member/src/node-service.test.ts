/** The node service of real members, asked over gRPC on loopback. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { credentials, status } from '@grpc/grpc-js';
import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { type parseElectionName } from '@herald/core';
import { addNodeService, channelOptions, NodeClient } from '@herald/wire';
import type { GetLeaderRequest, LeaderAnswer, MemberList } from '@herald/wire';
import type { Member } from './member.ts';
import { nodeServiceHandlers } from './node-service.ts';
import type { NodeServiceOptions } from './node-service.ts';
import { leaderRecord, startMember, testCluster, testElection, until } from './testing.ts';

interface AskedMember extends AsyncDisposable {
  readonly member: Member;
  readonly client: NodeClient;
}

async function startAsked(
  name: string,
  options: NodeServiceOptions & { readonly seeds?: readonly Member[] } = {},
): Promise<AskedMember> {
  let member: Member | undefined = undefined;
  const started = await startMember(name, {
    seeds: (options.seeds ?? []).map(({ address }) => address),
    addServices: (server) => {
      addNodeService(
        server,
        nodeServiceHandlers(() => member, options),
      );
    },
  });
  member = started;
  const client = new NodeClient(started.address, credentials.createInsecure(), {
    ...channelOptions.query,
    'grpc.use_local_subchannel_pool': 1,
  });
  const stop = async (): Promise<void> => {
    client.close();
    await started.close();
  };
  return { member: started, client, [Symbol.asyncDispose]: stop };
}

function getLeader(client: NodeClient, request: Partial<GetLeaderRequest>): Promise<LeaderAnswer> {
  return new Promise((resolve, reject) => {
    const full = { election: testElection, minVersion: undefined, ...request };
    client.getLeader(full, (error, answer) => {
      if (error === null && answer !== undefined) resolve(answer);
      else reject(error ?? new Error('no answer'));
    });
  });
}

/** A watch whose answers are collected, and its end. */
function collect(stream: ClientReadableStream<LeaderAnswer>): {
  readonly answers: LeaderAnswer[];
  readonly ended: Promise<ServiceError | undefined>;
} {
  const answers: LeaderAnswer[] = [];
  stream.on('data', (answer: LeaderAnswer) => answers.push(answer));
  const ended = new Promise<ServiceError | undefined>((resolve) => {
    stream.on('error', (error) => {
      resolve(error as ServiceError);
    });
    stream.on('end', () => {
      resolve(undefined);
    });
  });
  return { answers, ended };
}

const watchRequest = { election: testElection, minVersion: undefined, includeRenewals: false };

test('GetLeader says what the member knows, how old it is and for how long it holds', async () => {
  await using asked = await startAsked('node-a');
  assert.equal((await getLeader(asked.client, {})).status, 'unknown');
  asked.member.publish(leaderRecord(7, { validityMs: 60_000 }), 1_000);
  const answer = await getLeader(asked.client, {});
  assert.equal(answer.status, 'current');
  assert.equal(answer.carried?.sealed.record.version.epoch, 7n);
  assert.ok(answer.carried.ageMs >= 1_000 && answer.carried.ageMs < 10_000);
  assert.ok(Math.abs(answer.validForMs - (60_000 - answer.carried.ageMs)) < 0.001);
  assert.equal(answer.nodeId, 'node-a');
  assert.equal(answer.behind, false);
});

test('GetLeader of a caller that knows more: behind, and whom to ask', async () => {
  await using first = await startAsked('node-a');
  await using second = await startAsked('node-b', { seeds: [first.member] });
  await until('both are linked', () => second.member.links().length === 1);
  second.member.publish(leaderRecord(7));
  const { version } = leaderRecord(9);
  const answer = await getLeader(second.client, { minVersion: version });
  assert.equal(answer.behind, true);
  assert.deepEqual(answer.ask, [first.member.address]);
  // A renewal that is on its way is no reason to go elsewhere.
  const renewed = leaderRecord(7, { renewal: 5 }).version;
  assert.equal((await getLeader(second.client, { minVersion: renewed })).behind, false);
});

test('ListMembers lists the member itself and those it knows', async () => {
  await using first = await startAsked('node-a');
  await using second = await startAsked('node-b', { seeds: [first.member] });
  await until('both are linked', () => second.member.links().length === 1);
  const list = await new Promise<MemberList>((resolve, reject) => {
    second.client.listMembers({}, (error, answer) => {
      if (error === null && answer !== undefined) resolve(answer);
      else reject(error ?? new Error('no answer'));
    });
  });
  assert.equal(list.cluster, testCluster);
  assert.deepEqual(
    list.members.map(({ contact, linked, self }) => [contact.nodeId, linked, self]),
    [
      ['node-b', false, true],
      ['node-a', true, false],
    ],
  );
});

test('WatchLeader: the present answer, then each change; renewals for those who want them', async () => {
  await using asked = await startAsked('node-a');
  const plain = collect(asked.client.watchLeader(watchRequest));
  const all = collect(asked.client.watchLeader({ ...watchRequest, includeRenewals: true }));
  await until('the first answers', () => plain.answers.length + all.answers.length === 2);
  assert.equal(plain.answers[0]?.status, 'unknown');
  asked.member.publish(leaderRecord(7));
  await until('the leader', () => all.answers.length === 2);
  asked.member.publish(leaderRecord(7, { renewal: 1 }));
  await until('the renewal', () => all.answers.length === 3);
  asked.member.publish(leaderRecord(9));
  await until('the successor', () => plain.answers.length === 3 && all.answers.length === 4);
  assert.deepEqual(
    plain.answers.slice(1).map(({ carried }) => carried?.sealed.record.version.epoch),
    [7n, 9n],
  );
});

test('P2: WatchLeader of a caller that knows more: behind with each answer until caught up', async () => {
  await using asked = await startAsked('node-a');
  asked.member.publish(leaderRecord(7));
  const { version } = leaderRecord(9);
  const { answers } = collect(asked.client.watchLeader({ ...watchRequest, minVersion: version }));
  await until('the first answer', () => answers.length === 1);
  asked.member.publish(leaderRecord(8));
  await until('the second answer', () => answers.length === 2);
  asked.member.publish(leaderRecord(9));
  await until('the third answer', () => answers.length === 3);
  assert.deepEqual(
    answers.map(({ behind }) => behind),
    [true, true, false],
  );
});

test('a watcher that does not read costs no queue: it gets the newest when it reads on', async () => {
  await using asked = await startAsked('node-a');
  const stream = asked.client.watchLeader({ ...watchRequest, includeRenewals: true });
  stream.on('error', () => undefined);
  const first = await new Promise<LeaderAnswer>((resolve) => stream.once('data', resolve));
  assert.equal(first.status, 'unknown');
  stream.pause();
  const last = 20_000;
  // Large enough for a thousand of them to fill the windows of any Node's HTTP/2 many times over.
  const metadata = Object.fromEntries(['a', 'b', 'c'].map((key) => [key, key.repeat(1_000)]));
  for (let renewal = 0; renewal <= last; renewal++) {
    asked.member.publish(leaderRecord(7, { renewal, metadata }));
    // Lets what can be written be written.
    if (renewal % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const received: number[] = [];
  stream.on('data', ({ carried }: LeaderAnswer) => {
    received.push(carried?.sealed.record.version.renewal ?? -1);
  });
  stream.resume();
  await until('the newest', () => received.at(-1) === last);
  assert.ok(
    received.every((renewal, index) => index === 0 || renewal > (received[index - 1] ?? 0)),
  );
  // What the flow control windows of one stream hold, and not what was published.
  assert.ok(received.length < 1_000, `${String(received.length)} answers`);
  stream.cancel();
});

test('watches are bounded, and a place is free again when one ends', async () => {
  await using asked = await startAsked('node-a', { watchesMax: 2 });
  const open = [0, 1].map(() => asked.client.watchLeader(watchRequest));
  const collected = open.map(collect);
  await until('both watches', () => collected.every(({ answers }) => answers.length === 1));
  const refused = await collect(asked.client.watchLeader(watchRequest)).ended;
  assert.equal(refused?.code, status.RESOURCE_EXHAUSTED);
  assert.match(refused.details, /serves 2 watches already; ask another one/);
  open[0]?.cancel();
  await until('the place', () => asked.member.stats().watchers === 1);
  const again = collect(asked.client.watchLeader(watchRequest));
  await until('the third watch', () => again.answers.length === 1);
  open[1]?.cancel();
});

test('a member that stops ends its watches with UNAVAILABLE', async () => {
  await using asked = await startAsked('node-a');
  const watch = collect(asked.client.watchLeader(watchRequest));
  await until('the watch', () => watch.answers.length === 1);
  const startedMs = performance.now();
  await asked.member.close();
  const error = await watch.ended;
  assert.equal(error?.code, status.UNAVAILABLE);
  assert.match(error.details, /stopping/);
  assert.ok(performance.now() - startedMs < 2_000);
});

test('before the member is there, and for a bad election name, callers get a clear error', async () => {
  const handlers = nodeServiceHandlers(() => undefined);
  const error = await new Promise<Partial<ServiceError> | null>((resolve) => {
    const call = { request: { election: testElection, minVersion: undefined } };
    handlers.getLeader(call as unknown as Parameters<typeof handlers.getLeader>[0], resolve);
  });
  assert.equal(error?.code, status.UNAVAILABLE);
  await using asked = await startAsked('node-a');
  const bad = 'no spaces' as ReturnType<typeof parseElectionName>;
  await assert.rejects(getLeader(asked.client, { election: bad }), (thrown: ServiceError) => {
    // The client's own serialiser refuses it, or the server does; neither guesses.
    assert.ok(
      [status.INVALID_ARGUMENT, status.INTERNAL].includes(thrown.code),
      String(thrown.code),
    );
    assert.match(thrown.message, /election/);
    return true;
  });
});
