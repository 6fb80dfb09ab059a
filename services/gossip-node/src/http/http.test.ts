/** A node's routes over real sockets; every answer is held against the description that it serves. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseClusterName, parseElectionName, parseNodeId } from '@herald/core';
import type { Leader, LeaderRecord, Version } from '@herald/core';
import { createLogger, EventStreams, startOperationsServer } from '@herald/process';
import { createGossipNode } from '../gossip-node.ts';
import { DescribedServer } from '../testing/described-server.ts';
import { addNodeRoutes } from './node-routes.ts';
import { redirectTarget } from './redirect-target.ts';

const election = parseElectionName('payments');
const issuer = parseNodeId('elector-a');
const logger = createLogger({
  name: 'test',
  level: 'fatal',
  destination: { write: () => undefined },
});

function versionOf(epoch: bigint, part: Partial<Version> = {}): Version {
  return { lineage: 0, epoch, sequence: epoch, renewal: 0, ...part };
}

function claim(
  epoch: bigint,
  change: Partial<Leader> = {},
  validityMs = 60_000,
  part: Partial<Version> = {},
): LeaderRecord {
  return {
    ...{ kind: 'leader', election, issuer, validityMs, version: versionOf(epoch, part) },
    leader: {
      ...{ id: parseNodeId('a'), address: '10.0.0.1:80', metadata: { zone: 'b' } },
      ...change,
    },
  };
}

function vacancy(epoch: bigint): LeaderRecord {
  const version = versionOf(epoch, { sequence: epoch + 1n });
  return { kind: 'vacancy', election, issuer, version };
}

/** A node alone, with its routes. */
async function startNode(name = 'n1', streams?: EventStreams) {
  const node = await createGossipNode({
    cluster: parseClusterName('http-tests'),
    nodeId: parseNodeId(name),
    listen: { host: '127.0.0.1', port: 0 },
    seeds: [],
    application: { zone: 'z1', build: '1.2.3', metadata: { rack: '7' } },
  });
  const server = await startOperationsServer({
    listen: { host: '127.0.0.1', port: 0 },
    logger,
    register: (routes) => {
      addNodeRoutes(routes, node.member, streams);
    },
  });
  return {
    ...{ node, member: node.member, server, url: server.url },
    http: await DescribedServer.at(server.url),
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await node.close();
    },
  };
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 15_000;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`not within 15 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

interface Problem {
  readonly type: string;
  readonly status: number;
  readonly detail: string;
  readonly known?: { readonly status: string; readonly leader?: { readonly id: string } };
}

const leaderPath = '/v1/elections/payments/leader';

describe('P9: who leads, over HTTP', { timeout: 60_000 }, () => {
  test('a current leader is 200, with how old and how long, and what caches may do', async () => {
    await using node = await startNode();
    node.member.publish(claim(2n ** 53n + 1n), 2_500);
    const { status, headers, body } = await node.http.get(leaderPath);
    assert.equal(status, 200);
    const { ageMs, validForMs, ...facts } = body as { ageMs: number; validForMs: number };
    assert.deepEqual(facts, {
      election: 'payments',
      status: 'current',
      version: {
        lineage: 0,
        epoch: '9007199254740993',
        sequence: '9007199254740993',
        renewal: 0,
      },
      leader: { id: 'a', address: '10.0.0.1:80', metadata: { zone: 'b' } },
      hops: 0,
      issuer: 'elector-a',
    });
    assert.ok(ageMs >= 2_500 && ageMs < 30_000, String(ageMs));
    assert.ok(validForMs <= 60_000 - 2_500 && validForMs > 30_000, String(validForMs));
    assert.equal(headers.get('cache-control'), 'max-age=60, must-revalidate');
    assert.ok(Number(headers.get('age')) >= 3, 'an age is rounded up');
    assert.equal(headers.get('etag'), 'W/"0.9007199254740993.9007199254740993.0"');
  });

  test('a caller that has this version is told no more, and HEAD tells the headers', async () => {
    await using node = await startNode();
    node.member.publish(claim(17n));
    const etag = 'W/"0.17.17.0"';
    for (const tags of [etag, '"0.17.17.0"', `"other", ${etag}`, '*']) {
      assert.equal((await node.http.get(leaderPath, { 'if-none-match': tags })).status, 304, tags);
    }
    assert.equal((await node.http.get(leaderPath, { 'if-none-match': '"0.16.16.0"' })).status, 200);
    const signal = AbortSignal.timeout(5_000);
    const head = await fetch(`${node.url}${leaderPath}`, { method: 'HEAD', signal });
    assert.equal(head.status, 200);
    assert.equal(head.headers.get('etag'), etag);
    assert.equal(await head.text(), '');
  });

  test('what must not be acted on is an error, with what is known', async () => {
    await using node = await startNode();
    const ask = async (query = '') => {
      const { status, headers, body } = await node.http.get(`${leaderPath}${query}`);
      const problem = body as Problem;
      if (status === 200) return { status, kind: 'none', known: undefined, retryAfter: null };
      assert.equal(problem.status, status);
      assert.equal(headers.get('cache-control'), 'no-store');
      const kind = problem.type.replace('urn:herald:problem:', '');
      return { status, kind, known: problem.known, retryAfter: headers.get('retry-after') };
    };
    const unknown = { status: 404, kind: 'unknown-election', known: undefined, retryAfter: null };
    assert.deepEqual(await ask(), unknown);

    node.member.publish(claim(17n, {}, 20));
    await until('the claim expires', async () => (await ask()).kind === 'expired');
    const expired = await ask();
    assert.deepEqual([expired.status, expired.retryAfter], [503, '1']);
    assert.equal(expired.known?.leader?.id, 'a');
    assert.equal((await ask('?redirect')).kind, 'expired', 'nobody is sent to where nobody may be');

    node.member.publish(vacancy(17n));
    const vacant = await ask();
    assert.deepEqual([vacant.status, vacant.kind, vacant.retryAfter], [503, 'vacant', '1']);
    assert.equal(vacant.known?.status, 'vacant');

    node.member.publish(claim(18n));
    const behind = await ask('?minVersion=0.19.19.0');
    assert.deepEqual([behind.status, behind.kind, behind.retryAfter], [503, 'behind', '1']);
    assert.equal((await node.http.get(`${leaderPath}?minVersion=0.18.18.7`)).status, 200);
  });

  test('what breaks a rule is 400, and says which', async () => {
    await using node = await startNode();
    const wrong = {
      '/v1/elections/-/leader': /^election: must start with a letter or digit/,
      [`/v1/elections/${'e'.repeat(129)}/watch`]: /^election: must be at most 128 characters/,
      '/v1/elections/payments/leader?minVersion=17': /^minVersion: must be lineage\.epoch/,
      '/v1/elections/payments/leader?minVersion=0.9223372036854775808.0.0': /^minVersion: must be/,
      '/v1/elections/payments/leader?redirect=ftp': /^redirect: /,
      '/v1/elections/payments/leader?redirects': /Unrecognized key: "redirects"/,
      '/v1/elections/payments/convergence?x=1': /Unrecognized key: "x"/,
      '/v1/members?limit=0': /^limit: /,
      '/v1/members?limit=': /^limit: /,
      '/v1/members?limit=1&limit=2': /^limit: /,
      '/v1/members?role=leader': /^role: /,
    };
    for (const [path, detail] of Object.entries(wrong)) {
      const { status, body } = await node.http.get(path);
      assert.equal(status, 400, path);
      assert.match((body as Problem).detail, detail);
    }
  });

  test('redirects to the leader, and to nowhere that is none', async () => {
    await using node = await startNode();
    const locationOf = async (address: string, epoch: bigint, query = '?redirect') => {
      node.member.publish(claim(epoch, { address }));
      const { status, headers } = await node.http.get(`${leaderPath}${query}`);
      return [status, headers.get('location')];
    };
    assert.deepEqual(await locationOf('10.0.0.1:80', 1n), [307, 'http://10.0.0.1/']);
    assert.deepEqual(await locationOf('api.example:8443', 2n, '?redirect=https'), [
      307,
      'https://api.example:8443/',
    ]);
    const url = 'https://api.example/v2?shard=1';
    assert.deepEqual(await locationOf(url, 3n), [307, url]);
    assert.deepEqual(await locationOf('unix:/run/leader.sock', 4n), [409, null]);
  });

  test('a redirect leads to web servers only', () => {
    const targets = {
      '[::1]:8080': 'http://[::1]:8080/',
      'http://h:1/a b': 'http://h:1/a%20b',
      'javascript:alert(1)': undefined,
      'file:///etc/passwd': undefined,
      'https://user:password@h/': undefined,
      'h:0': undefined,
      '': undefined,
      h: undefined,
    };
    for (const [address, target] of Object.entries(targets)) {
      assert.equal(redirectTarget(address, 'http'), target, address);
    }
  });

  test('lists every election', async () => {
    await using node = await startNode();
    node.member.publish(claim(17n));
    node.member.publish({ ...vacancy(5n), election: parseElectionName('reports') });
    const { body } = await node.http.get('/v1/elections');
    const { elections } = body as { elections: { election: string; status: string }[] };
    assert.deepEqual(elections.map(({ election: name, status }) => [name, status]).toSorted(), [
      ['payments', 'current'],
      ['reports', 'vacant'],
    ]);
  });
});

describe('the tier, over HTTP', { timeout: 60_000 }, () => {
  test('members are the facts of ListMembers, by filter and up to a limit', async () => {
    await using a = await startNode('a');
    await using b = await createGossipNode({
      cluster: parseClusterName('http-tests'),
      nodeId: parseNodeId('b'),
      listen: { host: '127.0.0.1', port: 0 },
      seeds: [a.node.address],
      application: { zone: 'z2', build: '', metadata: {} },
    });
    interface List {
      readonly cluster: string;
      readonly total: number;
      readonly members: readonly Record<string, unknown>[];
    }
    const list = async (query = '') => (await a.http.get(`/v1/members${query}`)).body as List;
    await until('a has heard b speak of itself', async () => (await list('?zone=z2')).total === 1);
    const all = await list();
    assert.deepEqual([all.cluster, all.total], ['http-tests', 2]);
    assert.deepEqual(
      all.members.map(({ nodeId, self, role }) => [nodeId, self, role]),
      [
        ['a', true, 'node'],
        ['b', false, 'node'],
      ],
    );
    assert.equal(all.members[1]?.['address'], b.address);
    const limited = await list('?limit=1');
    assert.deepEqual([limited.total, limited.members.length], [2, 1]);
    assert.equal((await list('?role=elector')).total, 0);
    assert.equal((await list('?reachability=reachable&zone=z1')).total, 1);
  });

  test('convergence says how far the newest change has come', async () => {
    await using node = await startNode();
    const path = '/v1/elections/payments/convergence';
    assert.equal((await node.http.get(path)).status, 404);
    node.member.publish(claim(17n));
    const { status, body } = await node.http.get(path);
    assert.equal(status, 200);
    assert.deepEqual(body, {
      election: 'payments',
      newest: { lineage: 0, epoch: '17', sequence: '17', renewal: 0 },
      applied: 1,
      live: 1,
      behind: [],
      nodeId: 'n1',
    });
  });

  test('everything that is served is described', async () => {
    await using node = await startNode();
    assert.equal(node.http.description.openapi, '3.1.0');
    assert.deepEqual(Object.keys(node.http.description.paths).toSorted(), [
      '/livez',
      '/readyz',
      '/v1/elections',
      '/v1/elections/{election}/convergence',
      '/v1/elections/{election}/leader',
      '/v1/elections/{election}/watch',
      '/v1/members',
    ]);
    for (const path of ['/livez', '/readyz']) {
      assert.equal((await node.http.get(path)).status, 200);
    }
  });
});

interface SeenEvent {
  readonly id: string | undefined;
  readonly status: string;
  readonly epoch: string | undefined;
}

/** Reads events as they come. */
async function* events(
  url: string,
  query = '',
  headers: Readonly<Record<string, string>> = {},
): AsyncGenerator<SeenEvent, void, undefined> {
  const signal = AbortSignal.timeout(30_000);
  const response = await fetch(`${url}/v1/elections/payments/watch${query}`, { headers, signal });
  assert.equal(response.status, 200);
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data === undefined) continue;
      const facts = JSON.parse(data) as { status: string; version?: { epoch: string } };
      const id = /^id: (.*)$/m.exec(block)?.[1];
      yield { id, status: facts.status, epoch: facts.version?.epoch };
    }
  }
}

async function next(stream: AsyncGenerator<SeenEvent>): Promise<SeenEvent> {
  const result = await stream.next();
  assert.ok(result.done !== true, 'the stream goes on');
  return result.value;
}

describe('P9: changes of leader as events', { timeout: 60_000 }, () => {
  test('the present state at once, then each change, and the expiry', async () => {
    await using node = await startNode();
    const stream = events(node.url);
    assert.deepEqual(await next(stream), { id: undefined, status: 'unknown', epoch: undefined });
    node.member.publish(claim(17n));
    assert.deepEqual(await next(stream), { id: '0.17.17.0', status: 'current', epoch: '17' });
    node.member.publish(vacancy(17n));
    assert.deepEqual(await next(stream), { id: '0.17.18.0', status: 'vacant', epoch: '17' });
    node.member.publish(claim(21n, {}, 200));
    // On a slow machine the expiry overtakes the change: the newest wins.
    let last = await next(stream);
    if (last.status === 'current') last = await next(stream);
    assert.deepEqual(last, { id: '0.21.21.0', status: 'expired', epoch: '21' });
    await stream.return();
  });

  test('renewals are told to those who ask', async () => {
    await using node = await startNode();
    node.member.publish(claim(17n));
    const all = events(node.url, '?renewals');
    const changes = events(node.url);
    await next(all);
    await next(changes);
    node.member.publish(claim(17n, {}, 60_000, { renewal: 1 }));
    assert.equal((await next(all)).id, '0.17.17.1');
    node.member.publish(claim(18n));
    assert.equal((await next(changes)).id, '0.18.18.0', 'the renewal was passed over');
    await all.return();
    await changes.return();
  });

  test('a reader that comes back is never told of an older version', async () => {
    await using node = await startNode();
    node.member.publish(claim(17n));
    const sameAgain = events(node.url, '', { 'last-event-id': '0.17.17.0' });
    assert.equal((await next(sameAgain)).id, '0.17.17.0', 'what was seen may have expired');
    await sameAgain.return();
    node.member.publish(claim(18n));
    const ahead = events(node.url, '', { 'last-event-id': '0.19.19.0' });
    const first = next(ahead);
    await until('the watch is served', () => node.member.stats().watchers === 1);
    node.member.publish(claim(20n));
    assert.equal((await first).id, '0.20.20.0');
    await ahead.return();
    const foreign = events(node.url, '', { 'last-event-id': 'of another server' });
    assert.equal((await next(foreign)).id, '0.20.20.0');
    await foreign.return();
  });

  test('there are only so many at once; HEAD opens none', async () => {
    await using node = await startNode('n1', new EventStreams({ streamsMax: 1 }));
    const watchPath = '/v1/elections/payments/watch';
    const signal = AbortSignal.timeout(5_000);
    const head = await fetch(`${node.url}${watchPath}`, { method: 'HEAD', signal });
    assert.equal(head.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    const stream = events(node.url);
    await next(stream);
    const { status, body, headers } = await node.http.get(watchPath);
    assert.equal(status, 503);
    assert.equal((body as Problem).type, 'urn:herald:problem:too-many-watches');
    assert.equal(headers.get('retry-after'), '1');
    await stream.return();
  });

  test('ends in good order when the node does', async () => {
    const node = await startNode();
    const stream = events(node.url);
    await next(stream);
    await node[Symbol.asyncDispose]();
    assert.equal((await stream.next()).done, true, 'an end, not an error');
  });
});
