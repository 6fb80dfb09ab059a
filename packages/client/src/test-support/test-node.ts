/** A node on loopback whose answers a test decides, for the tests of the gRPC transport. */
import assert from 'node:assert/strict';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { parseAddress, parseClusterName, parseNodeId } from '@herald/core';
import type { Address, LeaderRecord } from '@herald/core';
import { addNodeService, channelOptions, encodeRecord } from '@herald/wire';
import type { IncomingLookup, LeaderAnswer, LookupAnswer, NodeHandlers } from '@herald/wire';
import { claim } from './fixture.ts';

export const nodeId = parseNodeId('node-1');

export function answerOf(record: LeaderRecord): LeaderAnswer {
  return {
    status: record.kind === 'leader' ? 'current' : 'vacant',
    carried: { sealed: encodeRecord(record), ageMs: 5, hops: 2 },
    validForMs: record.kind === 'leader' ? record.validityMs - 5 : 0,
    behind: false,
    ask: [],
    nodeId,
  };
}

export type LookupCall = ServerDuplexStream<IncomingLookup, LookupAnswer>;

export interface TestNode extends AsyncDisposable {
  readonly address: Address;
  readonly server: Server;
  /** Watches that are open. */
  readonly watching: () => number;
}

/** Answers with leader 7 of its own accord. */
export async function startNode(
  handlers: Partial<NodeHandlers> = {},
  at?: Address,
): Promise<TestNode> {
  const server = new Server(channelOptions.server);
  let watching = 0;
  const own = parseAddress('127.0.0.1:1');
  const contact = { nodeId, generation: 1, address: own, role: 'node' } as const;
  addNodeService(server, {
    getLeader: (_call, callback) => {
      callback(null, answerOf(claim(7)));
    },
    lookup: (call) => {
      call.on('data', ({ id }: { id: number }) => {
        call.write({ kind: 'answer', id, answer: answerOf(claim(7)) });
      });
    },
    watchLeader: (call) => {
      watching++;
      call.on('cancelled', () => watching--);
      call.write(answerOf(claim(7)));
    },
    listMembers: (_call, callback) => {
      const member = { contact, linked: false, self: true, roundTripMs: 0 };
      callback(null, { cluster: parseClusterName('test'), members: [member] });
    },
    ...handlers,
  });
  const address = await serve(server, at);
  const stop = (): Promise<void> => {
    server.forceShutdown();
    return Promise.resolve();
  };
  return { address, server, watching: () => watching, [Symbol.asyncDispose]: stop };
}

/** At any free port, unless told where. */
export async function serve(server: Server, at = '127.0.0.1:0'): Promise<Address> {
  return new Promise((resolve, reject) => {
    server.bindAsync(at, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(parseAddress(`127.0.0.1:${String(port)}`));
      else reject(error);
    });
  });
}

export async function waitFor(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  while (!condition()) {
    assert.ok(performance.now() < deadlineMs, `waited 5 s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
