import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';

import { processRuns } from '../process/proc-fs.ts';
import { waitUntil } from '../process/wait-until.ts';
import { findRaftLeader, startEtcd, type EtcdCluster } from './etcd-cluster.ts';
import { ensureEtcd } from './ensure-etcd.ts';
import { readLinearizably, readVersion } from './etcd-http.ts';
import { countClientConnections, cpuSeconds } from './etcd-load.ts';
import type { EtcdMember } from './etcd-member.ts';
import type { EtcdSource } from './etcd-source.ts';

/** Covers a Raft election (1 to 2 s) on a loaded machine. */
const WAIT = { timeoutMs: 30_000 };

const execute = promisify(execFile);

let source: EtcdSource;
/** The temporary folder of this file's tests alone, so that whatever is left in it is ours. */
let temporary: string;

before(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'herald-test-'));
  process.env['TMPDIR'] = temporary;
  // Not the one that HERALD_ETCD_ENDPOINTS may name: these tests stop and kill members.
  const env = { ...process.env, HERALD_ETCD_ENDPOINTS: '' };
  source = await ensureEtcd({ env, log: console.log });
});

after(async () => {
  await rm(temporary, { recursive: true });
});

/** What is left in the temporary folder. */
function leftovers(): Promise<string[]> {
  return readdir(temporary);
}

async function etcdctl(cluster: EtcdCluster, ...args: string[]): Promise<string> {
  assert.ok(cluster.etcdctl, 'there is an etcdctl');
  const { command, args: common, env } = cluster.etcdctl;
  return (await execute(command, [...common, ...args], { env })).stdout;
}

/** Whether anything answers there, be it without a quorum. */
function isThere(endpoint: string): Promise<boolean> {
  return readVersion(endpoint).then(
    () => true,
    () => false,
  );
}

async function dockerHasNothingOf(name: string): Promise<boolean> {
  for (const list of [
    ['ps', '--all'],
    ['network', 'ls'],
  ]) {
    const { stdout } = await execute('docker', [...list, '--quiet', '--filter', `name=${name}`]);
    if (stdout !== '') return false;
  }
  return true;
}

function serves(member: EtcdMember): Promise<boolean> {
  return readLinearizably(member.clientEndpoint).then(
    () => true,
    () => false,
  );
}

