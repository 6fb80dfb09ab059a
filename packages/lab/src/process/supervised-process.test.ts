import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';

import { OUTPUT_LINES_KEPT_MAX, superviseProcess, GATE_SCRIPT } from './supervised-process.ts';
import { waitUntil } from './wait-until.ts';

const WAIT = { timeoutMs: 15_000 };

describe('a supervised process', () => {
  it('is the command itself: id, arguments, output and exit code are its own', async () => {
    const lines: string[] = [];
    const child = superviseProcess({
      name: 'echo',
      command: 'sh',
      args: ['-c', 'echo $$ "$1"; echo problem >&2; exit 7', 'sh', 'two  words'],
      onLine: (line, stream) => lines.push(`${stream}: ${line}`),
    });
    assert.deepEqual(await child.exited, { code: 7, signal: null });
    assert.deepEqual(lines.sort(), ['stderr: problem', `stdout: ${child.pid} two  words`]);
    assert.deepEqual(child.exit, { code: 7, signal: null });
    assert.equal(child.signal('SIGTERM'), false);
  });

  it('never starts when its owner died before it opened the gate', async () => {
    const gate = spawn('sh', ['-c', GATE_SCRIPT, 'gate', 'echo', 'started'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let output = '';
    gate.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    gate.stdin.end();
    await once(gate, 'close');
    assert.equal(output, '');
    assert.notEqual(gate.exitCode, 0);
  });

  it('is killed when it ignores the signal, after the grace it was given', async () => {
    await using child = superviseProcess({
      name: 'stubborn',
      command: 'sh',
      args: ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done'],
    });
    await waitUntil('the child to ignore SIGTERM', () => child.lastLines.includes('ready'), WAIT);
    assert.deepEqual(await child.stop({ graceMs: 50 }), { code: null, signal: 'SIGKILL' });
  });

  it('ends on SIGTERM even while it is paused', async () => {
    await using child = superviseProcess({ name: 'paused', command: 'sleep', args: ['1000'] });
    child.signal('SIGSTOP');
    assert.deepEqual(await child.stop(), { code: null, signal: 'SIGTERM' });
  });

  it('reports a command that cannot be run', async () => {
    const child = superviseProcess({ name: 'nothing', command: '/no/such/command', args: [] });
    const exit = await child.exited;
    assert.ok(exit.code === 127 || exit.code === 126);
    assert.match(child.lastLines.join('\n'), /no\/such\/command/);
  });

  it('exchanges messages with a Node child', async () => {
    const received: unknown[] = [];
    await using child = superviseProcess({
      name: 'node',
      command: process.execPath,
      args: ['--eval', "process.on('message', (m) => process.send({ echo: m }))"],
      onMessage: (message) => received.push(message),
    });
    child.send({ hello: 1 });
    await waitUntil('the echo', () => received.length > 0, WAIT);
    assert.deepEqual(received, [{ echo: { hello: 1 } }]);
  });

  it('keeps a bounded number of lines', async () => {
    const child = superviseProcess({
      name: 'talkative',
      command: 'sh',
      args: [
        '-c',
        `i=0; while [ $i -lt ${OUTPUT_LINES_KEPT_MAX + 50} ]; do echo $i; i=$((i+1)); done`,
      ],
    });
    await child.exited;
    assert.equal(child.lastLines.length, OUTPUT_LINES_KEPT_MAX);
    assert.equal(child.lastLines.at(-1), String(OUTPUT_LINES_KEPT_MAX + 49));
  });
});
