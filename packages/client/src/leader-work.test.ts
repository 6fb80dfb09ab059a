import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '@herald/core';
import type { LeaderRecord } from '@herald/core';
import type { ClientOptions } from './client-options.ts';
import { HeraldClientError } from './errors.ts';
import { NotLeaderError } from './not-leader-error.ts';
import type { LeaderResult } from './results.ts';
import { claim, electorOf, failureOf, fixture, vacancy } from './test-support/fixture.ts';
import type { Fixture } from './test-support/fixture.ts';
import { clientLimits } from './tuning.ts';
import type { WorkContext } from './work-run.ts';

const seeds = ['a:1', 'b:1', 'c:1'];

/** A client of a tier whose members are the electors of all leaders in these tests. */
function start(options: Partial<ClientOptions> = {}): Fixture {
  const f = fixture(options);
  f.network.electors = Array.from({ length: 80 }, (_, epoch) => parseAddress(electorOf(epoch)));
  return f;
}

function hold(f: Fixture, record: LeaderRecord, age = 0): void {
  for (const seed of seeds) f.network.at(seed).hold(record, age);
}

/** A refusal that carries `record`. */
function refusal(record: LeaderRecord): NotLeaderError {
  const sealed = { record, bytes: new Uint8Array(), keyId: '', signature: new Uint8Array() };
  return new NotLeaderError('not here', { known: { sealed, ageMs: 0, hops: 0 } });
}

function refused(port = 80): Error {
  return Object.assign(new Error(`connect ECONNREFUSED 10.0.0.7:${String(port)}`), {
    code: 'ECONNREFUSED',
    syscall: 'connect',
  });
}

function reset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
}

