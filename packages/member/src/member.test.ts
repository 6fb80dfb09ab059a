import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { describe, it } from 'node:test';
import { credentials } from '@grpc/grpc-js';
import {
  compareVersions,
  parseAddress,
  parseClusterName,
  parseNodeId,
  protocolVersions,
} from '@herald/core';
import type { Frame, HeldRecord, Version } from '@herald/core';
import { GossipClient, channelOptions } from '@herald/wire';
import type { IncomingFrame, LeaderAnswer } from '@herald/wire';
import { MemberError } from './errors.ts';
import type { Member } from './member.ts';
import { leaderRecord, startMember, testCluster, testElection, until } from './testing.ts';

function epochOf(member: Member): bigint | undefined {
  return member.leader(testElection)?.sealed.record.version.epoch;
}

async function closing<T>(members: Member[], body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } finally {
    await Promise.all(members.map((member) => member.close()));
  }
}

/** Stands before a port on loopback, so that its connections can be broken. */
async function relayTo(target: number): Promise<{
  readonly port: number;
  readonly sockets: Socket[];
  readonly close: () => void;
}> {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.pipe(far).pipe(near);
    sockets.push(near, far);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port, sockets, close };
}

function helloFrom(name: string): Frame {
  const address = parseAddress('127.0.0.1:9');
  return {
    kind: 'hello',
    cluster: testCluster,
    protocolMin: protocolVersions.min,
    protocolMax: protocolVersions.max,
    member: { nodeId: parseNodeId(name), generation: 1, address, role: 'node' },
    probe: false,
  };
}

