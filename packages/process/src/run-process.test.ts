import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { Child } from './fixtures/child.ts';
import type { ChildEnd } from './fixtures/child.ts';

/** Runs the sample to its end. */
async function run(argv: string[], env: Record<string, string> = {}): Promise<ChildEnd> {
  await using child = new Child(argv, env);
  return await child.end();
}

/** Starts the sample in a mode, waits for `event`, sends SIGTERM, and waits for the end. */
async function stopAt(event: string, argv: string[], env = {}): Promise<ChildEnd> {
  await using child = new Child(argv, env);
  await child.event(event);
  child.kill('SIGTERM');
  return await child.end();
}

/** A deadline for shutdown that a test can wait for. */
const hasty = { SAMPLE_SHUTDOWN_MS: '300' };

type Line = Record<string, unknown>;

function logLines(stdout: string): Line[] {
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Line);
}

function findLine(stdout: string, msg: string): Line {
  const line = logLines(stdout).find((each) => each['msg'] === msg);
  assert.ok(line !== undefined, `no line "${msg}" in ${stdout}`);
  return line;
}

describe('before it runs', { timeout: 60_000 }, () => {
  test('bad flags and variables end with 2, nothing started and nothing on stdout', async () => {
    const { code, stdout, stderr } = await run(['--ttl', '0s', '--tll'], { HERALD_MODE: 'x' });
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^sample: bad configuration, nothing was started\n/);
    assert.match(stderr, /^ {2}--ttl: must be at least 1s, got 0s$/m);
    assert.match(stderr, /^ {2}--tll: is not a known flag; did you mean --ttl\?$/m);
    assert.match(stderr, /^ {2}HERALD_MODE: must be one of .*, got x$/m);
  });

  test('--help and --version end with 0 on stdout', async () => {
    const help = await run(['--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /--log-level <level>/);
    assert.equal(help.stderr, '');
    const version = await run(['--version']);
    assert.deepEqual(version, { code: 0, stdout: 'sample 1.2.3\n', stderr: '' });
  });

  test('an unknown variable is a warning in the log', async () => {
    const { code, stdout } = await run(['--mode', 'return'], { HERALD_TLL: '3s' });
    assert.equal(code, 0);
    findLine(stdout, 'HERALD_TLL is not a variable of sample; did you mean HERALD_TTL?');
  });
});

describe('while it runs', { timeout: 60_000 }, () => {
  test('main returns: 0, with the log written to its last line', async () => {
    const { code, stdout, stderr } = await run(['--mode', 'return']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.equal(findLine(stdout, 'starting')['version'], '1.2.3');
    assert.equal(findLine(stdout, 'returning')['epoch'], '9007199254740993');
    assert.equal(findLine(stdout, 'ended')['exitCode'], 0);
  });

  test('the level comes from the options', async () => {
    const { stdout } = await run(['--mode', 'return'], { HERALD_LOG_LEVEL: 'warn' });
    assert.deepEqual(logLines(stdout), []);
  });

  test('main throws: 1, one line on stderr, the stack in the log, resources closed', async () => {
    const { code, stdout, stderr } = await run(['--mode', 'throw']);
    assert.equal(code, 1);
    assert.equal(stderr, 'sample: TypeError: not a function\n');
    const error = findLine(stdout, 'TypeError: not a function')['err'] as Line;
    assert.match(String(error['stack']), /sample-process/);
    assert.match(stdout, /^event closed first$/m);
  });

  test('an unavailable dependency: 3, with its cause', async () => {
    const { code, stderr } = await run(['--mode', 'unavailable']);
    assert.equal(code, 3);
    assert.equal(stderr, 'sample: cannot reach etcd at 127.0.0.1:1: connect ECONNREFUSED\n');
  });

  test('a port in use: 3, naming the address', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    try {
      const address = `127.0.0.1:${(holder.address() as AddressInfo).port}`;
      const { code, stderr } = await run(['--listen', address]);
      assert.equal(code, 3);
      assert.ok(
        stderr.startsWith(`sample: operations server: ${address} is already in use`),
        stderr,
      );
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
  });

  for (const [mode, origin, text] of [
    ['reject', 'unhandledRejection', 'nobody cares'],
    ['crash', 'uncaughtException', 'out of nowhere'],
  ] as const) {
    test(`${origin}: a fatal line and 1`, async () => {
      const { code, stdout, stderr } = await run(['--mode', mode]);
      assert.equal(code, 1);
      assert.equal(stderr, `sample: ${origin}: ${text}\n`);
      const line = findLine(stdout, 'uncaught error');
      assert.equal(line['level'], 'fatal');
      assert.equal(line['origin'], origin);
    });
  }
});

describe('when it is stopped', { timeout: 60_000 }, () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} ends with 0 after cleanup, newest resource first`, async () => {
      await using child = new Child(['--listen', '127.0.0.1:0', '--log-level', 'debug']);
      const url = await child.event('listening');
      await child.event('waiting');
      const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) });
      assert.equal(response.status, 200);
      await response.text();
      child.kill(signal);
      const { code, stdout, stderr } = await child.end();
      assert.equal(code, 0, stderr);
      assert.equal(stderr, '');
      assert.match(stdout, /^event cleaned up$[^]*^event closed first$/m);
      const closed = logLines(stdout).filter((line) => line['msg'] === 'closed');
      assert.deepEqual(
        closed.map((line) => line['resource']),
        ['operations server', 'first'],
      );
      assert.equal(findLine(stdout, 'ended')['reason'], `stopped by ${signal}`);
    });
  }

  test('a main that passes the abort on, within an error of its own, ends with 0', async () => {
    const { code, stderr } = await stopAt('waiting', ['--mode', 'pass-on-abort']);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '');
  });

  test('the end of standard input stops a process that was told so', async () => {
    await using child = new Child(['--stop-on-stdin-end']);
    await child.event('waiting');
    child.endStdin();
    const { code, stdout } = await child.end();
    assert.equal(code, 0);
    assert.equal(findLine(stdout, 'ended')['reason'], 'standard input ended');
  });

  test('a main that hangs meets the deadline: 1, naming main', async () => {
    const { code, stderr } = await stopAt('started', ['--mode', 'hang'], hasty);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^sample: shutdown \(stopped by SIGTERM\) took longer than 300 ms, still waiting for: main \(open: .+\)\n$/,
    );
  });

  test('a resource that hangs meets the deadline: 1, naming it', async () => {
    const { code, stdout, stderr } = await stopAt('waiting', ['--mode', 'hang-close'], hasty);
    assert.equal(code, 1);
    assert.match(stderr, /still waiting for: stubborn link /);
    assert.match(stdout, /^event cleaned up$/m);
  });

  test('a resource that fails to close: 1, and the others are closed nevertheless', async () => {
    const { code, stdout, stderr } = await stopAt('waiting', ['--mode', 'fail-close']);
    assert.equal(code, 1);
    assert.equal(stderr, 'sample: broken link could not be closed: reset\n');
    assert.match(stdout, /^event closed first$/m);
  });

  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`a second ${signal} ends at once with ${String(expected)}`, async () => {
      await using child = new Child(['--mode', 'hang'], { SAMPLE_SHUTDOWN_MS: '60000' });
      await child.event('started');
      child.kill(signal);
      // Signals close behind the first are the same request, so it is sent until it counts.
      const repeat = setInterval(() => {
        child.kill(signal);
      }, 100);
      try {
        const { code, stderr } = await child.end();
        assert.equal(code, expected);
        assert.equal(stderr, `sample: second signal (${signal}), ending at once\n`);
      } finally {
        clearInterval(repeat);
      }
    });
  }

  test('a log reader that is stuck does not keep the process', async () => {
    await using child = new Child(['--mode', 'flood']);
    await child.event('waiting');
    child.stopReading();
    child.kill('SIGTERM');
    const { code, stdout } = await child.end();
    assert.equal(code, 0);
    assert.ok(!stdout.includes('"msg":"ended"'), 'the reader was not stuck');
  });

  test('a reader of standard output that is gone ends the process in good order', async () => {
    await using child = new Child([]);
    await child.event('waiting');
    child.closeStdout();
    child.kill('SIGTERM');
    const { code, stderr } = await child.end();
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '');
  });

  test('the same signal twice at once, as npm forwards Ctrl-C, is one request', async () => {
    await using child = new Child([]);
    await child.event('waiting');
    child.kill('SIGINT');
    child.kill('SIGINT');
    child.kill('SIGTERM');
    const { code, stdout, stderr } = await child.end();
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^event closed first$/m);
  });
});