/** Resolves when `signal` aborts, and throws what it aborted with. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}

test('work is done at the leader, with a signal and what its guard wants to know', async () => {
  await using f = start();
  hold(f, claim(7));
  const done = await f.client.withLeader(async (leader, { attempt, headers, signal }) => ({
    leader,
    attempt,
    headers,
    isAborted: signal.aborted,
  }));
  assert.equal(done.leader.address, 'leader-7:80');
  assert.equal(done.attempt, 1);
  assert.equal(done.isAborted, false);
  assert.deepEqual(
    done.leader.attempts.map(({ what }) => what),
    ['lookup'],
    'how the leader was found, and nothing of what came later',
  );
  assert.deepEqual(done.headers, {
    'herald-election': 'payments',
    'herald-lineage': '0',
    'herald-epoch': '7',
  });
  assert.equal(f.client.stats().runs, 1);
  assert.equal(f.client.stats().repeats, 0);
  await f.clock.advance(1);
  assert.equal(f.clock.pendingTimers, 0);
});

test('what the work throws for a reason of its own is rethrown as it is, also when thrown at once', async () => {
  await using f = start();
  hold(f, claim(7));
  const own = new RangeError('no funds');
  for (const idempotent of [false, true]) {
    await assert.rejects(
      f.client.withLeader(
        () => {
          throw own;
        },
        { idempotent },
      ),
      (error) => error === own,
    );
  }
  assert.equal(f.client.stats().runs, 2);
});

test('a refusal with a newer record is followed forward at once, as a redirect', async () => {
  await using f = start();
  hold(f, claim(7));
  const visited: string[] = [];
  const epoch = await f.client.withLeader(async (leader) => {
    visited.push(leader.address);
    if (leader.epoch === 7n) throw refusal(claim(9));
    return leader.epoch;
  });
  assert.equal(epoch, 9n);
  assert.deepEqual(visited, ['leader-7:80', 'leader-9:80']);
  assert.equal(f.clock.nowMs(), 0);
  assert.equal(f.client.stats().redirects, 1);
  assert.equal(f.client.leader?.source.via, 'refusal');
});

test('a refusal with an equal or older hint, or none: back-off, other nodes, NOT_LEADER in the end', async () => {
  const hints = [
    refusal(claim(7)),
    refusal(claim(7, { renewal: 9, validityMs: 60_000 })),
    refusal(claim(5)),
  ];
  for (const hint of [...hints, new NotLeaderError()]) {
    await using f = start();
    hold(f, claim(7, { validityMs: 60_000 }));
    let runs = 0;
    const call = failureOf(
      f.client.withLeader(
        async () => {
          runs++;
          throw hint;
        },
        { timeoutMs: 3_000 },
      ),
    );
    await f.clock.advance(3_000);
    const error = await call;
    assert.equal(error.code, 'NOT_LEADER');
    assert.equal(error.cause, hint);
    assert.equal(error.redirects, 0);
    assert.equal(error.mayHaveRun, false);
    assert.match(error.message, /leader-7:80 is known as the leader of payments, but refuses/);
    assert.ok(runs > 3 && runs < 60, `${String(runs)} runs in 3 s`);
    assert.ok(
      error.attempts.some(({ outcome, what }) => what === 'work' && outcome === 'not-leading'),
    );
  }
});

test('a refusal that asks to come back later is heard, as far as the longest back-off', async () => {
  await using f = start({ backoffBaseMs: 20, backoffCapMs: 500 });
  hold(f, claim(7, { validityMs: 60_000 }));
  const atMs: number[] = [];
  const call = f.client.withLeader(async () => {
    atMs.push(f.clock.nowMs());
    if (atMs.length === 1) throw new NotLeaderError('later', { retryAfterMs: 300 });
    return 'done';
  });
  await f.clock.advance(600);
  assert.equal(await call, 'done');
  assert.ok((atMs[1] ?? 0) >= 300, `came back after ${String(atMs[1])} ms`);
});

test('a refusal that only names an epoch makes the client ask for it, and is not believed', async () => {
  await using f = start({ seeds: ['a:1'] });
  f.network.at('a:1').hold(claim(7, { validityMs: 60_000 }));
  const refuse = new NotLeaderError('not here', { epoch: 1_000_000n });
  const call = f.client.withLeader(async ({ epoch }) => {
    if (epoch === 7n) throw refuse;
    return epoch;
  });
  await f.clock.advance(200);
  const asked = f.network.questions.findLast(({ what }) => what === 'lookup')?.version?.epoch;
  assert.equal(asked, 1_000_000n);
  f.network.at('a:1').hold(claim(9));
  await f.clock.advance(1_100);
  assert.equal(await call, 9n, 'a leader below the epoch that was named is a leader');
});

test('P5: leaders that point at each other forward are followed five times at once, then paced', async () => {
  await using f = start();
  hold(f, claim(1));
  let runs = 0;
  const call = failureOf(
    f.client.withLeader(
      async ({ epoch }) => {
        runs++;
        throw refusal(claim(Number(epoch) + 1));
      },
      { timeoutMs: 2_000 },
    ),
  );
  await f.clock.advance(0);
  assert.equal(runs, clientLimits.redirectsMax + 1);
  await f.clock.advance(2_000);
  const error = await call;
  assert.equal(error.code, 'NOT_LEADER');
  assert.equal(error.redirects, clientLimits.redirectsMax);
  assert.ok(runs < 60, `${String(runs)} runs in 2 s`);
});

test('P5: two leaders that redirect to each other: a typed error, without a loop', async () => {
  await using f = start();
  hold(f, claim(9, { validityMs: 60_000 }));
  const call = failureOf(
    f.client.withLeader(
      async () => {
        throw refusal(claim(8));
      },
      { timeoutMs: 2_000 },
    ),
  );
  await f.clock.advance(2_000);
  assert.equal((await call).code, 'NOT_LEADER');
  assert.equal((await call).redirects, 0);
  assert.equal(f.client.leader?.epoch, 9n);
});

test('nobody is there: what was never sent is repeated, idempotent or not, at the successor', async () => {
  await using f = start();
  hold(f, claim(7));
  const call = f.client.withLeader(async ({ epoch }) => {
    if (epoch === 7n) throw refused();
    return epoch;
  });
  await f.clock.advance(400);
  hold(f, vacancy(7));
  await f.clock.advance(400);
  hold(f, claim(9));
  await f.clock.advance(600);
  assert.equal(await call, 9n);
  assert.ok(f.client.stats().repeats > 1);
});

test('nobody is there until the deadline: UNREACHABLE with the cause, and nothing has run', async () => {
  await using f = start();
  hold(f, claim(7, { validityMs: 60_000 }));
  const cause = refused();
  const call = failureOf(
    f.client.withLeader(async () => Promise.reject(cause), { timeoutMs: 1_000, idempotent: true }),
  );
  await f.clock.advance(1_000);
  const error = await call;
  assert.equal(error.code, 'UNREACHABLE');
  assert.equal(error.cause, cause);
  assert.equal(error.mayHaveRun, false);
  assert.match(error.message, /leader-7:80 \(unreachable\).*ECONNREFUSED/);
});

test('a connection lost during the work: UNREACHABLE at once, unless it is idempotent', async () => {
  await using f = start();
  hold(f, claim(7));
  const cause = reset();
  const error = await failureOf(f.client.withLeader(async () => Promise.reject(cause)));
  assert.equal(error.code, 'UNREACHABLE');
  assert.equal(error.cause, cause);
  assert.equal(error.mayHaveRun, true);
  assert.match(error.message, /may have run and is not declared idempotent/);
  assert.equal(f.client.stats().runs, 1);

  const call = f.client.withLeader(
    async (_leader, { attempt }) => (attempt < 3 ? Promise.reject(reset()) : attempt),
    { idempotent: true },
  );
  await f.clock.advance(1_000);
  assert.equal(await call, 3);
});

test('idempotent work that may have run says so when it fails in the end', async () => {
  await using f = start();
  hold(f, claim(7, { validityMs: 60_000 }));
  const call = failureOf(
    f.client.withLeader(
      async (_leader, { attempt }) => Promise.reject(attempt === 1 ? reset() : refused()),
      { idempotent: true, timeoutMs: 500 },
    ),
  );
  await f.clock.advance(500);
  assert.equal((await call).mayHaveRun, true);
});

/** Work at leader 7 while leader 9 becomes known, by a watch that the call itself opens. */
async function overtake(
  f: Fixture,
  work: (leader: LeaderResult, context: WorkContext) => Promise<string>,
  idempotent: boolean,
  successor: LeaderRecord = claim(9),
): Promise<string> {
  hold(f, claim(7, { validityMs: 60_000 }));
  const call = f.client.withLeader(work, { idempotent });
  call.catch(() => undefined);
  await f.clock.advance(1_000);
  hold(f, successor);
  await f.clock.advance(100);
  return call;
}