describe('a member over gRPC', () => {
  it('links to its seed, takes a record with age and hops, and answers for it', async () => {
    const a = await startMember('a');
    const b = await startMember('b', { seeds: [a.address] });
    await closing([a, b], async () => {
      await until('linked', () => a.links().length === 1 && b.links().length === 1);
      assert.equal(a.publish(leaderRecord(5, { validityMs: 60_000 }), 100), true);
      await until('spread', () => epochOf(b) === 5n);
      const answer = b.answer(testElection);
      assert.equal(answer.status, 'current');
      assert.equal(answer.carried?.hops, 1);
      assert.ok(answer.carried.ageMs >= 100, 'the age at issue is carried along');
      assert.ok(answer.validForMs <= 59_900);
      assert.ok((b.links()[0]?.roundTripMs ?? 0) > 0, 'the round trip was measured');
    });
  });

  it('P2: takes nothing older, and says so to the publisher', async () => {
    const a = await startMember('a');
    await closing([a], async () => {
      assert.equal(a.publish(leaderRecord(5)), true);
      assert.equal(a.publish(leaderRecord(5)), false);
      assert.equal(a.publish(leaderRecord(4)), false);
      assert.equal(a.publish(leaderRecord(5, { renewal: 1 })), true);
      assert.equal(epochOf(a), 5n);
      await Promise.resolve();
    });
  });

  it('a late joiner learns what the others hold', async () => {
    const a = await startMember('a');
    a.publish(leaderRecord(9));
    const b = await startMember('b', { seeds: [a.address] });
    await closing([a, b], () => until('learnt', () => epochOf(b) === 9n));
  });

  it('P2, P3: forty members converge on every change, forward only', async () => {
    const seen = new Map<string, Version>();
    let backwards = 0;
    const observe = (name: string) => (held: HeldRecord) => {
      const { version } = held.sealed.record;
      const before = seen.get(name);
      if (before !== undefined && compareVersions(version, before) <= 0) backwards++;
      seen.set(name, version);
    };
    const members: Member[] = [];
    await closing(members, async () => {
      for (let index = 0; index < 40; index++) {
        const name = `m${index}`;
        const seeds = members.slice(0, 3).map((member) => member.address);
        members.push(await startMember(name, { seeds, observer: { applied: observe(name) } }));
      }
      await until('everyone has links', () =>
        members.every((member) => member.links().length >= 2),
      );
      for (let epoch = 10; epoch <= 60; epoch += 10) {
        for (const member of members.slice(0, 3)) {
          member.publish(leaderRecord(epoch, { issuer: member.nodeId }));
        }
        await until(`epoch ${epoch} everywhere`, () =>
          members.every((member) => epochOf(member) === BigInt(epoch)),
        );
        members[0]?.publish(leaderRecord(epoch, { renewal: 1, issuer: 'm0' }));
      }
      assert.equal(backwards, 0);
      const inbound = members.map((member) => member.stats().links.inbound);
      assert.ok(Math.max(...inbound) <= 16, 'accepts are bounded');
    });
  });

  it('finds new links when its peers die, and is isolated while it has none', async () => {
    const a = await startMember('a');
    const b = await startMember('b', { seeds: [a.address] });
    const c = await startMember('c', { seeds: [a.address] });
    await closing([a, b, c], async () => {
      await until(
        'b and c know each other',
        () => b.links().length === 2 && c.links().length === 2,
      );
      await a.close();
      await until('b and c stay linked', () => b.links().length === 1 && c.links().length === 1);
      await c.close();
      await until('b is isolated', () => b.isIsolated());
      const a2 = await startMember('a2', { listen: { host: '127.0.0.1', port: a.listening.port } });
      await closing([a2], () =>
        until('b is back', () => !b.isIsolated() && b.links().length === 1),
      );
    });
  });

  it('P4: watch: the present answer, each change, the expiry, and that it is over; the newest wins', async () => {
    const a = await startMember('a');
    const answers: LeaderAnswer[] = [];
    const abort = new AbortController();
    const reading = (async (): Promise<void> => {
      for await (const answer of a.watch(testElection, { signal: abort.signal }))
        answers.push(answer);
    })();
    await closing([a], async () => {
      await until('the first answer', () => answers.length === 1);
      assert.equal(answers[0]?.status, 'unknown');
      a.publish(leaderRecord(5, { validityMs: 150 }));
      a.publish(leaderRecord(5, { validityMs: 150, renewal: 1 }));
      await until('expired', () => answers.at(-1)?.status === 'expired');
      assert.deepEqual(
        answers.map((answer) => answer.status),
        ['unknown', 'current', 'expired'],
      );
      a.publish(leaderRecord(5, { validityMs: 60_000, renewal: 2 }));
      await until('current again', () => answers.at(-1)?.status === 'current');
      a.publish(leaderRecord(5, { validityMs: 60_000, renewal: 3 }));
      a.publish(leaderRecord(6, { validityMs: 60_000 }));
      await until(
        'the next change',
        () => answers.at(-1)?.carried?.sealed.record.version.epoch === 6n,
      );
      assert.equal(answers.length, 5, 'a renewal alone is no news');
      abort.abort();
      await reading;
      assert.equal(a.stats().watchers, 0);
    });
  });

  it('a caller that knows more is told so, whom to ask, and heals the node', async () => {
    const slow = { roundMs: 3_600_000, lazyDelayMs: 3_600_000 };
    const a = await startMember('a', { tuning: slow });
    const b = await startMember('b', { seeds: [a.address], tuning: slow });
    await closing([a, b], async () => {
      await until('linked', () => a.links().length === 1 && b.links().length === 1);
      const minVersion = leaderRecord(7).version;
      const answer = b.answer(testElection, minVersion);
      assert.equal(answer.behind, true);
      assert.deepEqual(answer.ask, [a.address]);
      a.publish(leaderRecord(7));
      await until('healed', () => epochOf(b) === 7n);
      assert.equal(b.answer(testElection, { ...minVersion, renewal: 9 }).behind, false);
    });
  });

  it('refuses a member of another cluster, and says why', async () => {
    const warnings: object[] = [];
    const logger = {
      debug: (): void => undefined,
      info: (): void => undefined,
      error: (): void => undefined,
      warn: (fields: object): void => void warnings.push(fields),
    };
    const a = await startMember('a');
    const b = await startMember('b', {
      cluster: parseClusterName('other'),
      seeds: [a.address],
      logger,
    });
    await closing([a, b], async () => {
      await until('refused', () => warnings.some((fields) => 'reason' in fields));
      assert.match(
        JSON.stringify(warnings),
        /cluster-mismatch.*belongs to cluster \\"member-tests\\"/,
      );
      assert.equal(a.links().length, 0);
    });
  });

  it('closes the link of a peer that talks nonsense, and goes on', async () => {
    const a = await startMember('a');
    const client = new GossipClient(a.address, credentials.createInsecure(), channelOptions.link);
    await closing([a], async () => {
      const frames: IncomingFrame[] = [];
      const stream = client.link();
      let ended = false;
      stream.on('data', (frame: IncomingFrame) => frames.push(frame));
      stream.on('error', () => undefined);
      stream.on('status', () => (ended = true));
      stream.write({ kind: 'prune' });
      await until('closed', () => ended);
      assert.equal(frames.length, 0);
      assert.equal(a.publish(leaderRecord(3)), true);
    });
    client.close();
  });

  it('an accepted link that breaks is lost, whichever way; one that is ended in order is ended', async () => {
    for (const how of ['reset', 'closed', 'ended'] as const) {
      const downs: string[] = [];
      const note = (fields: object, message: string): void => {
        if (message === 'link down' && 'reason' in fields) downs.push(String(fields.reason));
      };
      const quiet = (): void => undefined;
      const a = await startMember('a', {
        logger: { debug: note, info: quiet, warn: quiet, error: quiet },
      });
      await closing([a], async () => {
        const { port, sockets, close } = await relayTo(a.listening.port);
        const client = new GossipClient(
          parseAddress(`127.0.0.1:${port}`),
          credentials.createInsecure(),
          channelOptions.link,
        );
        try {
          const stream = client.link();
          stream.on('error', quiet);
          stream.on('data', quiet);
          stream.write(helloFrom('peer'));
          await until('linked', () => a.links().length === 1);
          if (how === 'ended') stream.end();
          for (const socket of sockets) {
            if (how === 'reset') socket.resetAndDestroy();
            if (how === 'closed') socket.destroy();
          }
          await until(`down, ${how}`, () => downs.length === 1);
          assert.equal(downs[0], how === 'ended' ? 'peer ended the stream' : 'peer is gone', how);
        } finally {
          client.close();
          close();
        }
      });
    }
  });

  it('members know each other, what they say of themselves, and how far a change has spread', async () => {
    const a = await startMember('a', { application: { zone: 'north', build: '1.0.0' } });
    const b = await startMember('b', { seeds: [a.address], application: { zone: 'south' } });
    const c = await startMember('c', { seeds: [a.address] });
    await closing([a, b, c], async () => {
      const all = [a, b, c];
      const live = (): boolean => all.every((member) => member.memberCounts().live === 3);
      await until('all know all', live);
      const seenByC = c.members().members.find(({ contact }) => contact.nodeId === 'a')?.facts;
      assert.equal(seenByC?.zone, 'north');
      assert.equal(seenByC.build, '1.0.0');
      b.describe({ metadata: { rack: 'r7' } });
      const rackOfB = (member: Member): string | undefined =>
        member.members().members.find(({ contact }) => contact.nodeId === 'b')?.facts?.metadata[
          'rack'
        ];
      await until('the news of b', () => rackOfB(a) === 'r7' && rackOfB(c) === 'r7');
      a.publish(leaderRecord(7));
      await until('all told that they have it', () =>
        all.every((member) => member.convergence(testElection).applied === 3),
      );
      assert.deepEqual(c.convergence(testElection).behind, []);
    });
  });

  it('one that closes has left, at once and for all; it is no failure', async () => {
    const changes: string[] = [];
    const a = await startMember('a', {
      observer: {
        memberChanged: (view, previous) => {
          const { state, reachability } = view ?? previous ?? {};
          changes.push(
            `${String(state?.contact.nodeId)} ${String(state?.status)} ${String(reachability)}`,
          );
        },
      },
    });
    const b = await startMember('b', { seeds: [a.address] });
    const c = await startMember('c', { seeds: [a.address] });
    await closing([a, c], async () => {
      await until('all know all', () => a.memberCounts().live === 3 && c.memberCounts().live === 3);
      await b.close();
      await until('b left', () => a.memberCounts().left === 1 && c.memberCounts().left === 1);
      assert.equal(a.memberCounts().unreachable, 0);
      const ofB = changes.filter((change) => change.startsWith('b '));
      assert.equal(ofB.at(-1), 'b left unreachable');
      assert.ok(!changes.includes('b up unreachable'), changes.join('; '));
    });
  });

  it('names the port that is taken', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const { port } = blocker.address() as AddressInfo;
    await assert.rejects(
      startMember('a', { listen: { host: '127.0.0.1', port } }),
      (error: unknown) =>
        error instanceof MemberError &&
        error.code === 'ADDRESS_IN_USE' &&
        error.message.includes(`127.0.0.1:${port}`),
    );
    await new Promise((resolve) => blocker.close(resolve));
  });

  it('does not mind being its own seed', async () => {
    const a = await startMember('a', { listen: { host: '127.0.0.1', port: 0 } });
    const again = await startMember('b', { seeds: [a.address, parseAddress('127.0.0.1:9')] });
    await closing([a, again], () => until('linked', () => again.links().length === 1));
    assert.equal(again.cluster, testCluster);
  });
});
