/**
 * Raw bytes from somebody who means harm, against real processes on real sockets: every entrance of a gossip
 * node and of an elector. Nothing crashes, nothing grows without bound, no version moves, and whoever asks
 * properly is answered all the while.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import type { OutgoingHttpHeaders } from 'node:http2';
import { after, before, describe, it } from 'node:test';
import { createClient } from '@herald/client';
import type { LeaderResult } from '@herald/client';
import { limits } from '@herald/core';
import { startEtcd, waitUntil } from '@herald/lab';
import type { EtcdCluster } from '@herald/lab';
import { Attacker, field, framed, hello, numberField } from './support/attacker.ts';
import type { Target } from './support/attacker.ts';
import { RunningProgram } from './support/run-program.ts';
import { patienceMs } from './support/test-cluster.ts';

const election = 'payments';
const cluster = 'hostile';
/** What buffers, code that is compiled and late garbage collection may take, whatever is sent. */
const growthBytesMax = 96 * 2 ** 20;

type Attack = (attacker: Attacker) => Promise<void>;

const unary = [
  '/herald.v1.Node/GetLeader',
  '/herald.v1.Node/WatchLeader',
  '/herald.v1.Node/ListMembers',
];
const garbage = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x80, 0x00, 0xc3, 0x28]);

/** A link is ended for what it sent. */
const endsLink =
  (...messages: readonly Buffer[]): Attack =>
  async (attacker) => {
    const stream = attacker.link();
    for (const message of messages) stream.write(message);
    await attacker.ended(stream);
  };