test('a newer epoch aborts the signal: idempotent work is repeated there, other work is ABORTED', async () => {
  const work = async ({ epoch }: LeaderResult, { signal }: WorkContext): Promise<string> =>
    epoch === 7n ? untilAborted(signal) : `done at ${String(epoch)}`;
  {
    await using f = start();
    assert.equal(await overtake(f, work, true), 'done at 9');
  }
  {
    await using f = start();
    const error = await failureOf(overtake(f, work, false));
    assert.equal(error.code, 'ABORTED');
    assert.equal(error.mayHaveRun, true);
    assert.match(error.message, /leader-7:80 \(epoch 7\) was overtaken during the work/);
    assert.match(String(error.cause), /was overtaken by epoch 9/);
  }
});

test('a resignation aborts the signal; a renewal and another address do not', async () => {
  const work = async (_leader: LeaderResult, { signal }: WorkContext): Promise<string> =>
    untilAborted(signal);
  {
    await using f = start();
    const error = await failureOf(overtake(f, work, false, vacancy(7)));
    assert.equal(error.code, 'ABORTED');
    assert.match(String(error.cause), /has resigned/);
  }
  for (const successor of [claim(7, { renewal: 1 }), claim(7, { sequence: 8 })]) {
    await using f = start();
    const seen: boolean[] = [];
    const slow = async (_leader: LeaderResult, { signal }: WorkContext): Promise<string> => {
      await new Promise<void>((resolve) => void f.clock.startTimer(1_050, resolve));
      seen.push(signal.aborted);
      return 'done';
    };
    assert.equal(await overtake(f, slow, false, successor), 'done');
    assert.deepEqual(seen, [false]);
  }
});

