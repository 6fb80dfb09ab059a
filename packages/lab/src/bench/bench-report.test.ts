import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportBench } from './bench-report.ts';
import { shareOf } from './direct-watch.ts';

const heraldChange = (p99Ms: number, maxHops: number) => ({
  id: '0.5.5',
  epoch: 5n,
  leaderId: 'elector-1',
  publishedMs: 0,
  nodes: 2,
  reached: 2,
  p50Ms: p99Ms / 2,
  p99Ms,
  maxMs: p99Ms + 1,
  maxHops,
  pushesPerNode: 1.0004,
});
const directChange = (p99Ms: number) => {
  const spread = { p50Ms: p99Ms / 2, p99Ms, maxMs: p99Ms + 1 };
  return { ...spread, fromAcknowledged: spread };
};
const client = {
  cachedPerSecond: 1_234_567.8,
  workOverheadUs: 3.4567,
  uncachedP99Ms: 1.2345,
  nodeLookupsPerSecond: 6_789.4,
};
const direct = (changes: number[], cpuSeconds: number) => ({
  changes: changes.map(directChange),
  etcdConnections: 2,
  etcd: { cpuSeconds, rssMiB: 60 },
});
const herald = {
  changes: [heraldChange(30, 6), heraldChange(10, 9), heraldChange(20, 7)],
  electors: 3,
  etcdConnections: 6,
  etcd: { cpuSeconds: 0.1, rssMiB: 40 },
};

const tls = { nodes: 2, protection: 'tls' } as const;

test('figures are medians over the changes, of the direct watchers over both of their turns', () => {
  const directWatch = [direct([40, 50], 0.5), direct([10, 45, 90], 0.7)];
  assert.deepEqual(reportBench({ ...tls, herald, directWatch, client }), {
    nodes: 2,
    protection: 'tls',
    herald: {
      p50Ms: 10,
      p99Ms: 20,
      maxMs: 21,
      pushesPerNode: 1,
      maxHops: 9,
      etcdConnections: 6,
      etcdCpuSeconds: 0.1,
    },
    directWatch: {
      p50Ms: 22.5,
      p99Ms: 45,
      maxMs: 46,
      etcdConnections: 2,
      etcdCpuSeconds: 0.6,
    },
    p99Ratio: 0.444,
    client: {
      cachedPerSecond: 1_234_568,
      workOverheadUs: 3.5,
      uncachedP99Ms: 1.23,
      nodeLookupsPerSecond: 6_789,
    },
    plainText: null,
  });
});

test('what was measured in plain text stands beside what was measured over TLS', () => {
  const directWatch = [direct([40], 0.5)];
  const faster = { ...herald, changes: [heraldChange(8, 5)] };
  const plainText = { herald: faster, client: { ...client, uncachedP99Ms: 0.5 } };
  const report = reportBench({ ...tls, herald, directWatch, client, plainText });
  assert.equal(report.herald.p99Ms, 20);
  assert.equal(report.p99Ratio, 0.5, 'of what is on by default');
  assert.equal(report.plainText?.herald.p99Ms, 8);
  assert.equal(report.plainText.client.uncachedP99Ms, 0.5);
});

test('what could not be read is null, and what reached nobody is no result', () => {
  const unread = { ...direct([45], 0), etcd: undefined, etcdConnections: undefined };
  const report = reportBench({ ...tls, herald, directWatch: [unread], client });
  assert.equal(report.directWatch.etcdCpuSeconds, null);
  assert.equal(report.directWatch.etcdConnections, null);
  const lost = { ...heraldChange(1, 1), p50Ms: undefined, p99Ms: undefined, maxMs: undefined };
  const broken = { ...herald, changes: [...herald.changes, lost] };
  assert.throws(
    () => reportBench({ ...tls, herald: broken, directWatch: [unread], client }),
    /reached nobody/,
  );
});

test('watchers are shared out without losing any', () => {
  for (const [total, parts] of [
    [500, 4],
    [7, 3],
    [2, 5],
  ] as const) {
    const shares = Array.from({ length: parts }, (_, index) => shareOf(total, parts, index));
    assert.equal(
      shares.reduce((sum, share) => sum + share, 0),
      total,
    );
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 1);
  }
});
