import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { Metadata, status } from '@grpc/grpc-js';
import type { CallOptions, InterceptorOptions, ServiceError } from '@grpc/grpc-js';
import { parseElectionName } from '@herald/core';
import type { LeaderClaim } from '@herald/core';
import { encodeRecord, readCaller } from '@herald/wire';
import { waitFor } from '../test-support/test-node.ts';
import {
  deadlineIn,
  draw,
  leaderAt,
  newStub,
  refusalWith,
  startTicketServer,
  startWorld,
} from '../test-support/tickets.ts';
import type { TicketServer, TicketsStub, World } from '../test-support/tickets.ts';
import { timeLeftMs } from './deadline.ts';
import { leaderChannel, leaderChannelOptions, registerHeraldResolver } from './leader-channel.ts';
import type { LeaderChannelOptions } from './leader-channel.ts';
import { followTuning } from './tuning.ts';

type ServerSurfaceCall = NonNullable<CallOptions['parent']>;

interface Office extends AsyncDisposable {
  readonly world: World;
  readonly stub: TicketsStub;
  readonly a: TicketServer;
  readonly b: TicketServer;
  readonly c: TicketServer;
}

/** Three servers of one service, and a stub that follows their leader. */
async function openOffice(
  options: LeaderChannelOptions & { readonly channel?: Record<string, unknown> } = {},
): Promise<Office> {
  const { channel: more, ...rest } = options;
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => startTicketServer(name)));
  const world = startWorld({ timeoutMs: 300 });
  const channel = leaderChannel(world.client, rest);
  const stub = newStub(channel.target, { ...channel.options, ...more });
  const close = async (): Promise<void> => {
    stub.close();
    for (const held of [world, a!, b!, c!]) await held[Symbol.asyncDispose]();
  };
  return { world, stub, a: a!, b: b!, c: c!, [Symbol.asyncDispose]: close };
}

async function refused(call: Promise<unknown>): Promise<ServiceError> {
  return call.then(
    () => assert.fail('the call was expected to fail'),
    (error: unknown) => error as ServiceError,
  );
}

function reasonOf(error: ServiceError): unknown {
  return error.metadata.get('herald-reason')[0];
}

test('P5: an ordinary stub talks to the leader, whoever that is', async () => {
  await using office = await openOffice();
  const { a, b, c, stub, world } = office;
  for (let epoch = 1; epoch <= 30; epoch++) {
    const leader = [a, b, c][epoch % 3]!;
    world.elect(epoch, leader.address);
    // Nobody asks before the first call does.
    if (epoch > 1) {
      await waitFor(() => world.client.leader?.epoch === BigInt(epoch), 'the client to know');
    }
    const tickets = await Promise.all([draw(stub), draw(stub)]);
    assert.deepEqual(
      tickets.map(({ by }) => by),
      Array<string>(2).fill(['a', 'b', 'c'][epoch % 3]!),
    );
  }
});

test('P5: calls end at the leader while it moves, by the word of its servers and of the nodes', async () => {
  await using office = await openOffice({ waitForReady: true });
  const { a, b, c, stub, world } = office;
  const servers = [a, b, c];
  const moves = 40;
  let epoch = 0;
  let hasLeader = false;
  const leaderOf = (term: number): TicketServer => servers[term % 3]!;
  for (const server of servers) {
    // As a guard does: who does not lead says who does, or that nobody is known yet.
    const get = () => {
      if (!hasLeader) return refusalWith(undefined, 5);
      const leader = leaderOf(epoch);
      return leader === server ? undefined : refusalWith(leaderAt(epoch, leader.address));
    };
    Object.defineProperty(server, 'refusal', { get });
  }
  let served = 0;
  const caller = async (): Promise<void> => {
    while (epoch < moves) {
      await draw(stub);
      served++;
    }
  };
  const callers = [caller(), caller(), caller(), caller()];
  while (epoch < moves) {
    const before = served;
    hasLeader = false;
    if (epoch % 4 === 2) world.resign(epoch);
    await new Promise(setImmediate);
    epoch++;
    hasLeader = true;
    // At every other change the node is behind, and the refusals have to tell.
    if (epoch % 2 === 1) world.elect(epoch, leaderOf(epoch).address);
    await waitFor(() => served > before, 'a call to be served');
  }
  await Promise.all(callers);
  assert.ok(served >= moves);
});