const attacks: Readonly<Record<string, Attack>> = {
  'a frame that claims four gigabytes': endsLink(framed(Buffer.alloc(16), 2 ** 32 - 1)),
  'a frame over the limit': endsLink(framed(Buffer.alloc(70_000, 1))),
  'frames that are none': endsLink(framed(garbage)),
  'names that are no UTF-8': endsLink(
    framed(field(1, field(1, Uint8Array.from([0xc3, 0x28, 0xff])))),
  ),
  'hello of another cluster': endsLink(framed(hello('another', 1n))),
  'a generation of the future': endsLink(framed(hello(cluster, 2n ** 53n - 1n))),
  'a generation of 64 bits': endsLink(framed(hello(cluster, 2n ** 64n - 1n))),
  'a second hello': endsLink(framed(hello(cluster, 1n)), framed(hello(cluster, 1n))),
  'half-open links, many from one address': async (attacker) => {
    const session = attacker.session();
    const streams = Array.from({ length: 600 }, () => attacker.link(session));
    // Beyond its share they are refused at once; the others when they have not greeted in time.
    await Promise.all(streams.map((stream) => attacker.ended(stream)));
  },
  'links that are opened and dropped, for ever': async (attacker) => {
    for (let round = 0; round < 30; round++) {
      const session = attacker.session();
      const streams = Array.from({ length: 100 }, () => attacker.link(session));
      await Promise.race(streams.map((stream) => once(stream, 'ready').catch(() => undefined)));
      session.destroy();
    }
  },
  'a flood of frames': async (attacker) => {
    const stream = attacker.link();
    const over = attacker.ended(stream);
    // A kind of frame that nobody knows is passed over, since a newer member may send it: not for ever.
    const burst = Buffer.concat([
      framed(hello(cluster, 1n)),
      ...Array.from({ length: 40_000 }, () => framed(field(99, 'x'))),
    ]);
    stream.write(burst);
    await over;
  },
  'requests that are garbage, on each method': async (attacker) => {
    const session = attacker.session();
    for (const path of [
      ...unary,
      '/herald.v1.Elector/RaiseLineage',
      '/herald.v1.Elector/StepDown',
      '/no/such',
    ]) {
      const stream = attacker.call(session, path);
      stream.end(framed(garbage));
      await attacker.ended(stream);
    }
  },
  'requests that are never finished': async (attacker) => {
    const session = attacker.session();
    const streams = Array.from({ length: 200 }, () => attacker.call(session, unary[0] ?? ''));
    for (const stream of streams) stream.write(Buffer.from([0, 0, 0, 1, 0, 7]));
    await once(session, 'connect');
  },
  'watches whose answers are not read': async (attacker) => {
    const session = attacker.session();
    for (let count = 0; count < 300; count++) {
      const stream = attacker.call(session, '/herald.v1.Node/WatchLeader');
      stream.pause();
      stream.end(framed(Buffer.concat([field(1, election), numberField(3, 1n)])));
    }
    await once(session, 'connect');
  },
  'a list of lookups whose answers are not read': async (attacker) => {
    const stream = attacker.call(attacker.session(), '/herald.v1.Node/Lookup');
    stream.pause();
    const question = framed(Buffer.concat([numberField(1, 1n), field(2, field(1, election))]));
    const burst = Buffer.concat(Array.from({ length: 1_000 }, () => question));
    for (let round = 0; round < 50; round++) if (!stream.write(burst)) break;
  },
  'metadata bombs': async (attacker) => {
    const bombs: OutgoingHttpHeaders[] = [
      { 'x-bomb': 'b'.repeat(60_000) },
      Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`x-${String(index)}`, 'b'])),
    ];
    for (const bomb of bombs) {
      const session = attacker.session();
      await once(session, 'connect');
      const stream = attacker.call(session, unary[0] ?? '', bomb);
      stream.end(framed(field(1, election)));
      await attacker.ended(stream);
    }
  },
  'bytes that are no HTTP/2, and connections that say nothing': async (attacker) => {
    const talking = attacker.socket('grpc');
    talking.write(Buffer.alloc(1_000, 0x41));
    await attacker.ended(talking);
    const silent = Array.from({ length: 200 }, () => attacker.socket('grpc'));
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
  },
  'HTTP: headers without end': async (attacker) => {
    const socket = attacker.socket('http');
    socket.write(`GET /livez HTTP/1.1\r\nhost: x\r\nx-bomb: ${'b'.repeat(1_000_000)}\r\n\r\n`);
    await attacker.ended(socket);
  },
  'HTTP: unknown methods, bad lines, a body that is too long': async (attacker) => {
    for (const text of [
      'BREW /livez HTTP/1.1\r\nhost: x\r\n\r\n',
      'GET /livez HTTP/9.9\r\nhost: x\r\n\r\n',
      '\0\0\0\0\r\n\r\n',
      `POST /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 99999999\r\n\r\n${'b'.repeat(20_000)}`,
    ]) {
      const socket = attacker.socket('http');
      socket.write(text);
      await attacker.ended(socket);
    }
  },
  'HTTP: a thousand requests in one go': async (attacker) => {
    const socket = attacker.socket('http');
    socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(1_000));
    socket.pause();
    await once(socket, 'connect');
  },
  'HTTP: more readers of events than there is room for, who do not read': async (attacker) => {
    const sockets = Array.from({ length: 400 }, () => attacker.socket('http'));
    for (const socket of sockets) {
      socket.write(`GET /v1/elections/${election}/watch?renewals=true HTTP/1.1\r\nhost: x\r\n\r\n`);
    }
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  },
};

/** Requests that come byte by byte are given up by a timer of the server: some twenty seconds, each time. */
const slowLoris: Attack = async (attacker) => {
  const sockets = Array.from({ length: 100 }, () => attacker.socket('http'));
  for (const socket of sockets) socket.write('GET /livez HTTP/1.1\r\nhost: x\r\n');
  await Promise.all(sockets.map((socket) => attacker.ended(socket)));
};

/** Entrances of the other kind of process are not there. */
const isFor = (name: string, program: 'node' | 'elector'): boolean =>
  program === 'node' || !name.includes('readers of events');

