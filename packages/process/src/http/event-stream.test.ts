import assert from 'node:assert/strict';
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { createLogger } from '../logger.ts';
import { startOperationsServer } from '../operations-server.ts';
import { EventStreams } from './event-stream.ts';
import type { ServerEvent } from './event-stream.ts';

const logger = createLogger({
  name: 'test',
  level: 'fatal',
  destination: { write: () => undefined },
});

type Source = (signal: AbortSignal, raw: ServerResponse) => AsyncIterable<ServerEvent>;

function start(streams: EventStreams, source: Source) {
  return startOperationsServer({
    listen: { host: '127.0.0.1', port: 0 },
    logger,
    register: (routes) => {
      routes.addHook('preClose', () => streams.close());
      routes.get('/events', (_request, reply) => {
        streams.serve(reply, (signal) => source(signal, reply.raw));
        return reply;
      });
    },
  });
}

/** Opens the stream; nothing of it is read until somebody asks. */
async function open(url: string): Promise<{ asked: ClientRequest; response: IncomingMessage }> {
  const asked = request(`${url}/events`);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('response', resolve).once('error', reject).end();
  });
  response.on('error', () => undefined);
  return { asked, response };
}

async function readUntil(response: IncomingMessage, pattern: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of response.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (pattern.test(text)) return text;
  }
  throw new Error(`ended before ${String(pattern)}: ${text}`);
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });

describe('event streams', { timeout: 30_000 }, () => {
  test('send events with their ids, and a sign of life while there are none', async () => {
    const streams = new EventStreams({ heartbeatMs: 10 });
    await using server = await start(streams, async function* (signal) {
      yield { id: '0.1.1.0', data: { n: 1 } };
      yield { data: 'no id' };
      await aborted(signal);
    });
    const { asked, response } = await open(server.url);
    assert.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8');
    assert.equal(response.headers['cache-control'], 'no-store');
    const text = await readUntil(response, /\n:\n\n:\n\n/);
    assert.ok(
      text.startsWith('retry: 1000\n\nid: 0.1.1.0\ndata: {"n":1}\n\ndata: "no id"\n\n:\n\n'),
      text,
    );
    asked.destroy();
  });

  test('ask for the next event only when the one before has left', async () => {
    const waiting: number[] = [];
    const sent: number[] = [];
    const large = 'x'.repeat(4_194_304);
    const streams = new EventStreams();
    let latest = 0;
    await using server = await start(streams, async function* (signal, raw) {
      while (!signal.aborted) {
        sent.push(latest);
        yield { id: String(latest), data: large };
        waiting.push(raw.writableLength);
        latest++;
      }
    });
    const { asked, response } = await open(server.url);
    // Nobody reads: what the sockets take is sent, then one event waits and no other is asked for.
    await readUntil(response, /id: 0\n/);
    response.pause();
    const deadlineMs = performance.now() + 10_000;
    let before = -1;
    for (let quiet = 0; quiet < 20 && performance.now() < deadlineMs;) {
      quiet = sent.length === before ? quiet + 1 : 0;
      before = sent.length;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.ok(sent.length < 20, `${sent.length} events of 4 MiB without a reader`);
    assert.ok(
      waiting.every((bytes) => bytes === 0),
      'nothing waits when the next is asked for',
    );
    asked.destroy();
  });

  test('let go of a reader that takes nothing for too long', async () => {
    const streams = new EventStreams({ stallTimeoutMs: 100 });
    const ended = new Promise<void>((resolve) => {
      void start(streams, async function* (signal, raw) {
        raw.once('close', resolve);
        const large = 'x'.repeat(16_777_216);
        while (!signal.aborted) yield { data: large };
      }).then(async (server) => {
        const { response } = await open(server.url);
        response.pause();
        await ended;
        await server.close();
      });
    });
    await ended;
  });

  test('are bounded, and a reader that goes makes room', async () => {
    const streams = new EventStreams({ streamsMax: 1 });
    await using server = await start(streams, async function* (signal) {
      yield { data: 1 };
      await aborted(signal);
    });
    assert.equal(streams.isFull, false);
    const { asked } = await open(server.url);
    assert.equal(streams.isFull, true);
    asked.destroy();
    const deadlineMs = performance.now() + 10_000;
    const isFull = () => streams.isFull;
    while (isFull()) {
      assert.ok(performance.now() < deadlineMs, 'the place is free again within 10 s');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });

  test('end with a last chunk, not a reset, when the server closes', async () => {
    const streams = new EventStreams();
    const server = await start(streams, async function* (signal) {
      yield { data: 1 };
      await aborted(signal);
    });
    const { response } = await open(server.url);
    await readUntil(response, /data: 1\n\n/);
    const end = new Promise<boolean>((resolve) => {
      response.resume().once('close', () => resolve(response.complete));
    });
    await server.close();
    assert.equal(await end, true);
  });

  test('end their reader when the source fails', async () => {
    const streams = new EventStreams();
    await using server = await start(streams, async function* () {
      yield { data: 1 };
      throw new Error('no more');
    });
    const { response } = await open(server.url);
    const complete = await new Promise<boolean>((resolve) => {
      response.resume().once('close', () => resolve(response.complete));
    });
    assert.equal(complete, false);
    assert.equal(streams.isFull, false);
  });
});
