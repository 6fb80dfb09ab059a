/** Gossip nodes on loopback, asked over gRPC by the standard clients. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, credentials, status } from '@grpc/grpc-js';
import type { ClientReadableStream, MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import { parseClusterName, parseElectionName, parseNodeId } from '@herald/core';
import type { LeaderRecord } from '@herald/core';
import { MemberError } from '@herald/member';
import { channelOptions, NodeClient } from '@herald/wire';
import { createGossipNode } from './gossip-node.ts';
import type { GossipNode, GossipNodeOptions } from './gossip-node.ts';

const election = parseElectionName('payments');

function record(epoch: number): LeaderRecord {
  return {
    kind: 'leader',
    election,
    version: { lineage: 0, epoch: BigInt(epoch), sequence: BigInt(epoch), renewal: 0 },
    issuer: parseNodeId('elector-a'),
    validityMs: 60_000,
    leader: { id: parseNodeId('service'), address: '127.0.0.1:80', metadata: {} },
  };
}

function start(name: string, options: Partial<GossipNodeOptions> = {}): Promise<GossipNode> {
  return createGossipNode({
    cluster: parseClusterName('gossip-node-tests'),
    nodeId: parseNodeId(name),
    listen: { host: '127.0.0.1', port: 0 },
    seeds: [],
    tuning: { redialMs: 20, redialMsMax: 100, isolationMs: 100 },
    ...options,
  });
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 15_000;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`not within 15 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const options = { ...channelOptions.query, 'grpc.use_local_subchannel_pool': 1 };
const insecure = credentials.createInsecure();

/** The standard health client, made from its service's definition. */
class HealthProbe {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, insecure, options);
  }

  async status(service: string): Promise<string> {
    const { path, requestSerialize, responseDeserialize } = methodOf('Check');
    const answer = await new Promise<unknown>((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        { service },
        (error, said) => {
          if (error === null) resolve(said);
          else reject(error);
        },
      );
    });
    return (answer as { readonly status: string }).status;
  }

  watch(service: string): ClientReadableStream<unknown> {
    const { path, requestSerialize, responseDeserialize } = methodOf('Watch');
    const request = { service };
    return this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
    );
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

function methodOf(name: 'Check' | 'Watch'): MethodDefinition<object, object> {
  const definition = (healthService as ServiceDefinition)[name];
  assert.ok(definition !== undefined);
  return definition as MethodDefinition<object, object>;
}

test('what one node holds, the other one answers', async () => {
  await using first = await start('node-a');
  await using second = await start('node-b', { seeds: [first.address] });
  await until('both are linked', () => second.member.links().length === 1);
  first.member.publish(record(7));
  await until('the record has spread', () => second.member.leader(election) !== undefined);
  const client = new NodeClient(second.address, insecure, options);
  const answer = await new Promise((resolve, reject) => {
    client.getLeader({ election, minVersion: undefined }, (error, said) => {
      if (error === null) resolve(said?.carried?.sealed.record.version.epoch);
      else reject(error);
    });
  });
  assert.equal(answer, 7n);
  client.close();
});

test('health: the process serves; its answers count only while it is not isolated', async () => {
  const first = await start('node-a');
  await using second = await start('node-b', { seeds: [first.address] });
  using probe = new HealthProbe(second.address);
  assert.equal(await probe.status(''), 'SERVING');
  assert.equal(await probe.status('herald.v1.Node'), 'SERVING');
  await until('both are linked', () => second.member.links().length === 1);
  await first.close();
  await until(
    'isolation shows',
    async () => (await probe.status('herald.v1.Node')) === 'NOT_SERVING',
  );
  assert.equal(await probe.status(''), 'SERVING');
  await assert.rejects(probe.status('herald.v1.Nonsense'), { code: status.NOT_FOUND });
});

test('health: who watches is told before the node goes', async () => {
  const node = await start('node-a');
  using probe = new HealthProbe(node.address);
  const watch = probe.watch('');
  const said: string[] = [];
  watch.on('data', (answer: { status: string }) => said.push(answer.status));
  watch.on('error', () => said.push('gone'));
  await until('the first status', () => said.length === 1);
  await node.close();
  await until('the end', () => said.at(-1) === 'gone');
  assert.deepEqual(said, ['SERVING', 'NOT_SERVING', 'gone']);
});

test('reflection lists the services, on every node of the process', async () => {
  await using first = await start('node-a');
  await using second = await start('node-b');
  for (const { address } of [first, second]) {
    const services = await listServices(address);
    assert.match(services, /herald\.v1\.Node/);
    assert.match(services, /herald\.v1\.Gossip/);
  }
});

/** Asks as grpcurl does. Request and answer stay bytes: field 7 is `list_services`. */
function listServices(address: string): Promise<string> {
  const client = new Client(address, insecure, options);
  const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  const asIs = (bytes: Buffer): Buffer => bytes;
  return new Promise<string>((resolve, reject) => {
    const stream = client.makeBidiStreamRequest(path, asIs, asIs);
    stream.on('error', reject);
    stream.on('data', (bytes: Buffer) => {
      resolve(bytes.toString('latin1'));
      stream.end();
    });
    stream.write(Buffer.from([0x3a, 1, 0x2a]));
  }).finally(() => {
    client.close();
  });
}

test('without health and reflection those services are not there', async () => {
  await using node = await start('node-a', { health: false, reflection: false });
  using probe = new HealthProbe(node.address);
  await assert.rejects(probe.status(''), { code: status.UNIMPLEMENTED });
});

test('a port in use is a clear error', async () => {
  await using node = await start('node-a');
  const port = Number(node.address.split(':').at(-1));
  await assert.rejects(start('node-b', { listen: { host: '127.0.0.1', port } }), (error) => {
    assert.ok(error instanceof MemberError);
    assert.equal(error.code, 'ADDRESS_IN_USE');
    return true;
  });
});

test('200 nodes with health and reflection fit in one process', async () => {
  await start('warm-up').then((node) => node.close());
  const before = process.memoryUsage().heapUsed;
  const nodes = await Promise.all(Array.from({ length: 200 }, (_, index) => start(`n-${index}`)));
  const perNodeKib = (process.memoryUsage().heapUsed - before) / nodes.length / 1_024;
  await Promise.all(nodes.map((node) => node.close()));
  assert.ok(perNodeKib < 256, `${perNodeKib.toFixed(0)} KiB per node`);
});
