/**
 * What a program does with the published packages, for scripts/published.test.mjs: a node and a leader
 * that are made of what @herald/wire offers, a client that finds the leader, a stub that follows it, and
 * work at a leader of the tier in memory.
 */
'use strict';

exports.useHerald = async (herald) => {
  const { core, wire, client: sdk, native, telemetry, grpc } = herald;
  const leader = new grpc.Server();
  const path = '/greeter.Greeter/Greet';
  const identity = (bytes) => bytes;
  const method = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
  leader.addService(
    { greet: method },
    {
      greet: (call, answer) => {
        const caller = wire.readCaller(call.metadata);
        answer(null, Buffer.from(`${call.request} knows epoch ${caller?.epoch}`));
      },
    },
  );
  const address = await listen(grpc, leader);
  const node = new grpc.Server();
  wire.addNodeService(node, nodeThatNames(core, wire, address));
  const seed = await listen(grpc, node);

  const hooks = telemetry.openTelemetryHooks();
  const client = sdk.createClient({ seeds: [seed], election: 'payments', hooks });
  const found = await client.getLeader({ timeoutMs: 20_000 });
  const { options, target } = native.leaderChannel(client);
  const Greeter = grpc.makeGenericClientConstructor({ greet: method }, 'greeter.Greeter');
  const stub = new Greeter(target, grpc.credentials.createInsecure(), options);
  const greeting = await new Promise((resolve, reject) => {
    stub.greet(Buffer.from('who calls'), (error, bytes) => {
      if (error) reject(error);
      else resolve(String(bytes));
    });
  });
  const failure = await failureOf(() => sdk.createClient({ seeds: [], election: 'payments' }));
  stub.close();
  await client.close();
  leader.forceShutdown();
  node.forceShutdown();
  const isTyped = failure instanceof sdk.HeraldClientError;
  const workedAt = await workThroughFailover(herald);
  return { isFound: found.address === address, greeting, isTyped, code: failure.code, workedAt };
};

/** Where the work ended that met a failover. */
async function workThroughFailover({ client: sdk, testing }) {
  const tier = testing.createTestTier({ election: 'payments' });
  const client = tier.createClient();
  tier.elect({ address: 'one.test:80' });
  const workedAt = await client.withLeader(({ address }) => {
    if (address === 'two.test:80') return address;
    tier.elect({ address: 'two.test:80' });
    throw new sdk.NotLeaderError();
  });
  await client.close();
  return workedAt;
}

function nodeThatNames(core, wire, address) {
  const sealed = wire.encodeRecord({
    kind: 'leader',
    election: core.parseElectionName('payments'),
    version: { lineage: 0, epoch: 7n, sequence: 7n, renewal: 0 },
    issuer: core.parseNodeId('elector-1'),
    leader: { id: core.parseNodeId('leader-1'), address, metadata: {} },
    validityMs: 60_000,
  });
  const nodeId = core.parseNodeId('node-1');
  const carried = { sealed, ageMs: 0, hops: 1 };
  const facts = { status: 'current', carried, validForMs: 60_000, behind: false, ask: [], nodeId };
  const contact = { nodeId, generation: 1, address: '127.0.0.1:1', role: 'node' };
  const member = { contact, linked: false, self: true, roundTripMs: 0 };
  return {
    getLeader: (_call, answer) => answer(null, facts),
    lookup: (call) => {
      call.on('data', ({ id }) => call.write({ kind: 'answer', id, answer: facts }));
    },
    watchLeader: (call) => call.write(facts),
    listMembers: (_call, answer) => answer(null, { cluster: 'test', members: [member] }),
  };
}

function listen(grpc, server) {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(`127.0.0.1:${port}`);
      else reject(error);
    });
  });
}

async function failureOf(act) {
  try {
    await act();
  } catch (error) {
    return error;
  }
  throw new Error('this was expected to fail');
}
