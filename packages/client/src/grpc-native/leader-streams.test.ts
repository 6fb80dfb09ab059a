import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metadata, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import {
  deadlineIn,
  leaderAt,
  newStub,
  refusalWith,
  startTicketServer,
  startWorld,
} from '../test-support/tickets.ts';
import type { Ticket, TicketServer, TicketsStub, World } from '../test-support/tickets.ts';
import { leaderChannel } from './leader-channel.ts';
import { followTuning } from './tuning.ts';

interface Pair extends AsyncDisposable {
  readonly world: World;
  readonly stub: TicketsStub;
  readonly old: TicketServer;
  readonly successor: TicketServer;
}

/** The nodes still take `old` for the leader; it knows better. */
async function deposedLeader(): Promise<Pair> {
  const [old, successor] = await Promise.all([startTicketServer('old'), startTicketServer('new')]);
  const world = startWorld();
  world.elect(1, old.address);
  old.refusal = refusalWith(leaderAt(2, successor.address));
  const channel = leaderChannel(world.client);
  const stub = newStub(channel.target, channel.options);
  const close = async (): Promise<void> => {
    stub.close();
    for (const held of [world, old, successor]) await held[Symbol.asyncDispose]();
  };
  return { world, stub, old, successor, [Symbol.asyncDispose]: close };
}

interface Outcome {
  readonly tickets: readonly Ticket[];
  readonly error: ServiceError | undefined;
}

/** What a reader of `stream` gets, and how that ends. */
async function readAll(stream: AsyncIterable<unknown>): Promise<Outcome> {
  const tickets: Ticket[] = [];
  try {
    for await (const ticket of stream) tickets.push(ticket as Ticket);
  } catch (error) {
    return { tickets, error: error as ServiceError };
  }
  return { tickets, error: undefined };
}

const soon = () => ({ deadline: deadlineIn(20_000) });

test('P5: a server stream that is refused before its first message begins at the leader', async () => {
  await using pair = await deposedLeader();
  const stream = pair.stub.listen('news', new Metadata(), soon());
  assert.deepEqual(await readAll(stream), {
    tickets: [{ by: 'new', sent: ['news'] }],
    error: undefined,
  });
  assert.equal(pair.old.seen.length, 1);
});

test('a stream that has delivered something ends with the refusal, which the client hears', async () => {
  await using pair = await deposedLeader();
  pair.old.refusesLate = true;
  const { error, tickets } = await readAll(pair.stub.listen('news', new Metadata(), soon()));
  assert.deepEqual(tickets, [{ by: 'old', sent: ['news'] }]);
  assert.equal(error?.code, status.FAILED_PRECONDITION);
  assert.equal(pair.successor.seen.length, 0);
  assert.equal(pair.world.client.leader?.epoch, 2n);
});

test('P5: a stream both ways takes its messages along', async () => {
  await using pair = await deposedLeader();
  const stream = pair.stub.chat(new Metadata(), soon());
  stream.write('hello');
  assert.deepEqual((await readAll(stream)).tickets, [{ by: 'new', sent: ['hello'] }]);
});

test('P5: a client stream is sent again, in order, as long as all of it is kept', async () => {
  await using pair = await deposedLeader();
  const texts = Array.from({ length: followTuning.replayMessagesMax }, (_, index) => `m${index}`);
  const { error, ticket } = await upload(pair.stub, texts);
  assert.equal(error, null);
  assert.deepEqual(ticket, { by: 'new', sent: texts });
});

test('a client stream longer than what is kept ends with the refusal', async () => {
  await using pair = await deposedLeader();
  const texts = Array<string>(followTuning.replayMessagesMax + 1).fill('m');
  const { error } = await upload(pair.stub, texts);
  assert.equal(error?.code, status.FAILED_PRECONDITION);
  assert.equal(pair.successor.seen.length, 0);
});

async function upload(
  stub: TicketsStub,
  texts: readonly string[],
): Promise<{ readonly error: ServiceError | null; readonly ticket: Ticket | undefined }> {
  return new Promise((resolve) => {
    const stream = stub.batch(new Metadata(), soon(), (error, ticket) => {
      resolve({ error, ticket });
    });
    for (const text of texts) stream.write(text);
    stream.end();
  });
}