test('each call tells the server what its caller knows', async () => {
  await using office = await openOffice();
  const { a, stub, world } = office;
  world.elect(17, a.address);
  await draw(stub);
  await draw(stub);
  assert.deepEqual(readCaller(a.seen.at(-1)!), { election: 'payments', lineage: 0, epoch: 17n });
});

test('P5: NOT_LEADER with a newer leader is followed, and the client learns from it', async () => {
  await using office = await openOffice();
  const { a, b, stub, world } = office;
  world.elect(1, a.address);
  a.refusal = refusalWith(leaderAt(2, b.address));
  const ticket = await draw(stub, { text: 'mine' });
  assert.deepEqual(ticket, { by: 'b', sent: ['mine'] });
  assert.equal(a.seen.length, 1);
  assert.equal(world.client.leader?.epoch, 2n);
  assert.equal(world.client.leader.source.via, 'refusal');
  assert.equal(world.client.leader.source.endpoint, a.address);
  assert.equal(readCaller(b.seen[0]!)?.epoch, 2n);
});

test('P2: NOT_LEADER with an older leader moves nobody', async () => {
  await using office = await openOffice();
  const { a, b, stub, world } = office;
  world.elect(5, a.address);
  a.refusal = refusalWith(leaderAt(4, b.address));
  const call = draw(stub);
  await waitFor(() => a.seen.length >= 2, 'the call to be repeated at the leader');
  a.refusal = undefined;
  assert.equal((await call).by, 'a');
  assert.equal(b.seen.length, 0);
  assert.equal(world.client.leader?.epoch, 5n);
});

test('P5: a call that was refused while nobody leads goes to the successor', async () => {
  await using office = await openOffice();
  const { a, b, stub, world } = office;
  world.elect(1, a.address);
  a.refusal = refusalWith(undefined, 1_000);
  const call = draw(stub);
  await waitFor(() => a.seen.length === 1, 'the refusal');
  world.resign(1);
  await waitFor(() => world.client.leader?.status === 'vacant', 'the vacancy');
  world.elect(2, b.address);
  assert.equal((await call).by, 'b');
  assert.equal(a.seen.length, 1);
});

test('P5: refusals are followed until the deadline, at the pace of a back-off', async () => {
  await using office = await openOffice();
  const { a, stub, world } = office;
  world.elect(1, a.address);
  await draw(stub);
  a.refusal = refusalWith();
  const startedAtMs = performance.now();
  const error = await refused(draw(stub, { deadline: deadlineIn(1_500) }));
  const tookMs = performance.now() - startedAtMs;
  assert.equal(error.code, status.DEADLINE_EXCEEDED);
  assert.match(error.details, /\(sent (once|\d+ times), refused last with: not the leader/);
  assert.ok(tookMs >= 1_400, `took ${String(tookMs)} ms`);
  assert.ok(a.seen.length <= 1 + followTuning.attemptsMax, `sent ${String(a.seen.length)} times`);
});

test('P5: two servers that point at each other cost a bounded number of calls', async () => {
  await using office = await openOffice();
  const { a, b, stub, world } = office;
  world.elect(1, a.address);
  a.refusal = refusalWith(leaderAt(2, b.address));
  b.refusal = refusalWith(leaderAt(1, a.address));
  const error = await refused(draw(stub, { deadline: deadlineIn(1_000) }));
  assert.equal(error.code, status.DEADLINE_EXCEEDED);
  assert.ok(a.seen.length <= 1);
  assert.ok(b.seen.length <= followTuning.attemptsMax - 1);
});

test('P5: leaders that are always elsewhere end the call with its refusal', async () => {
  await using office = await openOffice();
  const { a, b, stub, world } = office;
  world.elect(1, a.address);
  let epoch = 1;
  const next = (at: TicketServer) => refusalWith(leaderAt(++epoch, at.address));
  for (const [server, other] of [
    [a, b],
    [b, a],
  ] as const) {
    Object.defineProperty(server, 'refusal', { get: () => next(other) });
  }
  const error = await refused(draw(stub));
  assert.equal(error.code, status.FAILED_PRECONDITION);
  assert.match(error.details, /sent 16 times/);
  assert.equal(a.seen.length + b.seen.length, followTuning.attemptsMax);
});

test('while nobody leads calls fail at once and say why, though the old leader is connected', async () => {
  await using office = await openOffice();
  const { a, stub, world } = office;
  world.elect(7, a.address);
  await draw(stub);
  world.resign(7);
  await waitFor(() => world.client.leader?.status === 'vacant', 'the vacancy');
  const error = await refused(draw(stub));
  assert.equal(error.code, status.UNAVAILABLE);
  assert.equal(reasonOf(error), 'NO_LEADER');
  assert.match(error.details, /nobody leads payments since epoch 7 ended/);
  assert.equal(a.seen.length, 1);
});

test('a call that waits for ready waits for the next leader', async () => {
  await using office = await openOffice();
  const { b, stub, world } = office;
  world.resign(7);
  const call = draw(stub, { metadata: new Metadata({ waitForReady: true }) });
  await refused(draw(stub));
  world.elect(8, b.address);
  assert.equal((await call).by, 'b');
});

test('waitForReady of the channel is that of all its calls', async () => {
  await using office = await openOffice({ waitForReady: true });
  const { b, stub, world } = office;
  world.resign(7);
  const call = draw(stub);
  await waitFor(() => world.client.leader?.status === 'vacant', 'the vacancy');
  world.elect(8, b.address);
  assert.equal((await call).by, 'b');
});

test('P4: a leader whose record has expired is not called, unless that is allowed', async () => {
  await using strict = await openOffice();
  strict.world.elect(3, strict.a.address, 1);
  const error = await refused(draw(strict.stub));
  assert.equal(error.code, status.UNAVAILABLE);
  assert.equal(reasonOf(error), 'EXPIRED');
  assert.match(error.details, /epoch 3\) has not been renewed for \d+ ms/);
  await using lenient = await openOffice({ allowExpired: true });
  lenient.world.elect(3, lenient.a.address, 1);
  assert.equal((await draw(lenient.stub)).by, 'a');
});

