/**
 * The client against real gossip nodes over real gRPC on loopback: what it finds, how it moves on when
 * nodes die, hang or fall behind, and that it never goes back. Leaders are published by the test.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { createClient, HeraldClientError } from '@herald/client';
import type { Client, ClientOptions, LeaderUpdate } from '@herald/client';
import {
  compareVersions,
  parseAddress,
  parseClusterName,
  parseElectionName,
  parseNodeId,
} from '@herald/core';
import type { Address, LeaderRecord, Version } from '@herald/core';
import { createGossipNode } from '@herald/gossip-node';
import type { GossipNode } from '@herald/gossip-node';

const election = parseElectionName('payments');
const tuning = { roundMs: 100, redialMs: 20, redialMsMax: 200, isolationMs: 300 };

function leader(epoch: number, validityMs = 60_000, renewal = 0): LeaderRecord {
  return {
    kind: 'leader',
    election,
    version: { lineage: 0, epoch: BigInt(epoch), sequence: BigInt(epoch), renewal },
    issuer: parseNodeId('elector-a'),
    validityMs,
    leader: { id: parseNodeId(`service-${epoch}`), address: `127.0.0.1:${epoch}`, metadata: {} },
  };
}

function vacancy(epoch: number): LeaderRecord {
  const version = { lineage: 0, epoch: BigInt(epoch), sequence: BigInt(epoch) + 1n, renewal: 0 };
  return { kind: 'vacancy', election, version, issuer: parseNodeId('elector-a') };
}

function startNode(name: string, seeds: readonly Address[], port = 0): Promise<GossipNode> {
  return createGossipNode({
    cluster: parseClusterName('client-and-nodes'),
    nodeId: parseNodeId(name),
    listen: { host: '127.0.0.1', port },
    seeds,
    tuning,
  });
}

/** `count` nodes that are linked, ended together. */
async function startTier(
  count: number,
): Promise<AsyncDisposable & { readonly nodes: GossipNode[] }> {
  const first = await startNode('n-0', []);
  const nodes = [first];
  for (let index = 1; index < count; index++) {
    nodes.push(await startNode(`n-${index}`, [first.address]));
  }
  const isLinked = ({ member }: GossipNode): boolean => count === 1 || member.links().length > 0;
  await until('all nodes are linked', () => nodes.every(isLinked));
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.close()));
  };
  return { nodes, [Symbol.asyncDispose]: stop };
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`not within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  assert.ok(item !== undefined);
  return item;
}

function knownEpoch(node: GossipNode): bigint | undefined {
  return node.member.leader(election)?.sealed.record.version.epoch;
}

function clientOf(nodes: readonly GossipNode[], options: Partial<ClientOptions> = {}): Client {
  return createClient({
    insecure: true,
    seeds: nodes.map(({ address }) => address),
    election,
    ...options,
  });
}

/** Notes every update, and fails when one is older than the one before. */
function follow(client: Client): {
  readonly updates: LeaderUpdate[];
  readonly ended: Promise<void>;
} {
  const updates: LeaderUpdate[] = [];
  const ended = (async () => {
    let newest: Version | undefined;
    for await (const update of client.watchLeader()) {
      assert.ok(newest === undefined || compareVersions(update.version, newest) >= 0, 'went back');
      newest = update.version;
      updates.push(update);
    }
  })();
  return { updates, ended };
}

test('a client finds the leader through any node, and says how it knows', async () => {
  await using tier = await startTier(5);
  at(tier.nodes, 0).member.publish(leader(7));
  await until('all know', () => tier.nodes.every((node) => knownEpoch(node) === 7n));
  for (const node of tier.nodes) {
    await using client = clientOf([node]);
    const found = await client.getLeader();
    assert.equal(found.leaderId, 'service-7');
    assert.equal(found.source.nodeId, node.nodeId);
    assert.ok(found.ageMs > 0 && found.validForMs < 60_000);
    assert.equal(found.hops, node.member.leader(election)?.hops);
  }
});

test('a watcher sees each change, also of a vacancy, in order', async () => {
  await using tier = await startTier(5);
  await using client = clientOf([at(tier.nodes, 4)]);
  const { updates } = follow(client);
  const publisher = at(tier.nodes, 0).member;
  for (const [record, status] of [
    [leader(7), 'current'],
    [vacancy(7), 'vacant'],
    [leader(9), 'current'],
    [leader(11, 1_500), 'current'],
  ] as const) {
    publisher.publish(record);
    await until(`${status} ${record.version.epoch}`, () =>
      updates.some((each) => each.epoch === record.version.epoch && each.status === status),
    );
  }
  await until('expiry', () => updates.at(-1)?.status === 'expired');
  publisher.publish(leader(11, 60_000, 1));
  await until('renewal', () => updates.at(-1)?.status === 'current');
});

test('P2: nodes die one after the other: calls succeed, the watch goes on, nothing goes back', async () => {
  await using tier = await startTier(6);
  at(tier.nodes, 5).member.publish(leader(7));
  await until('all know', () => tier.nodes.every((node) => knownEpoch(node) === 7n));
  // It knows one seed, and has to learn the others.
  await using client = clientOf([at(tier.nodes, 0)], { cacheMs: 0 });
  const { updates, ended } = follow(client);
  await client.getLeader();
  await until('members are learnt', () => client.stats().endpoints.length === 6);
  let newest = 7;
  for (const node of tier.nodes.slice(0, 4)) {
    await node.close();
    newest += 2;
    at(tier.nodes, 5).member.publish(leader(newest));
    const found = await client.getLeader({ minEpoch: BigInt(newest), timeoutMs: 10_000 });
    assert.equal(found.epoch, BigInt(newest));
    await until('the watch follows', () => updates.at(-1)?.epoch === BigInt(newest));
  }
  await client.close();
  await ended;
});

test('a question heals a node that is behind: it pulls what the client knows', async () => {
  await using tier = await startTier(2);
  const [first, second] = [at(tier.nodes, 0), at(tier.nodes, 1)];
  first.member.publish(leader(7));
  await until('both know', () => knownEpoch(second) === 7n);
  await using client = clientOf([second], { cacheMs: 0 });
  await client.getLeader();
  // The successor is known to the first; the client asks the second for it.
  first.member.publish(leader(9));
  const found = await client.getLeader({ minEpoch: 9n });
  assert.equal(found.epoch, 9n);
  assert.ok(found.redirects <= 5);
  await until('the second knows', () => knownEpoch(second) === 9n);
});

test('P5: nobody leads: typed errors before the deadline, with what was tried', async () => {
  await using tier = await startTier(2);
  await using client = clientOf(tier.nodes);
  const failure = async (timeoutMs: number): Promise<HeraldClientError> => {
    const startedMs = performance.now();
    const error: unknown = await client.getLeader({ timeoutMs }).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof HeraldClientError);
    const lateMs = performance.now() - startedMs - timeoutMs;
    assert.ok(lateMs < 1_000, `${lateMs} ms late`);
    return error;
  };
  assert.equal((await failure(300)).code, 'NO_LEADER');
  at(tier.nodes, 0).member.publish(leader(7, 50), 1_000);
  const expired = await failure(500);
  assert.equal(expired.code, 'EXPIRED');
  assert.ok(expired.attempts.some(({ outcome }) => outcome === 'expired'));
  at(tier.nodes, 0).member.publish(vacancy(7));
  assert.equal((await failure(300)).code, 'NO_LEADER');
});

test('a node that hangs, one that resets and one that is gone cost no call', async () => {
  await using tier = await startTier(1);
  const node = at(tier.nodes, 0);
  node.member.publish(leader(7));
  const sockets = new Set<Socket>();
  const bad = [
    createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
    }),
    createServer((socket) => {
      socket.destroy();
    }),
  ];
  const addresses: Address[] = [];
  for (const server of bad) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    addresses.push(parseAddress(`127.0.0.1:${(server.address() as AddressInfo).port}`));
  }
  addresses.push(parseAddress('127.0.0.1:1'), node.address);
  for (let seed = 0; seed < 8; seed++) {
    let draw = seed / 8;
    const random = (): number => (draw = (draw * 7 + 0.13) % 1);
    await using client = createClient({ insecure: true, seeds: addresses, election, random });
    const found = await client.getLeader({ timeoutMs: 3_000 });
    assert.equal(found.epoch, 7n);
    assert.equal((await client.getLeader({ timeoutMs: 3_000 })).cached, true);
  }
  for (const socket of sockets) socket.destroy();
  await Promise.all(bad.map((server) => new Promise((resolve) => server.close(resolve))));
});

test('a node that restarts at its address is used again', async () => {
  const first = await startNode('n-0', []);
  first.member.publish(leader(7));
  const port = Number(first.address.split(':').at(-1));
  await using client = clientOf([first], { cacheMs: 0 });
  const { updates } = follow(client);
  await client.getLeader();
  await first.close();
  await using second = await startNode('n-0', [], port);
  second.member.publish(leader(9));
  const found = await client.getLeader({ minEpoch: 9n, timeoutMs: 10_000 });
  assert.equal(found.epoch, 9n);
  await until('the watch is back', () => updates.at(-1)?.epoch === 9n);
});

test('1 000 watchers of one client hold one stream, and all of them hear a change', async () => {
  await using tier = await startTier(1);
  const node = at(tier.nodes, 0);
  node.member.publish(leader(7));
  await using client = clientOf([node]);
  const watches = Array.from({ length: 1_000 }, () => client.watchLeader());
  await Promise.all(watches.map((watch) => watch.next()));
  assert.equal(node.member.stats().watchers, 1);
  const next = watches.map((watch) => watch.next());
  node.member.publish(leader(9));
  for (const step of await Promise.all(next)) assert.equal(step.value?.epoch, 9n);
});
