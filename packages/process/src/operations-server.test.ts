import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { Gauge, Registry } from 'prom-client';
import { processLimits } from './limits.ts';
import { createLogger } from './logger.ts';
import { startOperationsServer } from './operations-server.ts';
import type { OperationsServerOptions } from './operations-server.ts';
import { ProcessError } from './process-error.ts';

const logLines: string[] = [];
const logger = createLogger({
  name: 'test',
  level: 'info',
  destination: { write: (line) => void logLines.push(line) },
});
const listen = { host: '127.0.0.1', port: 0 };

function start(options: Partial<OperationsServerOptions> = {}) {
  return startOperationsServer({ listen, logger, ...options });
}

async function get(
  url: string,
  init: RequestInit = {},
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000), ...init });
  return { status: response.status, body: await response.json() };
}

describe('operations server', { timeout: 30_000 }, () => {
  test('livez answers, without naming the server software', async () => {
    await using server = await start();
    const response = await fetch(`${server.url}/livez`, { signal: AbortSignal.timeout(5_000) });
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { status: 'live' });
    assert.equal(response.headers.get('server'), null);
    assert.equal(response.headers.get('x-powered-by'), null);
  });

  test('readyz names each check and its reason', async () => {
    let links = 0;
    await using server = await start({
      checks: {
        links: () => ({ ready: links > 0, reason: `${links} links` }),
        record: () => ({ ready: true, reason: 'epoch 17' }),
      },
    });
    assert.deepEqual(await get(`${server.url}/readyz`), {
      status: 503,
      body: {
        status: 'not ready',
        checks: {
          links: { ready: false, reason: '0 links' },
          record: { ready: true, reason: 'epoch 17' },
        },
      },
    });
    links = 4;
    const { status, body } = await get(`${server.url}/readyz`);
    assert.equal(status, 200);
    assert.equal((body as { status: string }).status, 'ready');
  });

  test('a check that throws is not ready, and says why', async () => {
    await using server = await start({
      checks: {
        links: () => {
          throw new Error('no table');
        },
      },
    });
    const { status, body } = await get(`${server.url}/readyz`);
    assert.equal(status, 503);
    assert.match(JSON.stringify(body), /the check failed: Error: no table/);
  });

  test('readyz is 503 while the process stops; livez is not', async () => {
    const stopping = new AbortController();
    await using server = await start({ signal: stopping.signal });
    assert.equal((await get(`${server.url}/readyz`)).status, 200);
    stopping.abort();
    const { status, body } = await get(`${server.url}/readyz`);
    assert.equal(status, 503);
    assert.match(JSON.stringify(body), /this process is stopping/);
    assert.equal((await get(`${server.url}/livez`)).status, 200);
  });

  test('metrics serves the registry, with those of the process on request', async () => {
    const registry = new Registry();
    new Gauge({ name: 'herald_links', help: 'Links', registers: [registry] }).set(4);
    await using server = await start({ registry, defaultMetrics: true });
    const response = await fetch(`${server.url}/metrics`, { signal: AbortSignal.timeout(5_000) });
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    assert.match(text, /^herald_links 4$/m);
    assert.match(text, /^process_resident_memory_bytes \d+$/m);
  });

  test('there is no metrics route without a registry', async () => {
    await using server = await start();
    assert.equal((await get(`${server.url}/metrics`)).status, 404);
  });

  test('unknown routes and methods are 404, as problem details', async () => {
    await using server = await start();
    assert.deepEqual(await get(`${server.url}/nope`), {
      status: 404,
      body: {
        type: 'about:blank',
        title: 'Not Found',
        status: 404,
        detail: 'no route GET /nope',
      },
    });
    const { headers } = await fetch(`${server.url}/nope`, { signal: AbortSignal.timeout(5_000) });
    assert.match(headers.get('content-type') ?? '', /^application\/problem\+json\b/);
    assert.equal((await get(`${server.url}/livez`, { method: 'POST' })).status, 404);
  });

  test('owners add routes; large bodies are refused, failures are logged and not shown', async () => {
    await using server = await start({
      register: (routes) => {
        routes.post('/v1/echo', (request) => request.body);
        routes.get('/v1/fail', () => {
          throw new Error('inner detail');
        });
      },
    });
    const headers = { 'content-type': 'application/json' };
    const echo = (body: string) => get(`${server.url}/v1/echo`, { method: 'POST', headers, body });
    assert.deepEqual(await echo('{"a":1}'), { status: 200, body: { a: 1 } });
    const large = await echo(JSON.stringify('x'.repeat(processLimits.httpBodyBytesMax)));
    assert.equal(large.status, 413);
    assert.equal((await echo('{')).status, 400);
    const failed = await get(`${server.url}/v1/fail`);
    assert.equal(failed.status, 500);
    assert.ok(!JSON.stringify(failed.body).includes('inner detail'));
    assert.ok(logLines.some((line) => line.includes('inner detail')));
  });

  test('a port in use is a clear error with its own exit code', async () => {
    await using first = await start();
    await assert.rejects(start({ listen: first.address }), (error) => {
      assert.ok(error instanceof ProcessError);
      assert.equal(error.code, 'ADDRESS_UNAVAILABLE');
      assert.equal(
        error.message,
        `operations server: 127.0.0.1:${first.address.port} is already in use; stop what holds it or choose another`,
      );
      return true;
    });
  });

  test('closes at once, with idle and with busy connections, and more than once', async () => {
    const server = await start({
      register: (routes) => {
        routes.get('/v1/never', () => new Promise(() => undefined));
      },
    });
    await get(`${server.url}/livez`);
    const socket = connect(server.address.port, server.address.host);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    const busy = assert.rejects(
      fetch(`${server.url}/v1/never`, { signal: AbortSignal.timeout(20_000) }),
    );
    // The first byte of a busy request has arrived once a later request is answered.
    await get(`${server.url}/livez`);
    const deadline = AbortSignal.timeout(3_000);
    const timedOut = new Promise((_, reject) => {
      deadline.addEventListener('abort', () => {
        reject(new Error('close() hangs'));
      });
    });
    await Promise.race([Promise.all([server.close(), closed, busy]), timedOut]);
    await server.close();
    await assert.rejects(fetch(`${server.url}/livez`, { signal: AbortSignal.timeout(5_000) }));
  });
});
