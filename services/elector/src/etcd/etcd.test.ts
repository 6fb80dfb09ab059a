/** The thin layer over etcd3, against a real etcd: what it promises to the campaign. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { seededRandom } from '@herald/core';
import { isElectorError } from '../errors.ts';
import { EtcdServer } from '../testing/etcd-server.ts';
import { etcdctl } from '../testing/etcdctl.ts';
import { eventually } from '../testing/eventually.ts';
import { TcpProxy } from '../testing/tcp-proxy.ts';
import { EtcdKeyspace, prefixRange } from './keyspace.ts';
import { EtcdLeases, formatLeaseId } from './leases.ts';
import { ClusterIdentity, EtcdSession } from './session.ts';
import { watchPrefix } from './watch.ts';

let etcd: EtcdServer;

before(async () => {
  etcd = await EtcdServer.start();
});
after(async () => {
  await etcd[Symbol.asyncDispose]();
});

/** Calls may take long on a busy machine; what is to end by its deadline says so. */
const patientCallMs = 10_000;

function open(endpoints: readonly string[] = [etcd.endpoint], callTimeoutMs = patientCallMs) {
  const identity = new ClusterIdentity();
  const session = new EtcdSession({ endpoints, identity, random: () => 0, callTimeoutMs });
  const keyspace = new EtcdKeyspace(session);
  return {
    ...{ session, identity, keyspace, leases: new EtcdLeases(session) },
    [Symbol.dispose]: () => {
      session[Symbol.dispose]();
    },
  };
}

describe('keyspace', () => {
  test('creating a key again finds the first, so that a lost answer does no harm', async () => {
    using client = open();
    const { leaseId } = await client.leases.grant(60);
    const request = { key: 'k1/a', value: 'one', leaseId };
    const created = await client.keyspace.createOrRead(request);
    assert.equal(created.createRevision, created.modRevision);
    assert.deepEqual(await client.keyspace.createOrRead(request), created);
    assert.deepEqual(await client.keyspace.read('k1/a'), created);
    await client.leases.revoke(leaseId);
    assert.equal(await client.keyspace.read('k1/a'), undefined);
  });

  test('a fenced write is done on the very key it is meant for, and on no other', async () => {
    using client = open();
    const { leaseId } = await client.leases.grant(60);
    const { createRevision: epoch } = await client.keyspace.createOrRead({
      ...{ key: 'k2/a', value: 'one', leaseId },
    });
    const changedAt = await client.keyspace.putFenced('k2/a', epoch, 'two');
    const changed = await client.keyspace.read('k2/a');
    assert.deepEqual(changed, {
      ...{ key: 'k2/a', value: 'two', leaseId, createRevision: epoch, modRevision: changedAt },
    });
    await etcdctl(etcd.endpoint, 'del', 'k2/a');
    await etcdctl(etcd.endpoint, 'put', 'k2/a', 'somebody else');
    const isFenced = (error: unknown) => isElectorError(error, 'FENCED');
    await assert.rejects(client.keyspace.putFenced('k2/a', epoch, 'three'), isFenced);
    await assert.rejects(client.keyspace.deleteFenced('k2/a', epoch), isFenced);
    const found = await client.keyspace.read('k2/a');
    assert.equal(found?.value, 'somebody else');
    const deletedAt = await client.keyspace.deleteFenced('k2/a', found.createRevision);
    assert.equal(deletedAt, found.createRevision + 1n);
  });

  test('a prefix is read in order of creation, and a cut is told', async () => {
    using client = open();
    for (const name of ['c', 'a', 'b']) await etcdctl(etcd.endpoint, 'put', `k3/${name}`, name);
    await etcdctl(etcd.endpoint, 'put', 'k30', 'not below k3/');
    const all = await client.keyspace.readPrefix('k3/', 10);
    assert.deepEqual(
      all.keys.map(({ value }) => value),
      ['c', 'a', 'b'],
    );
    assert.equal(all.isTruncated, false);
    const two = await client.keyspace.readPrefix('k3/', 2);
    assert.deepEqual([two.keys.length, two.isTruncated], [2, true]);
    assert.equal(all.clusterId, client.identity.clusterId);
  });

  test('the range of a prefix ends with its last byte raised', () => {
    const { key, range_end } = prefixRange('p/');
    assert.deepEqual([key.toString(), range_end.toString()], ['p/', 'p0']);
  });
});

