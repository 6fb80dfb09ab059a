/** Lookups against real servers on loopback: which way they take, and what becomes of each question. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { credentials, Server, status } from '@grpc/grpc-js';
import { parseElectionName } from '@herald/core';
import { channelOptions, NodeClient, nodeService } from '@herald/wire';
import type { IncomingLookup, LookupRequest } from '@herald/wire';
import { claim, election, failureOf } from '../test-support/fixture.ts';
import { answerOf, serve, startNode, waitFor } from '../test-support/test-node.ts';
import type { LookupCall, TestNode } from '../test-support/test-node.ts';
import { clientLimits, lookupStreamTuning } from '../tuning.ts';
import { ChannelPool } from './channel-pool.ts';
import { Lookups } from './lookups.ts';

const request = { election, minVersion: undefined };
const never = { signal: new AbortController().signal };

interface Asked extends AsyncDisposable {
  readonly node: TestNode;
  /** Unary calls that the node answered, with leader 1. */
  readonly calls: () => number;
  /** Streams that were opened to it, in order. */
  readonly streams: readonly LookupCall[];
  /** Of these, how many are over. */
  readonly ended: () => number;
  readonly lookups: Lookups;
  ask(signal?: AbortSignal): Promise<bigint | undefined>;
}

/** A node that does with streams what `onStream` does, and was asked once, so that streams are due. */
async function startAsked(onStream: (call: LookupCall) => void): Promise<Asked> {
  let calls = 0;
  let ended = 0;
  const streams: LookupCall[] = [];
  const node = await startNode({
    getLeader: (_call, callback) => {
      calls++;
      callback(null, answerOf(claim(1)));
    },
    lookup: (call) => {
      streams.push(call);
      call.on('cancelled', () => ended++);
      onStream(call);
    },
  });
  const { lookups, stop } = openLookups();
  const ask = async (signal?: AbortSignal): Promise<bigint | undefined> => {
    const call = signal === undefined ? never : { signal };
    const answer = await lookups.ask(node.address, request, call);
    return answer.carried?.sealed.record.version.epoch;
  };
  assert.equal(await ask(), 1n);
  calls = 0;
  const dispose = async (): Promise<void> => {
    stop();
    await node[Symbol.asyncDispose]();
  };
  return {
    ...{ node, streams, lookups, ask },
    calls: () => calls,
    ended: () => ended,
    [Symbol.asyncDispose]: dispose,
  };
}

function openLookups(): { readonly lookups: Lookups; readonly stop: () => void } {
  const options = { ...channelOptions.query, 'grpc.use_local_subchannel_pool': 1 };
  const plain = credentials.createInsecure();
  const pool = new ChannelPool(
    () => plain,
    (address, channel) => new NodeClient(address, channel, options),
  );
  const lookups = new Lookups(pool);
  const stop = (): void => {
    lookups.close();
    pool.close();
  };
  return { lookups, stop };
}

/** Calls `onQuestion` for each question of the stream. */
function onQuestions(call: LookupCall, onQuestion: (question: LookupRequest) => void): void {
  call.on('data', (arrived: IncomingLookup) => {
    assert.ok(arrived.kind === 'question');
    onQuestion(arrived);
  });
  // The client's cancel arrives as one.
  call.on('error', () => undefined);
}

function answering(call: LookupCall): void {
  onQuestions(call, ({ id }) => call.write({ kind: 'answer', id, answer: answerOf(claim(2)) }));
}

test('a question alone is a call; those that follow soon share one stream', async () => {
  await using asked = await startAsked(answering);
  for (let question = 0; question < 5; question++) assert.equal(await asked.ask(), 2n);
  assert.equal(asked.streams.length, 1);
  assert.equal(asked.calls(), 0);
});