describe('hostile input', () => {
  let etcd: EtcdCluster;
  const targets: { elector?: Target; node?: Target } = {};
  const started: AsyncDisposable[] = [];

  before(async () => {
    etcd = await startEtcd();
    const common = ['--cluster', cluster, '--listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'];
    const elector = await RunningProgram.start({
      program: 'herald-elector',
      args: [
        ...[
          '--id',
          'elector',
          '--ttl',
          '10s',
          '--election',
          election,
          '--prefix',
          `hostile-${String(process.pid)}`,
        ],
        ...[...common, ...etcd.endpoints.flatMap((url) => ['--etcd', url])],
      ],
    });
    started.push(elector);
    targets.elector = await targetOf(elector, 'elector ready');
    const node = await RunningProgram.start({
      program: 'herald-gossip-node',
      args: ['--id', 'node', '--join', targets.elector.grpc, ...common],
    });
    started.push(node);
    targets.node = await targetOf(node, 'node ready');
    await leaderAt(targets.node);
  });

  after(async () => {
    await Promise.all(started.map((each) => each[Symbol.asyncDispose]()));
    await etcd.stop();
  });

  it('node and elector at once: HTTP: slow loris', async () => {
    await Promise.all([targets.node, targets.elector].map((each) => withstand(each, slowLoris)));
  });

  for (const kind of ['node', 'elector'] as const) {
    for (const [name, attack] of Object.entries(attacks)) {
      if (!isFor(name, kind)) continue;
      it(`${kind}: ${name}`, async () => {
        await withstand(targets[kind], attack);
      });
    }

    it(`P6: ${kind}: connections of one address, more than it may hold: who is connected goes on`, async () => {
      const target = targets[kind];
      assert.ok(target !== undefined);
      await using client = createClient({
        ...{ seeds: [target.grpc], election, cacheMs: 0, insecure: true },
      });
      const before = await client.getLeader({ timeoutMs: patienceMs });
      const beyond = 100;
      {
        using attacker = new Attacker(target);
        let cutOff = 0;
        for (let count = 0; count < limits.connectionsPerAddressMax + beyond; count++) {
          attacker.socket('grpc').once('close', () => cutOff++);
        }
        await waitUntil('the ones beyond its share to be cut off', () => cutOff >= beyond, {
          timeoutMs: patienceMs,
        });
        assertUnmoved(before, await client.getLeader({ timeoutMs: patienceMs }));
        assert.ok((await connectionsLimited(target)) >= beyond);
        assert.equal(target.program.process.exit, undefined);
      }
      // And whoever comes when they are gone is let in.
      assertUnmoved(before, await leaderAt(target));
    });
  }
});

/** It answers meanwhile, and afterwards nothing is left of the attack. */
async function withstand(target: Target | undefined, attack: Attack): Promise<void> {
  assert.ok(target !== undefined);
  const before = await leaderAt(target);
  const bytesBefore = await residentBytes(target);
  {
    using attacker = new Attacker(target);
    await attack(attacker);
    const during = await leaderAt(target);
    assertUnmoved(before, during);
  }
  const handles = await waitUntil(
    'the connections to be gone',
    async () => {
      const count = await handleCount(target);
      return count < 60 && count;
    },
    { timeoutMs: patienceMs },
  );
  assert.ok(handles > 0);
  const grownBytes = (await residentBytes(target)) - bytesBefore;
  assert.ok(grownBytes < growthBytesMax, `it grew by ${String(grownBytes >> 20)} MiB`);
  assert.equal(target.program.process.exit, undefined);
  assertUnmoved(before, await leaderAt(target));
}

async function connectionsLimited({ http }: Target): Promise<number> {
  const metrics = await (await fetch(`http://${http}/metrics`)).text();
  return Number(/peers_limited_total\{what="connections"\} (\d+)/.exec(metrics)?.[1] ?? 0);
}

async function targetOf(program: RunningProgram, ready: string): Promise<Target> {
  const { address } = await program.untilLogged(ready, patienceMs);
  const { url } = await program.untilLogged('operations server ready', patienceMs);
  return { program, grpc: String(address), http: String(url).replace('http://', '') };
}

/** Who leads, asked as a client does. */
async function leaderAt(target: Target): Promise<LeaderResult> {
  await using client = createClient({
    ...{ seeds: [target.grpc], election, cacheMs: 0, insecure: true },
  });
  return await client.getLeader({ timeoutMs: patienceMs });
}

/** It is the same leader. On a machine that has no time for it, it may have lost its lease and led anew. */
function assertUnmoved(before: LeaderResult, after: LeaderResult): void {
  assert.equal(after.leaderId, before.leaderId);
  assert.equal(after.version.lineage, before.version.lineage);
  const moved = after.epoch - before.epoch;
  assert.ok(moved >= 0n && moved < 20n, `from epoch ${before.epoch} to ${after.epoch}`);
}

async function residentBytes({ program }: Target): Promise<number> {
  const status = await readFile(`/proc/${String(program.process.pid)}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1_024;
}

async function handleCount({ program }: Target): Promise<number> {
  return (await readdir(`/proc/${String(program.process.pid)}/fd`)).length;
}