test('what an overtaken leader has acknowledged is done, and what it threw itself is its own', async () => {
  const own = new RangeError('no funds');
  for (const end of ['returns', 'throws'] as const) {
    await using f = start();
    const work = async (_leader: LeaderResult, { signal }: WorkContext): Promise<string> => {
      await untilAborted(signal).catch(() => undefined);
      if (end === 'throws') throw own;
      return 'acknowledged';
    };
    const call = overtake(f, work, true);
    if (end === 'returns') assert.equal(await call, 'acknowledged');
    else await assert.rejects(call, (error) => error === own);
    assert.equal(f.client.stats().runs, 1);
  }
});

test('an AbortError of the work counts as ours only when its signal aborted', async () => {
  await using f = start();
  hold(f, claim(7));
  const own = new DOMException('my own signal', 'AbortError');
  await assert.rejects(
    f.client.withLeader(async () => Promise.reject(own), { idempotent: true }),
    (error) => error === own,
  );
});

test('P5: work that does not end does not keep the call: DEADLINE_EXCEEDED, and the signal aborts', async () => {
  await using f = start();
  hold(f, claim(7));
  const signals: AbortSignal[] = [];
  const call = failureOf(
    f.client.withLeader(
      async (_leader, context) => {
        signals.push(context.signal);
        return new Promise<never>(() => undefined);
      },
      { timeoutMs: 700 },
    ),
  );
  await f.clock.advance(699);
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [false],
  );
  await f.clock.advance(1);
  const error = await call;
  assert.equal(error.code, 'DEADLINE_EXCEEDED');
  assert.equal(error.mayHaveRun, true);
  assert.match(error.message, /the work at the leader of payments at leader-7:80 did not end/);
  assert.equal(signals[0]?.aborted, true);
  assert.equal(HeraldClientError.from(signals[0].reason).code, 'DEADLINE_EXCEEDED');
});

test('the caller’s signal and close end the call and abort the work’s signal', async () => {
  const f = start();
  hold(f, claim(7));
  const signals: AbortSignal[] = [];
  const work = async (_leader: LeaderResult, { signal }: WorkContext): Promise<never> => {
    signals.push(signal);
    return new Promise<never>(() => undefined);
  };
  const controller = new AbortController();
  const aborted = failureOf(f.client.withLeader(work, { signal: controller.signal }));
  const closed = failureOf(f.client.withLeader(work));
  await f.clock.advance(10);
  const reason = new Error('enough');
  controller.abort(reason);
  assert.equal((await aborted).code, 'ABORTED');
  assert.equal((await aborted).cause, reason);
  assert.equal((await aborted).mayHaveRun, true);
  assert.equal(signals[0]?.reason, reason);
  await f.client.close();
  assert.equal((await closed).code, 'CLOSED');
  assert.ok(signals.every(({ aborted }) => aborted));
  assert.equal(f.clock.pendingTimers, 0);
  const late = await failureOf(f.client.withLeader(async () => 'never'));
  assert.equal(late.code, 'CLOSED');
});

test('a signal that is asked for after it was to abort is aborted', async () => {
  await using f = start();
  const work = async (leader: LeaderResult, context: WorkContext): Promise<string> => {
    if (leader.epoch === 9n) return 'done at 9';
    await new Promise<void>((resolve) => void f.clock.startTimer(1_050, resolve));
    context.signal.throwIfAborted();
    return 'not aborted';
  };
  assert.equal(await overtake(f, work, true), 'done at 9');
});

test('verify: the elector is asked before each run', async () => {
  await using f = start();
  hold(f, claim(7, { validityMs: 60_000 }));
  f.network.at(electorOf(7)).hold(claim(7));
  f.network.at(electorOf(7)).leadsUntilMs = 60_000;
  let runs = 0;
  const call = f.client.withLeader(
    async ({ verified }) => {
      assert.equal(verified, true);
      if (++runs === 1) throw new NotLeaderError();
      return 'done';
    },
    { verify: true },
  );
  await f.clock.advance(600);
  assert.equal(await call, 'done');
  assert.equal(f.client.stats().confirms, 2);
});

test('no leader: NO_LEADER at the deadline, and the work is never run', async () => {
  await using f = start();
  hold(f, vacancy(7));
  const call = failureOf(
    f.client.withLeader(async () => assert.fail('there is no leader'), { timeoutMs: 500 }),
  );
  await f.clock.advance(500);
  assert.equal((await call).code, 'NO_LEADER');
  assert.equal((await call).mayHaveRun, false);
});
