import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LabReport } from '../report.ts';
import { judge } from './verdict.ts';
import type { Observed } from './verdict.ts';

const change = {
  cause: 'elected',
  epoch: 5,
  leaderId: 'elector-1',
  reached: 25,
  p50Ms: 1,
  p99Ms: 2,
  maxMs: 2,
  maxHops: 3,
  pushesPerNode: 1,
  detectMs: 0,
} as const;

const massFailure = {
  killed: 12,
  agreedMs: 1_500,
  reached: 13,
  survivors: 13,
  p99Ms: 2,
  maxMs: 2,
  backMs: 700,
};

const good: LabReport = {
  nodes: 25,
  electors: 3,
  etcd: { version: '3.4.23', clientConnections: 6 },
  startup: { readyMs: 1_000 },
  changes: [change, { ...change, cause: 'crash', epoch: 9 }],
  client: { calls: 40, redirects: 0, retries: 7, failures: 0, wrongLeader: 0 },
  idle: { cpuCores: 0.1, rssMiB: 300, framesPerNodePerSecond: 3, bytesPerNodePerSecond: 300 },
  members: { allKnownMs: 900, massFailure },
};
const seen: Observed = { overlaps: [], leaderships: 2, epochInEtcd: 9n, epochInLogs: 9n };
const leadership = {
  electorId: 'a',
  epoch: 5n,
  startMs: 0,
  endMs: undefined,
  endReason: undefined,
};

function broken(report: LabReport, observed: Observed = seen): readonly string[] {
  return judge(report, observed)
    .filter(({ held }) => !held)
    .map(({ promise }) => promise);
}

function afterFailure(changed: Partial<typeof massFailure>): LabReport {
  return { ...good, members: { ...good.members, massFailure: { ...massFailure, ...changed } } };
}

test('a good run holds, in every part', () => {
  assert.deepEqual(broken(good), []);
});

test('each part breaks by itself', () => {
  const parts: readonly (readonly [string, LabReport, Observed?])[] = [
    ['one leader at a time', good, { ...seen, overlaps: [[leadership, leadership]] }],
    ['the leader is etcd’s', good, { ...seen, epochInEtcd: 5n }],
    ['the leader is etcd’s', good, { ...seen, epochInEtcd: undefined, epochInLogs: undefined }],
    ['every node heard', { ...good, changes: [{ ...change, reached: 24 }] }],
    ['epochs only grow', { ...good, changes: [change, change] }],
    ['every call ended right', { ...good, client: { ...good.client, failures: 1 } }],
    ['every call ended right', { ...good, client: { ...good.client, wrongLeader: 1 } }],
    ['every call ended right', { ...good, client: { ...good.client, calls: 0 } }],
    ['etcd is left in peace', { ...good, etcd: { version: '3.4.23', clientConnections: 7 } }],
    ['all know all members', { ...good, members: { allKnownMs: 20_001, massFailure } }],
    ['the lost are noticed', afterFailure({ agreedMs: 10_001 })],
    ['the lost are noticed', afterFailure({ reached: 12 })],
  ];
  for (const [promise, report, observed] of parts) {
    assert.deepEqual(broken(report, observed), [promise]);
  }
});

test('where one process hosts all nodes, none are lost and nothing is said of it', () => {
  const report = { ...good, members: { allKnownMs: 900, massFailure: null } };
  const promises = judge(report, seen).map(({ promise }) => promise);
  assert.ok(!promises.includes('the lost are noticed'));
});

test('connections that cannot be counted are not judged', () => {
  const report = { ...good, etcd: { version: '3.6.0', clientConnections: null } };
  const promises = judge(report, seen).map(({ promise }) => promise);
  assert.ok(!promises.includes('etcd is left in peace'));
});
