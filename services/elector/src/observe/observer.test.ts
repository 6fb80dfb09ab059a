/** Observation of a real etcd: nothing is missed, whatever becomes of the watch. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseAddress, seededRandom } from '@herald/core';
import { createLogger } from '@herald/process';
import { SuspendAwareClock } from '../clock.ts';
import { isElectorError } from '../errors.ts';
import { EtcdKeyspace } from '../etcd/keyspace.ts';
import { ClusterIdentity, EtcdSession } from '../etcd/session.ts';
import { watchPrefix } from '../etcd/watch.ts';
import { History } from '../history/history.ts';
import { EtcdServer } from '../testing/etcd-server.ts';
import { etcdctl } from '../testing/etcdctl.ts';
import { eventually } from '../testing/eventually.ts';
import { TcpProxy } from '../testing/tcp-proxy.ts';
import { TroubleLog } from '../trouble.ts';
import { waitForEtcd } from '../wait-for-etcd.ts';
import { Observer } from './observer.ts';
import type { ElectionView } from './view.ts';

const quiet = createLogger({ name: 't', level: 'silent', destination: { write: () => undefined } });
let etcd: EtcdServer;

before(async () => {
  etcd = await EtcdServer.start();
});
after(async () => {
  await etcd[Symbol.asyncDispose]();
});

function newSession(endpoint: string, identity = new ClusterIdentity()): EtcdSession {
  const random = seededRandom(1);
  return new EtcdSession({ endpoints: [endpoint], identity, random, callTimeoutMs: 500 });
}

async function observe(endpoint: string, prefix: string, ttlMs = 3_000) {
  const identity = new ClusterIdentity();
  const session = newSession(endpoint, identity);
  const stop = new AbortController();
  const views: ElectionView[] = [];
  const trouble = new TroubleLog(quiet);
  const keyspace = new EtcdKeyspace(session);
  const history = new History({
    prefix: `history-of-${prefix.replace('/', '')}`,
    electorAddress: parseAddress('127.0.0.1:7400'),
    ...{ elections: [], identity, keyspace, logger: quiet },
    tier: { leader: () => undefined },
  });
  const observer = new Observer({
    candidatesPrefix: prefix,
    ...{ session, ttlMs, trouble, keyspace, history },
    ...{ clock: new SuspendAwareClock(), random: seededRandom(2) },
    tier: () => undefined,
    isOwn: () => false,
    onView: (view) => views.push(view),
  });
  await waitForEtcd(() => history.open(), {
    ...{ endpoints: [endpoint], waitMs: 30_000, random: seededRandom(3), signal: stop.signal },
  });
  const running = observer.run(stop.signal);
  const names = () => observer.view?.candidates.map(({ value }) => value).join(' ');
  return {
    ...{ observer, views, history, trouble, names, session },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      session[Symbol.dispose]();
      await running;
    },
  };
}

const put = (key: string, value: string) => etcdctl(etcd.endpoint, 'put', key, value);
const del = (key: string) => etcdctl(etcd.endpoint, 'del', key);

describe('observer', () => {
  test('candidates are seen in line, with the revisions at which they vanish', async () => {
    await using eye = await observe(etcd.endpoint, 'o1/');
    await put('o1/b', 'first');
    await put('o1/a', 'second');
    await eventually('both are seen in line', () => eye.names() === 'first second');
    const epoch = eye.observer.view?.candidates[0]?.createRevision ?? 0n;
    await del('o1/b');
    await eventually('the first is gone', () => eye.names() === 'second');
    assert.equal(eye.observer.deletionOf(epoch), eye.observer.view?.revision);
  });

  test('revisions of views never go back', async () => {
    await using eye = await observe(etcd.endpoint, 'o2/');
    await Promise.all(Array.from({ length: 20 }, (_, index) => put(`o2/${index}`, `${index}`)));
    await eventually('all are seen', () => eye.observer.view?.candidates.length === 20);
    const revisions = eye.views.map(({ revision }) => revision);
    assert.deepEqual(
      revisions,
      revisions.toSorted((a, b) => Number(a - b)),
    );
  });

  test('a read that is asked for begins after it was asked for, and is shared', async () => {
    await using eye = await observe(etcd.endpoint, 'o3/');
    await eye.observer.refresh();
    const first = eye.observer.refresh();
    const [second, third] = [eye.observer.refresh(), eye.observer.refresh()];
    assert.equal(second, third);
    assert.notEqual(first, second);
    await Promise.all([first, second]);
  });

  test('what happened while the connection was swallowed, and was compacted, is seen after it', async () => {
    await using proxy = await TcpProxy.to(etcd.clientPort);
    await using eye = await observe(proxy.endpoint, 'o4/');
    await put('o4/a', 'before');
    await eventually('it is seen', () => eye.names() === 'before');
    proxy.swallow();
    await del('o4/a');
    await put('o4/b', 'meanwhile');
    const header = await etcdctl(etcd.endpoint, 'get', 'o4/b', '-w', 'json');
    const { revision } = (JSON.parse(header) as { header: { revision: number } }).header;
    await etcdctl(etcd.endpoint, 'compact', String(revision));
    await eventually('it is noticed', () => eye.trouble.text !== '');
    proxy.heal();
    await eventually('it is seen', () => eye.names() === 'meanwhile');
    assert.equal(eye.history.refusal, undefined);
    await eventually('all is well', () => eye.trouble.text === '');
    await put('o4/c', 'later');
    await eventually('the new watch works', () => eye.names() === 'meanwhile later');
  });

  for (const [what, token, says] of [
    ['wiped', undefined, /its mark is gone/],
    ['another cluster', 'second', /it belongs to cluster \d+, and was cluster \d+ before/],
  ] as const) {
    test(`etcd that is ${what} is not believed, and the view stays`, async () => {
      await using server = await EtcdServer.start();
      await using eye = await observe(server.endpoint, 'o5/');
      await etcdctl(server.endpoint, 'put', 'o5/a', 'old');
      await eventually('it is seen', () => eye.names() === 'old');
      await server.wipe(token);
      await eventually('it is noticed', () => eye.history.refusal !== undefined);
      assert.match(eye.history.refusal ?? '', says);
      assert.equal(eye.names(), 'old');
      await assert.rejects(eye.observer.refresh(), (error) =>
        isElectorError(error, 'HISTORY_LOST'),
      );
    });
  }
});

describe('watch', () => {
  test('a watch whose start was compacted away ends with an error', async () => {
    using session = newSession(etcd.endpoint);
    await put('w1/a', '1');
    await put('w1/a', '2');
    const { revision } = await new EtcdKeyspace(session).readPrefix('w1/', 1);
    await etcdctl(etcd.endpoint, 'compact', String(revision));
    const watch = watchPrefix(session, 'w1/', 1n, new AbortController().signal);
    await assert.rejects(watch.next(), (error) => {
      assert.ok(isElectorError(error, 'WATCH_ENDED'));
      assert.match(error.message, /compacted away, up to revision/);
      return true;
    });
  });

  test('it ends without an error when it is told to', async () => {
    using session = newSession(etcd.endpoint);
    const stop = new AbortController();
    const watch = watchPrefix(session, 'w2/', 1n << 40n, stop.signal);
    const next = watch.next();
    stop.abort();
    assert.deepEqual(await next, { done: true, value: undefined });
  });

  test('it ends with an error when etcd goes away', async () => {
    await using server = await EtcdServer.start();
    using session = newSession(server.endpoint);
    const watch = watchPrefix(session, 'w3/', 1n, new AbortController().signal);
    const next = watch.next();
    await etcdctl(server.endpoint, 'put', 'w3/a', '1');
    assert.equal((await next).done, false);
    const end = assert.rejects(watch.next(), (error) =>
      isElectorError(error, 'ETCD_UNREACHABLE', 'WATCH_ENDED'),
    );
    await server.stop('SIGKILL');
    await end;
  });
});