describe('an etcd of one member', () => {
  it('serves, keeps its data over a stop and a crash, and leaves nothing behind', async () => {
    const cluster = await startEtcd({ source });
    const [member] = cluster.members;
    assert.ok(member);
    assert.match(cluster.version, /^3\.\d+\.\d+/);
    assert.deepEqual(cluster.endpoints, [member.clientEndpoint]);
    await etcdctl(cluster, 'put', 'key', 'value');

    const pid = member.pid;
    await member.stop();
    assert.equal(member.pid, undefined);
    assert.equal(await serves(member), false);
    await member.start();
    assert.notEqual(member.pid, pid);
    await member.stop('SIGKILL');
    await member.start();
    assert.match(await etcdctl(cluster, 'get', 'key', '--print-value-only'), /^value\n/);

    const last = cluster.members.flatMap(({ pid }) => pid ?? []);
    await Promise.all([cluster.stop(), cluster.stop()]);
    assert.equal(member.pid, undefined);
    for (const ended of last) assert.equal(await processRuns(ended), false);
    assert.deepEqual(await leftovers(), []);
  });

  it('freezes and goes on', async () => {
    await using cluster = await startEtcd({ source });
    const [member] = cluster.members;
    assert.ok(member);
    await member.pause();
    await assert.rejects(readLinearizably(member.clientEndpoint, { timeoutMs: 300 }), {
      code: 'etcd-failed',
      message: /no answer within 300 ms/,
    });
    await member.resume();
    await waitUntil('the member to serve again', () => serves(member), WAIT);
    await member.pause(); // and is ended while it is frozen
  });

  it('tells its clients’ connections and its CPU time', async () => {
    await using cluster = await startEtcd({ source });
    const [member] = cluster.members;
    assert.ok(member);
    if (member.pid === undefined || process.platform !== 'linux') {
      assert.equal(await countClientConnections(cluster), undefined);
      assert.equal(await cpuSeconds(member), undefined);
      return;
    }
    const { port } = new URL(member.clientEndpoint);
    assert.equal(await countClientConnections(cluster), 0, 'our own questions leave none');
    const sockets = [1, 2, 3].map(() => connect(Number(port), '127.0.0.1'));
    try {
      const count = () => countClientConnections(cluster);
      await waitUntil('three connections', async () => (await count()) === 3, WAIT);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    const cpu = await cpuSeconds(member);
    assert.ok(cpu !== undefined && cpu >= 0 && cpu < 60, String(cpu));
    await member.stop();
    assert.equal(await countClientConnections(cluster), 0);
  });

  it('reports why it did not come up', async () => {
    // Node refuses etcd's flags at once.
    const broken: EtcdSource = { kind: 'binary', path: process.execPath, version: '3.4.0' };
    await assert.rejects(startEtcd({ source: broken }), {
      code: 'etcd-failed',
      message: /exit code 9.*bad option/s,
    });
    assert.deepEqual(await leftovers(), []);
  });

  it('reports that it does not answer in time', async () => {
    const path = join(temporary, 'mute');
    await writeFile(path, '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 });
    const mute: EtcdSource = { kind: 'binary', path, version: '3.4.0' };
    await assert.rejects(startEtcd({ source: mute, readyTimeoutMs: 200 }), { code: 'timeout' });
    await rm(path);
    assert.deepEqual(await leftovers(), []);
  });

  it('can be given up while it starts', async () => {
    await assert.rejects(startEtcd({ source, members: 3, signal: AbortSignal.timeout(100) }), {
      name: 'TimeoutError',
    });
    assert.deepEqual(await leftovers(), []);
  });
});

describe('an etcd of three members', () => {
  it('serves without any one of them, the Raft leader too, and takes it back', async () => {
    await using cluster = await startEtcd({ source, members: 3 });
    assert.equal(cluster.members.length, 3);
    await etcdctl(cluster, 'put', 'key', 'before');

    const leader = await waitUntil('a Raft leader', () => findRaftLeader(cluster), WAIT);
    await leader.stop('SIGKILL');
    const others = cluster.members.filter((member) => member !== leader);
    for (const member of others) {
      await waitUntil('the others to serve', () => serves(member), WAIT);
    }
    const successor = await waitUntil('another leader', () => findRaftLeader(cluster), WAIT);
    assert.notEqual(successor, leader);

    await leader.start();
    assert.equal(await serves(leader), true);
  });
});

describe('an external etcd', () => {
  it('is used as it is, and survives the end of the lab', async () => {
    await using own = await startEtcd({ source });
    const env = { ...process.env, HERALD_ETCD_ENDPOINTS: own.endpoints.join(',') };
    const cluster = await startEtcd({ env });
    assert.equal(cluster.source.kind, 'external');
    assert.deepEqual(cluster.endpoints, own.endpoints);
    assert.deepEqual(cluster.members, []);
    assert.equal(cluster.version, own.version);
    assert.equal(await countClientConnections(cluster), undefined);
    await cluster.stop();
    await readLinearizably(own.endpoints[0] ?? '');
  });
});

describe('an etcd whose owner is killed with SIGKILL', () => {
  it('is gone, process, port and folder', async () => {
    const script = `
      const { startEtcd } = await import(${JSON.stringify(new URL('./etcd-cluster.js', import.meta.url).href)});
      const source = JSON.parse(process.argv[1]);
      const cluster = await startEtcd({ source, members: 3 });
      const network = cluster.etcdctl?.args.find((arg) => arg.startsWith('--network='))?.slice(10);
      const members = cluster.members.map(({ pid = null, clientEndpoint }) => ({ pid, clientEndpoint }));
      console.log(JSON.stringify({ members, network }));
      setInterval(() => {}, 1000);
    `;
    const owner = spawn(
      process.execPath,
      ['--input-type=module', '--eval', script, JSON.stringify(source)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      const lines = createInterface({ input: owner.stdout })[Symbol.asyncIterator]();
      const line = await lines.next();
      assert.ok(line.done !== true, 'the owner started its cluster');
      const { members, network } = JSON.parse(line.value) as {
        members: { pid: number | null; clientEndpoint: string }[];
        network?: string;
      };
      assert.equal(members.length, 3);
      owner.kill('SIGKILL');
      for (const { pid, clientEndpoint } of members) {
        await waitUntil(
          `etcd ${String(pid)} at ${clientEndpoint} to be gone`,
          async () =>
            (pid === null || !(await processRuns(pid))) && !(await isThere(clientEndpoint)),
          WAIT,
        );
      }
      if (network !== undefined) {
        await waitUntil('its containers to be gone', () => dockerHasNothingOf(network), WAIT);
      }
      await waitUntil('its folder to be gone', async () => (await leftovers()).length === 0, WAIT);
    } finally {
      owner.kill('SIGKILL');
    }
  });
});
