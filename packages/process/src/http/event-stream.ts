/**
 * Server-sent events to many readers. Decides how many there may be, that a slow one holds one event
 * at most and a stalled one not for ever, and that all are told the end before their connections go.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { processLimits } from '../limits.ts';

export interface ServerEvent {
  /** What a reader that comes back says it has seen; on one line. */
  readonly id?: string;
  /** Sent as JSON. */
  readonly data: unknown;
}

export interface EventStreamOptions {
  readonly streamsMax?: number;
  readonly heartbeatMs?: number;
  readonly stallTimeoutMs?: number;
}

export class EventStreams {
  readonly #endings = new Map<AbortController, Promise<void>>();
  readonly #streamsMax: number;
  readonly #heartbeatMs: number;
  readonly #stallTimeoutMs: number;

  constructor(options: EventStreamOptions = {}) {
    this.#streamsMax = options.streamsMax ?? processLimits.httpEventStreamsMax;
    this.#heartbeatMs = options.heartbeatMs ?? processLimits.httpHeartbeatMs;
    this.#stallTimeoutMs = options.stallTimeoutMs ?? processLimits.httpStallTimeoutMs;
  }

  get isFull(): boolean {
    return this.#endings.size >= this.#streamsMax;
  }

  /**
   * Answers with the events of `source`, each as soon as the one before has left, until the reader goes,
   * the source ends or `close` is called. The signal that `source` is given ends its wait for an event.
   */
  serve(reply: FastifyReply, source: (signal: AbortSignal) => AsyncIterable<ServerEvent>): void {
    reply.hijack();
    const ended = new AbortController();
    const { raw } = reply;
    raw.once('close', () => {
      ended.abort();
    });
    raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // What proxies of nginx's kind look at before they hold events back.
      'x-accel-buffering': 'no',
    });
    raw.write(`retry: ${processLimits.httpEventRetryMs}\n\n`);
    const ending = this.#pump(raw, source, ended.signal).finally(() => {
      this.#endings.delete(ended);
    });
    this.#endings.set(ended, ending);
  }

  /** Ends all streams; resolves when each has said so or lost its reader. */
  async close(): Promise<void> {
    for (const ended of this.#endings.keys()) ended.abort();
    await Promise.all(this.#endings.values());
  }

  async #pump(
    raw: ServerResponse,
    source: (signal: AbortSignal) => AsyncIterable<ServerEvent>,
    signal: AbortSignal,
  ): Promise<void> {
    const heartbeat = setInterval(() => {
      // A reader that has not taken what it was sent needs no further sign of life.
      if (raw.writableLength === 0) raw.write(':\n\n');
    }, this.#heartbeatMs);
    try {
      for await (const event of source(signal)) {
        // Destroyed comes before the news of it: a source that always has an event would never let that in.
        if (signal.aborted || raw.destroyed) break;
        await written(raw, textOf(event), signal, this.#stallTimeoutMs);
      }
    } catch {
      // The reader sees the stream end and comes back; what failed would fail it again.
      raw.destroy();
    } finally {
      clearInterval(heartbeat);
      await endOf(raw);
    }
  }
}

function textOf({ id, data }: ServerEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}

/** Resolves when the text has left for the network, or the stream ends. Who takes nothing is let go. */
function written(
  raw: ServerResponse,
  text: string,
  signal: AbortSignal,
  stallTimeoutMs: number,
): Promise<void> {
  return new Promise((resolve) => {
    const stalled = setTimeout(() => raw.destroy(), stallTimeoutMs);
    const done = (): void => {
      clearTimeout(stalled);
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done, { once: true });
    raw.write(text, done);
  });
}

/** Ends the response; a reader that does not take the end is waited for only so long. */
function endOf(raw: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (raw.destroyed || raw.writableFinished) {
      resolve();
      return;
    }
    const late = setTimeout(() => raw.destroy(), processLimits.httpEndTimeoutMs);
    raw.once('close', () => {
      clearTimeout(late);
      resolve();
    });
    raw.end(() => {
      clearTimeout(late);
      resolve();
    });
  });
}