test('nodes that cannot be reached are UNAVAILABLE, in the words of the client; later they are asked again', async () => {
  await using office = await openOffice();
  const { a, stub, world } = office;
  const node = world.network.at('node:1');
  node.behaviour = 'refuses';
  const error = await refused(draw(stub));
  assert.equal(error.code, status.UNAVAILABLE);
  assert.equal(reasonOf(error), 'UNREACHABLE');
  assert.match(error.details, /no node could be reached .*node:1.*check the seeds/);
  node.behaviour = 'answers';
  world.elect(1, a.address);
  assert.equal((await draw(stub, { metadata: new Metadata({ waitForReady: true }) })).by, 'a');
});

test('a call under way ends where it began, while new ones go to the new leader', async () => {
  await using office = await openOffice();
  const { a, b, stub, world } = office;
  world.elect(1, a.address);
  let open: () => void = () => undefined;
  a.gate = new Promise((resolve) => {
    open = resolve;
  });
  const early = draw(stub);
  await waitFor(() => a.seen.length === 1, 'the call to arrive');
  world.elect(2, b.address);
  await waitFor(() => world.client.leader?.epoch === 2n, 'the client to know');
  assert.equal((await draw(stub)).by, 'b');
  open();
  assert.equal((await early).by, 'a');
});

test('a leader elected anew at an address that failed is dialled at once', async () => {
  const never = 60_000;
  await using office = await openOffice({
    channel: {
      'grpc.initial_reconnect_backoff_ms': never,
      'grpc.max_reconnect_backoff_ms': never,
      'grpc.use_local_subchannel_pool': 1,
    },
  });
  const { a, stub, world } = office;
  world.elect(1, a.address);
  await a[Symbol.asyncDispose]();
  const error = await refused(draw(stub));
  assert.equal(error.code, status.UNAVAILABLE);
  assert.match(error.details, /ECONNREFUSED/);
  await using again = await startTicketServer('a again', a.address);
  assert.equal((await refused(draw(stub))).code, status.UNAVAILABLE);
  world.elect(2, again.address);
  await waitFor(() => world.client.leader?.epoch === 2n, 'the client to know');
  assert.equal(
    (await draw(stub, { metadata: new Metadata({ waitForReady: true }) })).by,
    'a again',
  );
});

test('an address that gRPC cannot call is named', async () => {
  await using office = await openOffice();
  office.world.elect(1, 'somewhere');
  const error = await refused(draw(office.stub));
  assert.equal(error.code, status.UNAVAILABLE);
  assert.match(error.details, /at "somewhere", which is no host:port/);
});

test('a call that is cancelled between two attempts ends at once', async () => {
  await using office = await openOffice();
  const { a, stub, world } = office;
  world.elect(1, a.address);
  a.refusal = refusalWith(undefined, 1_000);
  const ended = new Promise<ServiceError | null>((resolve) => {
    const call = stub.draw('one', new Metadata(), {}, resolve);
    void waitFor(() => a.seen.length === 1, 'the refusal').then(() => {
      setImmediate(() => call.cancel());
    });
  });
  const error = await ended;
  assert.equal(error?.code, status.CANCELLED);
});