describe('leases', () => {
  test('a lease is granted, renewed, asked about and revoked', async () => {
    using client = open();
    const { leaseId, ttlMs } = await client.leases.grant(1);
    assert.equal(ttlMs, 2_000, 'etcd grants no less than 3/2 of its election timeout');
    assert.equal(await client.leases.renew(leaseId), 2_000);
    const life = await client.leases.life(leaseId);
    assert.ok(life.kind === 'alive' && life.remainingMsMax <= 2_000);
    const listed = await etcdctl(etcd.endpoint, 'lease', 'list');
    assert.ok(listed.includes(formatLeaseId(leaseId)));
    await client.leases.revoke(leaseId);
    await client.leases.revoke(leaseId);
    assert.deepEqual(await client.leases.life(leaseId), { kind: 'gone' });
    const isLost = (error: unknown) => isElectorError(error, 'LEASE_LOST');
    await assert.rejects(client.leases.renew(leaseId), isLost);
    const key = { key: 'l1/a', value: '', leaseId };
    await assert.rejects(client.keyspace.createOrRead(key), isLost);
  });

  test('an id is written as etcd writes it', () => {
    assert.equal(formatLeaseId(0x0694_7c2b_0000_0001n), '6947c2b00000001');
  });
});

describe('session', () => {
  test('reads, writes, a watch and leases of one session share one connection', async () => {
    const before = await etcd.connectionsFrom(process.pid);
    using client = open();
    using other = open();
    const { leaseId } = await client.leases.grant(60);
    await client.keyspace.createOrRead({ key: 's1/a', value: '', leaseId });
    const stop = new AbortController();
    const watch = watchPrefix(client.session, 's1/', 1n, stop.signal);
    await watch.next();
    const count = (expected: number) =>
      eventually(`${expected} connections`, async () => {
        return (await etcd.connectionsFrom(process.pid)) === before + expected;
      });
    await count(1);
    // Sessions share nothing.
    await other.keyspace.read('s1/a');
    await count(2);
    stop.abort();
    await watch.return();
    client[Symbol.dispose]();
    other[Symbol.dispose]();
    await eventually('both are closed', async () => {
      return (await etcd.connectionsFrom(process.pid)) === before;
    });
  });

  test('a call that is not answered ends at its deadline, and the next endpoint is used', async () => {
    await using proxy = await TcpProxy.to(etcd.clientPort);
    using client = open([proxy.endpoint, etcd.endpoint], 300);
    await client.keyspace.read('s2/a');
    proxy.swallow();
    const isTimeout = (error: unknown) => isElectorError(error, 'ETCD_TIMEOUT');
    await assert.rejects(client.keyspace.read('s2/a'), isTimeout);
    assert.equal(await client.keyspace.read('s2/a'), undefined);
    assert.equal(client.session.connect().endpoint, etcd.endpoint);
  });

  test('calls that wait less than a dial takes do not end every dial', async () => {
    await using proxy = await TcpProxy.to(etcd.clientPort, { openingDelayMs: 600 });
    using client = open([proxy.endpoint], 200);
    let timeouts = 0;
    await eventually('an answer', async () => {
      try {
        await client.keyspace.read('s5/a');
        return true;
      } catch (error) {
        if (!isElectorError(error, 'ETCD_TIMEOUT')) throw error;
        timeouts++;
        return false;
      }
    });
    assert.ok(timeouts > 1, 'the first dial is given up with the call that waits for it');
  });

  test('a refused connection is told at once, with the endpoint', async () => {
    using client = open(['http://127.0.0.1:1']);
    await assert.rejects(client.keyspace.read('s3/a'), (error) => {
      assert.ok(isElectorError(error, 'ETCD_UNREACHABLE'));
      assert.match(error.message, /^etcd at http:\/\/127.0.0.1:1: reading s3\/a: .*ECONNREFUSED/);
      return true;
    });
  });

  test('electors do not all lean on the first endpoint', () => {
    const endpoints = ['http://a:1', 'http://b:1', 'http://c:1'];
    const first = (seed: number) =>
      new EtcdSession({
        ...{
          endpoints,
          identity: new ClusterIdentity(),
          callTimeoutMs: 1,
          random: seededRandom(seed),
        },
      }).connect().endpoint;
    const used = new Set(Array.from({ length: 20 }, (_, seed) => first(seed)));
    assert.equal(used.size, 3);
  });

  test('answers of another cluster are refused', async () => {
    await using other = await EtcdServer.start();
    using client = open([etcd.endpoint]);
    await client.keyspace.read('s4/a');
    using session = new EtcdSession({
      ...{ endpoints: [other.endpoint], identity: client.identity, random: () => 0 },
      callTimeoutMs: patientCallMs,
    });
    await assert.rejects(new EtcdKeyspace(session).read('s4/a'), (error) => {
      assert.ok(isElectorError(error, 'HISTORY_LOST'));
      return true;
    });
  });
});
