/** A node that hangs, resets, answers garbage, or lies costs one hedge, never the call: over real sockets. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { createClient } from '../create-client.ts';
import { claim, election } from '../test-support/fixture.ts';
import { answerOf, startNode } from '../test-support/test-node.ts';

type Misbehaviour = 'hangs' | 'resets' | 'garbage' | 'lies';

interface BadNode extends AsyncDisposable {
  readonly address: string;
}

/** Accepts connections and does `onSocket` to each. */
async function startSockets(onSocket: (socket: Socket) => void): Promise<BadNode> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function startBadNode(how: Misbehaviour): Promise<BadNode> {
  switch (how) {
    case 'hangs':
      return startSockets((socket) => socket.resume());
    case 'resets':
      return startSockets((socket) => socket.resetAndDestroy());
    case 'garbage':
      return startSockets((socket) => {
        socket.resume();
        socket.write(Buffer.alloc(256, 'no HTTP/2 at all\r\n'));
      });
    case 'lies': {
      const honest = claim(1_000_000, { electorAddress: undefined });
      const lie = { ...honest, leader: { ...honest.leader, address: '10.9.8.7:80' } };
      return startNode({
        getLeader: (_call, callback) => {
          callback(null, answerOf(lie));
        },
      });
    }
  }
}

for (const [how, what] of [
  ['hangs', 'accepts and never answers'],
  ['resets', 'resets connections'],
  ['garbage', 'answers garbage'],
  ['lies', 'lies about the address'],
] as const) {
  test(`P5: a node that ${what} costs one more question, never the call`, async () => {
    await using bad = await startBadNode(how);
    await using good = await startNode();
    await using client = createClient({
      seeds: [bad.address, good.address],
      election,
      allowTargets: ['leader-*:80'],
      // The first of those that may be asked.
      random: () => 0,
      // Nothing but the hedge can help within the deadline.
      attemptTimeoutMs: 60_000,
      timeoutMs: 20_000,
    });
    const leader = await client.getLeader();
    assert.equal(leader.address, 'leader-7:80');
    const asked = leader.attempts.map(({ endpoint }) => endpoint);
    assert.deepEqual(new Set(asked), new Set([bad.address, good.address]));
    assert.equal(leader.retries, 1);
    // And it costs that once: it is left alone from then on, for a while.
    assert.ok(client.stats().ejections >= 1);
  });
}