test('a call that is part of another ends with it, also between two attempts', async () => {
  await using office = await openOffice();
  const { a, stub, world } = office;
  world.elect(1, a.address);
  a.refusal = refusalWith(undefined, 1_000);
  const parent = Object.assign(new EventEmitter(), {
    cancelled: false,
    getDeadline: () => deadlineIn(20_000),
  });
  const options = { parent: parent as unknown as ServerSurfaceCall };
  const call = refused(draw(stub, options));
  await waitFor(() => world.client.leader !== undefined && a.seen.length === 1, 'the refusal');
  parent.cancelled = true;
  const error = await call;
  assert.equal(error.code, status.CANCELLED);
  assert.equal(a.seen.length, 1);
});

test('the time that a call has is its own, or that of the call it is part of', () => {
  const method_definition = undefined as unknown as InterceptorOptions['method_definition'];
  const parent = { getDeadline: () => deadlineIn(500) } as unknown as ServerSurfaceCall;
  assert.equal(timeLeftMs({ method_definition }), Infinity);
  for (const deadline of [deadlineIn(60_000), new Date(deadlineIn(60_000))]) {
    const leftMs = timeLeftMs({ method_definition, deadline });
    assert.ok(leftMs > 30_000 && leftMs <= 60_000);
    assert.ok(timeLeftMs({ method_definition, deadline, parent }) <= 500);
  }
  assert.equal(timeLeftMs({ method_definition, deadline: deadlineIn(-1) }), 0);
});

test('a closed client is named as what it is', async () => {
  await using office = await openOffice();
  const { a, stub, world } = office;
  world.elect(1, a.address);
  await draw(stub);
  await world.client.close();
  const error = await refused(draw(stub));
  assert.equal(error.code, status.UNAVAILABLE);
  assert.equal(reasonOf(error), 'CLOSED');
});

test('a retry policy of the user works beside the policy of Herald', async () => {
  const methodConfig = [
    {
      name: [{ service: 'tickets.Tickets' }],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: '0.05s',
        maxBackoff: '0.05s',
        backoffMultiplier: 1,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ];
  await using office = await openOffice({ serviceConfig: { methodConfig } });
  const { a, stub, world } = office;
  world.resign(1);
  const call = draw(stub);
  await waitFor(() => world.client.leader !== undefined, 'the client to know');
  world.elect(2, a.address);
  assert.equal((await call).by, 'a');
});

test('a target of another election than the client is refused by the constructor', async () => {
  await using world = startWorld();
  const options = leaderChannelOptions(world.client);
  assert.throws(() => newStub('herald:///invoices', options), {
    code: 'INVALID_ARGUMENT',
    message: /names the election invoices, but the client of this channel follows payments/,
  });
});

test('a target without nodes says how to give them', () => {
  registerHeraldResolver();
  assert.throws(() => newStub('herald:///payments', {}), {
    code: 'INVALID_ARGUMENT',
    message: /names no nodes to ask: write herald:\/\/10\.0\.0\.1:7400\/payments/,
  });
  assert.throws(() => newStub('herald://nowhere/payments', {}), { code: 'INVALID_ARGUMENT' });
  assert.throws(() => leaderChannelOptions('dns:///payments'), {
    code: 'INVALID_ARGUMENT',
    message: /must look like herald:\/\/\/payments/,
  });
  for (const wrong of [{ nodes: ['nowhere'] }, { client: { timeoutMs: 0 } }]) {
    assert.throws(() => registerHeraldResolver(wrong), { code: 'INVALID_ARGUMENT' });
  }
});

test('P2: a client hears what is newer, of its own election', async () => {
  await using world = startWorld();
  const known = () => world.client.leader;
  const hear = (epoch: number, about: Partial<LeaderClaim> = {}) => {
    const sealed = encodeRecord({ ...leaderAt(epoch, 'a:1'), ...about });
    const carried = { sealed, ageMs: 10, hops: 1 };
    world.client.hear({ carried, endpoint: 'b:1', roundTripMs: 5 });
  };
  hear(9, { election: parseElectionName('invoices') });
  assert.equal(known(), undefined);
  hear(5);
  hear(4);
  assert.equal(known()?.epoch, 5n);
  assert.ok(known()!.ageMs >= 12.5);
  await world.client.close();
  hear(6);
  assert.equal(known()?.epoch, 5n);
});
