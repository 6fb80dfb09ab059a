// What a user writes in TypeScript, as an ES module and, under another name, as CommonJS: values,
// classes, types, and types that are gone wrong where they must be.
import { credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import { createClient, HeraldClientError, NotLeaderError } from '@herald/client';
import type {
  Client,
  ClientErrorCode,
  ClientHooks,
  LeaderResult,
  LeaderUpdate,
} from '@herald/client';
import { leaderChannel, registerHeraldResolver } from '@herald/client/grpc';
import type { LeaderChannel } from '@herald/client/grpc';
import { openTelemetryHooks } from '@herald/client/opentelemetry';
import type { OpenTelemetryOptions } from '@herald/client/opentelemetry';
import { createTestTier, MemoryNetwork, VirtualClock } from '@herald/client/testing';
import type { TestTier } from '@herald/client/testing';
import { isNewer, parseAddress } from '@herald/core';
import type { Address, Version } from '@herald/core';
import { NodeClient, notLeaderStatus, readNotLeader } from '@herald/wire';
import type { NotLeader } from '@herald/wire';

export async function use(): Promise<readonly [bigint, ClientErrorCode]> {
  const client: Client = createClient({ seeds: ['10.0.0.1:7400'], election: 'payments' });
  const leader: LeaderResult = await client.getLeader({ timeoutMs: 1_000 });
  const version: Version = leader.version;
  const update: LeaderUpdate | undefined = client.leader;
  if (update?.status !== 'vacant') console.log(update?.address, isNewer(version, version));
  // @ts-expect-error: an epoch is a bigint
  const epoch: string = leader.epoch;
  registerHeraldResolver({ nodes: ['10.0.0.1:7400'], client: { insecure: true } });
  const { options, target }: LeaderChannel = leaderChannel(client, { waitForReady: true });
  const Stub = makeGenericClientConstructor({}, 'greeter.Greeter');
  new Stub(target, credentials.createInsecure(), options).close();
  const node: NodeClient = new NodeClient('10.0.0.1:7400', credentials.createInsecure());
  node.close();
  const address: Address = parseAddress('10.0.0.1:7400');
  const refusal: NotLeader | undefined = readNotLeader({ code: 9 });
  if (refusal !== undefined) console.log(notLeaderStatus(refusal).details, address, epoch);
  const failure: HeraldClientError = HeraldClientError.from(new Error('gone'));
  return [leader.epoch, failure.code];
}

export async function test(options: OpenTelemetryOptions): Promise<string> {
  const hooks: ClientHooks = openTelemetryHooks(options);
  const clock: VirtualClock = new VirtualClock();
  const tier: TestTier = createTestTier({ election: 'payments', clock });
  const network: MemoryNetwork = tier.network;
  network.at('node-1.test:7400').behaviour = 'hangs';
  tier.elect({ address: 'one.test:80' });
  const client: Client = tier.createClient({ hooks });
  // What work returns is what the call returns.
  const done: string = await client.withLeader(({ address, epoch }) => {
    if (epoch > 1n) throw new NotLeaderError();
    return address;
  });
  // @ts-expect-error: and nothing else
  const wrong: number = await client.withLeader(() => done);
  await client.close();
  return `${done} ${wrong}`;
}
