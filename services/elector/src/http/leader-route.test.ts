/** `GET /leader` over a real socket; every answer is held against the description that is served. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { parseAddress, parseElectionName, parseNodeId } from '@herald/core';
import { createLogger, startOperationsServer } from '@herald/process';
import { MemoryTier } from '../testing/memory-tier.ts';
import { addLeaderRoute } from './leader-route.ts';
import type { AskedCandidacy } from './leader-route.ts';

const id = parseNodeId('a');
const payments = parseElectionName('payments');
const reports = parseElectionName('reports');
const logger = createLogger({
  name: 'test',
  level: 'fatal',
  destination: { write: () => undefined },
});

/** A candidacy that leads at `epoch`, or not at all while that is undefined. */
function candidacy(election = payments, standing: { epoch: bigint | undefined }): AskedCandidacy {
  const electorAddress = parseAddress('10.0.0.1:7400');
  return {
    election,
    state: standing.epoch === undefined ? 'waiting' : 'leading',
    profile: { id, address: '10.0.0.1:80', electorAddress, metadata: {}, ttlSeconds: 3 },
    currentLeadership: () =>
      standing.epoch === undefined
        ? undefined
        : {
            ...{ epoch: standing.epoch, lineage: 2, signal: new AbortController().signal },
            ...{ isLeader: () => true, leadingForMs: () => 1_999.5 },
          },
  };
}

async function serve(tier: MemoryTier, ...elections: readonly AskedCandidacy[]) {
  const server = await startOperationsServer({
    ...{ listen: { host: '127.0.0.1', port: 0 }, logger },
    register: (routes) => {
      addLeaderRoute(routes, { id, elections, member: tier });
    },
  });
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${server.url}${path}`, { signal: AbortSignal.timeout(10_000), ...init });
  const { paths } = (await (await ask('/openapi.json')).json()) as {
    paths: Record<
      string,
      {
        get: {
          responses: Record<
            string,
            { content: Record<string, { schema: z.core.JSONSchema.JSONSchema }> }
          >;
        };
      }
    >;
  };
  /** The answer, when it is as described. */
  const get = async (query = ''): Promise<{ status: number; body: Record<string, unknown> }> => {
    const response = await ask(`/leader${query}`);
    const type = response.headers.get('content-type')?.split(';')[0] ?? '';
    const schema = paths['/leader']?.get.responses[response.status]?.content[type]?.schema;
    assert.ok(schema !== undefined, `${response.status} ${type} is described`);
    const body = (await response.json()) as Record<string, unknown>;
    assert.ok(z.fromJSONSchema(schema).safeParse(body).success, JSON.stringify(body));
    return { status: response.status, body };
  };
  return { ask, get, [Symbol.asyncDispose]: () => server.close() };
}

describe('P9: GET /leader', { timeout: 30_000 }, () => {
  test('is 200 exactly while the elector leads, with its fencing token', async () => {
    const standing: { epoch: bigint | undefined } = { epoch: 2n ** 53n + 1n };
    await using http = await serve(new MemoryTier(id), candidacy(payments, standing));
    const { status, body } = await http.get();
    assert.equal(status, 200);
    assert.deepEqual(body, {
      ...{ election: 'payments', electorId: 'a', lineage: 2 },
      ...{ epoch: '9007199254740993', leadingForMs: 1_999 },
    });
    assert.equal((await http.ask('/leader', { method: 'HEAD' })).status, 200);
    assert.equal((await http.get('?from=haproxy')).status, 200, 'what probes add is passed over');
    standing.epoch = undefined;
    assert.equal((await http.get()).status, 503);
    assert.equal((await http.ask('/leader', { method: 'HEAD' })).status, 503);
  });

  test('names the leader that is known when it does not lead', async () => {
    const tier = new MemoryTier(id);
    await using http = await serve(tier, candidacy(payments, { epoch: undefined }));
    const ignorant = await http.get();
    assert.equal(ignorant.status, 503);
    assert.equal(ignorant.body['type'], 'urn:herald:problem:not-leading');
    assert.equal(ignorant.body['known'], undefined);
    tier.publish({
      kind: 'leader',
      election: payments,
      version: { lineage: 0, epoch: 18n, sequence: 18n, renewal: 0 },
      issuer: parseNodeId('b'),
      leader: { id: parseNodeId('b'), address: '10.0.0.2:80', metadata: {} },
      validityMs: 60_000,
    });
    const { body } = await http.get();
    const known = body['known'] as { status: string; leader: { id: string; address: string } };
    assert.deepEqual(
      [known.status, known.leader.id, known.leader.address],
      ['current', 'b', '10.0.0.2:80'],
    );
    assert.equal((await http.ask('/leader')).headers.get('retry-after'), '1');
  });

  test('asks which election is meant where there are several', async () => {
    await using http = await serve(
      new MemoryTier(id),
      candidacy(payments, { epoch: 5n }),
      candidacy(reports, { epoch: undefined }),
    );
    const unclear = await http.get();
    assert.equal(unclear.status, 400);
    assert.equal(unclear.body['detail'], 'election: must be one of payments, reports');
    assert.equal((await http.get('?election=payments')).status, 200);
    assert.equal((await http.get('?election=reports')).status, 503);
    assert.equal((await http.get('?election=orders')).status, 404);
    assert.equal((await http.get('?election=-')).status, 400);
  });
});
