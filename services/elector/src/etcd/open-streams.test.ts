/** What ends here ends at etcd as well, while the connection lives: etcd's own counts of streams say so. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EtcdServer } from '../testing/etcd-server.ts';
import { eventually } from '../testing/eventually.ts';
import { EtcdKeyspace } from './keyspace.ts';
import { EtcdLeases } from './leases.ts';
import { ClusterIdentity, EtcdSession } from './session.ts';
import { watchPrefix } from './watch.ts';

const repeats = 20;

let etcd: EtcdServer;

before(async () => {
  etcd = await EtcdServer.start();
});
after(async () => {
  await etcd[Symbol.asyncDispose]();
});

/** Its calls outlive the test, so that no deadline ends what was left open. */
function newSession(): EtcdSession {
  const identity = new ClusterIdentity();
  return new EtcdSession({
    ...{ endpoints: [etcd.endpoint], identity, random: () => 0, callTimeoutMs: 120_000 },
  });
}

/** Calls of this method that etcd has begun, and those that go on. */
async function streamsOf(method: 'Watch' | 'LeaseKeepAlive') {
  const metrics = await (await fetch(`${etcd.endpoint}/metrics`)).text();
  const count = (what: 'started' | 'handled'): number =>
    metrics
      .split('\n')
      .filter((line) => line.startsWith(`grpc_server_${what}_total{`))
      .filter((line) => line.includes(`grpc_method="${method}"`))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  const started = count('started');
  return { started, open: started - count('handled') };
}

describe('P6.1: streams at etcd', () => {
  test('a watch ends there when it is left, or told to stop', async () => {
    using session = newSession();
    const keyspace = new EtcdKeyspace(session);
    const leases = new EtcdLeases(session);
    const { leaseId } = await leases.grant(600);
    await keyspace.createOrRead({ key: 'watched/a', value: '', leaseId });
    for (let count = 0; count < repeats; count++) {
      const stop = new AbortController();
      for await (const { revision } of watchPrefix(session, 'watched/', 1n, stop.signal)) {
        assert.ok(revision > 0n);
        if (count % 2 === 0) break;
        stop.abort();
      }
    }
    await keyspace.read('watched/a'); // on the same connection, which stands
    await eventually('no watch is left', async () => (await streamsOf('Watch')).open === 0);
    assert.equal((await streamsOf('Watch')).started, repeats);
  });

  test('a renewal ends there with its answer', async () => {
    using session = newSession();
    const leases = new EtcdLeases(session);
    const { leaseId } = await leases.grant(600);
    for (let count = 0; count < repeats; count++) await leases.renew(leaseId);
    await eventually('no renewal is left', async () => {
      return (await streamsOf('LeaseKeepAlive')).open === 0;
    });
    assert.equal((await streamsOf('LeaseKeepAlive')).started, repeats);
  });
});