test('each question gets its own answer, in whatever order answers come', async () => {
  const count = clientLimits.lookupsPerStreamMax;
  const waiting: LookupRequest[] = [];
  await using asked = await startAsked((call) => {
    onQuestions(call, (question) => {
      waiting.push(question);
      if (waiting.length < count) return;
      // The last first, then every other one.
      const order = [...waiting.reverse()].sort((a, b) => (a.id % 2) - (b.id % 2));
      for (const { id, question } of order) {
        const epoch = Number(question.election.slice(1));
        call.write({ kind: 'answer', id, answer: answerOf(claim(epoch)) });
      }
    });
  });
  // The stream's first answer is in this batch, too. Turns in between, so that writes are not blocked.
  const answers: Promise<bigint | undefined>[] = [];
  for (let index = 0; index < count; index++) {
    const named = { ...request, election: parseElectionName(`e${String(100 + index)}`) };
    answers.push(
      asked.lookups
        .ask(asked.node.address, named, never)
        .then(({ carried }) => carried?.sealed.record.version.epoch),
    );
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(
    await Promise.all(answers),
    Array.from({ length: count }, (_, index) => BigInt(100 + index)),
  );
  assert.equal(asked.calls(), 0);
  assert.equal(asked.streams.length, 1);
});

test('questions that a node leaves unanswered are bounded; what comes beyond is asked by calls', async () => {
  let arrived = 0;
  await using asked = await startAsked((call) => {
    onQuestions(call, ({ id }) => {
      if (arrived++ === 0) call.write({ kind: 'answer', id, answer: answerOf(claim(2)) });
    });
  });
  assert.equal(await asked.ask(), 2n);
  const giveUp = new AbortController();
  const unanswered: Promise<unknown>[] = [];
  while (asked.calls() === 0 && unanswered.length < 1_000) {
    unanswered.push(failureOf(asked.ask(giveUp.signal)).catch((error: unknown) => error));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.ok(asked.calls() > 0, 'calls take over');
  await waitFor(() => arrived > 1, 'questions to arrive');
  giveUp.abort();
  await Promise.all(unanswered);
  assert.ok(arrived <= 1 + clientLimits.lookupsPerStreamMax, String(arrived));
  // Those that were given up still have their places: the node owes their answers.
  assert.equal(await asked.ask(), 1n);
});

test('a question that was given up is forgotten, and its late answer is dropped', async () => {
  const late: (() => void)[] = [];
  let arrived = 0;
  await using asked = await startAsked((call) => {
    onQuestions(call, ({ id }) => {
      const epoch = ++arrived * 10;
      const answer = (): void =>
        void call.write({ kind: 'answer', id, answer: answerOf(claim(epoch)) });
      if (arrived === 2) late.push(answer);
      else answer();
    });
  });
  assert.equal(await asked.ask(), 10n);
  const giveUp = new AbortController();
  const slow = failureOf(asked.ask(giveUp.signal));
  await waitFor(() => arrived === 2, 'the slow question to arrive');
  giveUp.abort();
  assert.equal((await slow).code, 'UNREACHABLE');
  const next = asked.ask();
  await waitFor(() => arrived === 3, 'the next question to arrive');
  late[0]?.();
  assert.equal(await next, 30n);
  assert.equal(await asked.ask(), 40n);
  assert.equal(asked.streams.length, 1);
});

test('a signal that has aborted asks nothing', async () => {
  await using asked = await startAsked(answering);
  await asked.ask();
  await assert.rejects(asked.ask(AbortSignal.abort()));
  assert.equal(asked.calls(), 0);
});

test('a stream that breaks fails its open questions as calls would fail, and is opened anew', async () => {
  let serving = false;
  await using asked = await startAsked((call) => {
    if (serving) answering(call);
  });
  for (const [end, code, message] of [
    [{ code: status.UNAVAILABLE, details: 'bye' }, 'UNREACHABLE', /^UNAVAILABLE: bye$/],
    [{ code: status.INTERNAL, details: 'oops' }, 'UNREACHABLE', /^INTERNAL: oops$/],
    [{ code: status.PERMISSION_DENIED, details: 'no' }, 'REJECTED', /^PERMISSION_DENIED: no$/],
    [undefined, 'UNREACHABLE', /ended the stream/],
  ] as const) {
    const count = asked.streams.length;
    const failures = [1, 2, 3].map(() => failureOf(asked.ask()));
    await waitFor(() => asked.streams.length === count + 1, 'the stream');
    const stream = asked.streams.at(-1);
    if (end === undefined) stream?.end();
    else stream?.emit('error', end);
    for (const failure of await Promise.all(failures)) {
      assert.equal(failure.code, code);
      assert.match(failure.message, message);
    }
  }
  serving = true;
  assert.equal(await asked.ask(), 2n);
  assert.equal(asked.calls(), 0);
});

test('a node that dies with questions open: UNREACHABLE', async () => {
  await using asked = await startAsked(() => undefined);
  const failure = failureOf(asked.ask());
  await waitFor(() => asked.streams.length === 1, 'the stream');
  asked.node.server.forceShutdown();
  assert.equal((await failure).code, 'UNREACHABLE');
});

test('a node that serves no stream now is asked by calls, and so for a while', async () => {
  for (const code of [status.UNIMPLEMENTED, status.RESOURCE_EXHAUSTED]) {
    await using asked = await startAsked((call) => {
      call.emit('error', { code, details: 'not here' });
    });
    const answers = await Promise.all([asked.ask(), asked.ask()]);
    assert.deepEqual(answers, [1n, 1n]);
    assert.equal(await asked.ask(), 1n);
    assert.equal(asked.calls(), 3);
    assert.equal(asked.streams.length, 1);
  }
});

test('a node of before there were streams is asked by calls', async () => {
  const { lookup: _unknown, ...older } = nodeService;
  const server = new Server(channelOptions.server);
  let calls = 0;
  server.addService(older, {
    getLeader: (_call: unknown, callback: (error: null, answer: unknown) => void) => {
      calls++;
      callback(null, answerOf(claim(1)));
    },
    watchLeader: (call: LookupCall) => call.end(),
    listMembers: (call: LookupCall) => call.end(),
  });
  const address = await serve(server);
  const { lookups, stop } = openLookups();
  for (let question = 1; question <= 3; question++) {
    const answer = await lookups.ask(address, request, never);
    assert.equal(answer.carried?.sealed.record.version.epoch, 1n);
    assert.equal(calls, question);
  }
  stop();
  server.forceShutdown();
});

test('a stream that never brought an answer is given up with its question, and calls take over', async () => {
  await using asked = await startAsked(() => undefined);
  const giveUp = new AbortController();
  const first = failureOf(asked.ask(giveUp.signal));
  const second = asked.ask();
  await waitFor(() => asked.streams.length === 1, 'the stream');
  giveUp.abort();
  assert.equal((await first).code, 'UNREACHABLE');
  assert.equal(await second, 1n);
  assert.equal(await asked.ask(), 1n);
  assert.equal(asked.streams.length, 1);
  await waitFor(() => asked.ended() === 1, 'the stream to be cancelled at the node');
});

test('a question that is refused fails as the call would, and the stream goes on', async () => {
  let arrived = 0;
  await using asked = await startAsked((call) => {
    onQuestions(call, ({ id }) => {
      if (arrived++ === 0) call.write({ kind: 'refused', id, reason: 'question: is none' });
      else call.write({ kind: 'answer', id, answer: answerOf(claim(2)) });
    });
  });
  const failure = await failureOf(asked.ask());
  assert.equal(failure.code, 'REJECTED');
  assert.equal(failure.message, 'INVALID_ARGUMENT: question: is none');
  assert.equal(await asked.ask(), 2n);
  assert.equal(asked.streams.length, 1);
});

test('a stream that nobody uses is closed; the next question is a call again', async () => {
  await using asked = await startAsked(answering);
  await asked.ask();
  const askedAtMs = performance.now();
  await waitFor(() => asked.ended() === 1, 'the stream to be closed');
  assert.ok(performance.now() - askedAtMs >= lookupStreamTuning.standMs - 50);
  assert.equal(await asked.ask(), 1n);
  assert.equal(await asked.ask(), 2n);
  assert.equal(asked.streams.length, 2);
});

test('closing fails what is open, and later questions', async () => {
  await using asked = await startAsked(() => undefined);
  const failure = failureOf(asked.ask());
  await waitFor(() => asked.streams.length === 1, 'the stream');
  await asked[Symbol.asyncDispose]();
  assert.equal((await failure).code, 'CLOSED');
  assert.equal((await failureOf(asked.ask())).code, 'CLOSED');
});

test('a program that forgets to close its client ends soon after its last question', async () => {
  await using node = await startNode();
  const program = `
    import { createClient } from ${JSON.stringify(import.meta.resolve('../index.js'))};
    const client = createClient({ insecure: true, seeds: [${JSON.stringify(node.address)}], election: 'payments', cacheMs: 0 });
    for (let call = 0; call < 3; call++) await client.getLeader();
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: 'inherit',
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    timeout: 20_000,
  });
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
