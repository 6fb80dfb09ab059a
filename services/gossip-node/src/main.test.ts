/** The real process: starts, answers, shows itself over HTTP, ends in good order, refuses bad input. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { credentials, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { parseElectionName } from '@herald/core';
import { channelOptions, NodeClient } from '@herald/wire';

const mainPath = fileURLToPath(new URL('./main.js', import.meta.url));
const waitMs = 20_000;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One process of the service; killed, if it still runs, when it is disposed. */
class NodeProcess implements AsyncDisposable {
  readonly #child;
  readonly #ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';

  constructor(argv: readonly string[]) {
    this.#child = spawn(process.execPath, [mainPath, ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  /** The log line with this message, once it is there. */
  async line(message: string): Promise<Record<string, unknown>> {
    const deadlineMs = performance.now() + waitMs;
    for (;;) {
      for (const text of this.#stdout.split('\n').slice(0, -1)) {
        const line = JSON.parse(text) as Record<string, unknown>;
        if (line['msg'] === message) return line;
      }
      if (performance.now() > deadlineMs) {
        throw new Error(`no line "${message}" in ${this.#stdout}${this.#stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  stop(): Promise<Ended> {
    this.#child.kill('SIGTERM');
    return this.end();
  }

  end(): Promise<Ended> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

const base = ['--cluster', 'main-tests', '--listen', '127.0.0.1:0'];

test('a node starts, joins, answers, and shows itself over HTTP', { timeout: 60_000 }, async () => {
  await using first = new NodeProcess([...base, '--id', 'node-a']);
  const { address, nodeId } = await first.line('node ready');
  assert.equal(nodeId, 'node-a');
  await using second = new NodeProcess([
    ...base,
    ...['--id', 'node-b', '--join', String(address), '--ops-listen', '127.0.0.1:0'],
  ]);
  const { url } = await second.line('operations server ready');
  const readyz = async (): Promise<string> => (await fetch(`${String(url)}/readyz`)).text();
  const deadlineMs = performance.now() + waitMs;
  while (!(await readyz()).includes('"reason":"1 links"')) {
    assert.ok(performance.now() < deadlineMs, await readyz());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal((await fetch(`${String(url)}/livez`)).status, 200);
  const members = await (await fetch(`${String(url)}/v1/members`)).json();
  assert.equal((members as { total: number }).total, 2);
  const metrics = await (await fetch(`${String(url)}/metrics`)).text();
  assert.match(metrics, /^herald_node_links\{direction="outbound"\} 1$/m);
  assert.match(metrics, /^herald_node_frames_total\{direction="received"\} [1-9]/m);
  assert.match(metrics, /^# TYPE herald_node_record_hops histogram$/m);
  assert.match(metrics, /^herald_node_isolated 0$/m);
  assert.match(metrics, /^process_cpu_seconds_total/m);
});

test(
  'SIGTERM: watches end with UNAVAILABLE, then the process ends with 0',
  { timeout: 60_000 },
  async () => {
    await using node = new NodeProcess([...base, '--id', 'node-a']);
    const { address } = await node.line('node ready');
    const client = new NodeClient(
      String(address),
      credentials.createInsecure(),
      channelOptions.query,
    );
    const election = parseElectionName('payments');
    const watch = client.watchLeader({ election, minVersion: undefined, includeRenewals: false });
    const ended = new Promise<ServiceError>((resolve) => {
      watch.on('error', (error) => {
        resolve(error as ServiceError);
      });
    });
    await new Promise((resolve) => watch.once('data', resolve));
    const startedMs = performance.now();
    const { code, stderr } = await node.stop();
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.ok(performance.now() - startedMs < 5_000);
    assert.equal((await ended).code, status.UNAVAILABLE);
    client.close();
  },
);

test('a port in use: exit code 3, and what to do', { timeout: 60_000 }, async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as AddressInfo;
  await using node = new NodeProcess(['--cluster', 'main-tests', '--listen', `127.0.0.1:${port}`]);
  const { code, stderr } = await node.end();
  assert.equal(code, 3);
  assert.match(
    stderr,
    /--listen 127\.0\.0\.1:\d+: .* is in use by another process; stop what holds it/,
  );
  await new Promise((resolve) => holder.close(resolve));
});

test(
  'bad configuration: exit code 2, every field named, nothing started',
  { timeout: 60_000 },
  async () => {
    await using node = new NodeProcess(['--fanout', '99', '--joyn', '127.0.0.1:1']);
    const { code, stderr, stdout } = await node.end();
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /--cluster: is required/);
    assert.match(stderr, /--fanout: must be a whole number from 2 to 16, got 99/);
    assert.match(stderr, /--joyn: is not a known flag; did you mean --join\?/);
  },
);

test('--help tells every option', { timeout: 60_000 }, async () => {
  await using node = new NodeProcess(['--help']);
  const { code, stdout } = await node.end();
  assert.equal(code, 0);
  for (const flag of ['--id', '--cluster', '--listen', '--advertise', '--join', '--ops-listen']) {
    assert.match(stdout, new RegExp(`${flag} <`));
  }
});
