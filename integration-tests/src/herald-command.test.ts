/** The real `herald` process against a real node: output, pipes, Ctrl-C, exit codes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseClusterName, parseElectionName, parseNodeId } from '@herald/core';
import { createGossipNode } from '@herald/gossip-node';
import type { GossipNode } from '@herald/gossip-node';

const mainPath = fileURLToPath(new URL('./main.js', import.meta.resolve('@herald/cli')));
const election = parseElectionName('payments');
const timeout = 60_000;

function startNode(): Promise<GossipNode> {
  return createGossipNode({
    cluster: parseClusterName('herald-command'),
    nodeId: parseNodeId('node-a'),
    listen: { host: '127.0.0.1', port: 0 },
    seeds: [],
  });
}

function publish({ member }: GossipNode, epoch: number): void {
  member.publish({
    kind: 'leader',
    election,
    version: { lineage: 0, epoch: BigInt(epoch), sequence: BigInt(epoch), renewal: 0 },
    issuer: parseNodeId('elector-a'),
    validityMs: 60_000,
    leader: { id: parseNodeId('service-a'), address: '127.0.0.1:9000', metadata: {} },
  });
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `herald`; `onOutput` may stop it. */
function herald(
  argv: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly onOutput?: (stdout: string, kill: () => void, hangUp: () => void) => void;
  } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [mainPath, ...argv], {
    env: { ...process.env, HERALD_INSECURE: 'true', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    options.onOutput?.(
      stdout,
      () => child.kill('SIGINT'),
      () => child.stdout.destroy(),
    );
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => {
    child.once('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}

test('herald leader and members, by flag and by variable', { timeout }, async () => {
  await using node = await startNode();
  publish(node, 7);
  const text = await herald(['leader', '--join', node.address, '--election', 'payments']);
  assert.equal(text.stderr, '');
  assert.equal(text.code, 0);
  assert.match(text.stdout, /^payments is led by service-a\n {2}address {3}127\.0\.0\.1:9000\n/);
  const env = { HERALD_JOIN: `127.0.0.1:1,${node.address}`, HERALD_ELECTION: 'payments' };
  const json = await herald(['leader', '--json'], { env });
  assert.equal(json.code, 0);
  assert.equal((JSON.parse(json.stdout) as Record<string, unknown>)['epoch'], '7');
  const members = await herald(['members'], { env });
  assert.equal(members.code, 0);
  assert.match(members.stdout, /node-a +127\.0\.0\.1:\d+ +node +(joining|up) +[\d.]+ m?s +asked/);
});

test('herald leader says within its time that nobody is there', { timeout }, async () => {
  const gone = await startNode();
  await gone.close();
  const { code, stderr } = await herald(
    ['leader', '-j', gone.address, '-e', 'payments', '-t', '300ms'],
    {},
  );
  assert.equal(code, 3);
  assert.match(stderr, /^herald: UNREACHABLE: no node could be reached within 300 ms/);
});

test('herald watch: a line for each change; Ctrl-C ends it with 0', { timeout }, async () => {
  await using node = await startNode();
  publish(node, 7);
  const { code, stderr, stdout } = await herald(['watch', '-j', node.address, '-e', 'payments'], {
    onOutput: (text, kill) => {
      const lines = text.split('\n').length - 1;
      if (lines === 1) publish(node, 9);
      if (lines === 2) kill();
    },
  });
  assert.equal(stderr, '');
  assert.equal(code, 0);
  assert.match(stdout, /leader +epoch 7 .*\n.*leader +epoch 9 /);
});

test('herald watch ends when its reader goes away', { timeout }, async () => {
  await using node = await startNode();
  publish(node, 7);
  let epoch = 7;
  const ticking = setInterval(() => {
    publish(node, ++epoch);
  }, 20);
  try {
    const { code, stderr } = await herald(['watch', '-j', node.address, '-e', 'payments'], {
      onOutput: (_text, _kill, hangUp) => {
        hangUp();
      },
    });
    assert.equal(stderr, '');
    assert.equal(code, 0);
  } finally {
    clearInterval(ticking);
  }
});

test('herald with a bad command line ends with 2', { timeout }, async () => {
  const { code, stderr, stdout } = await herald(['leader', '--join', 'nowhere', '-e', 'payments']);
  assert.equal(code, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /--join.*must be host:port/);
});
