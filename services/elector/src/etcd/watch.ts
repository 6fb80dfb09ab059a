/**
 * A watch of etcd that ends. etcd3's watcher reconnects on its own, drops an update that arrives
 * with `canceled`, and hides how long it was away. This one throws at the first error, cancellation
 * or compaction, and whoever watches reads again and watches from there.
 */
import { assert } from '@herald/core';
import type { IDuplexStream, IKeyValue, IWatchRequest, IWatchResponse } from 'etcd3';
import { ElectorError } from '../errors.ts';
import type { EtcdConnection } from './connection.ts';
import { prefixRange } from './keyspace.ts';
import type { EtcdSession } from './session.ts';

/** A key that vanished; what was put is not told, but read. */
export interface Deletion {
  /** Create revision of the key that vanished: the epoch, if it led. */
  readonly createRevision: bigint;
  /** Revision of the deletion. */
  readonly revision: bigint;
}

/** Changes under the prefix up to `revision`. */
export interface WatchBatch {
  readonly revision: bigint;
  readonly deletions: readonly Deletion[];
}

/**
 * Batches that wait for a slow consumer. The consumer reads the state anew for each, and skips what
 * that read has covered, so a backlog is a consumer that stands still: it may as well read again.
 */
const waitingBatchesMax = 1_024;

type WatchStream = IDuplexStream<IWatchRequest, IWatchResponse>;

/**
 * Changes of keys under `prefix` from `startRevision` on, until `signal` aborts (then it returns).
 *
 * @throws ElectorError `WATCH_ENDED`, `ETCD_UNREACHABLE`, `ETCD_TIMEOUT`, `HISTORY_LOST`, `CLOSED`
 */
export async function* watchPrefix(
  session: EtcdSession,
  prefix: string,
  startRevision: bigint,
  signal: AbortSignal,
): AsyncGenerator<WatchBatch, void, undefined> {
  if (signal.aborted) return;
  const connection = session.connect();
  const what = `watching ${prefix}`;
  let stream: WatchStream | undefined;
  try {
    stream = connection.hold(await connection.watches.watch());
    const inbox = new Inbox(stream, signal, session.callTimeoutMs);
    const range = prefixRange(prefix);
    stream.write({
      create_request: { ...range, start_revision: startRevision.toString(), prev_kv: true },
    });
    for (;;) {
      const response = await inbox.next();
      if (response === undefined) return;
      session.checkHeader(connection, response.header);
      if (response.canceled) throw describeCancel(response, what);
      if (response.events.length > 0) yield toBatch(response);
    }
  } catch (thrown) {
    throw session.failed(connection, thrown, what);
  } finally {
    if (stream !== undefined) endStream(connection, stream);
  }
}

function endStream(connection: EtcdConnection, stream: WatchStream): void {
  connection.release(stream);
  stream.cancel();
}

function toBatch(response: IWatchResponse): WatchBatch {
  const deletions: Deletion[] = [];
  let revision = 0n;
  for (const { type, kv, prev_kv: previous } of response.events) {
    const modRevision = BigInt(kv.mod_revision);
    if (modRevision > revision) revision = modRevision;
    // The type says otherwise, but what was compacted away is not told.
    const deleted = type === 'Delete' ? (previous as IKeyValue | null) : null;
    if (deleted === null) continue;
    deletions.push({ createRevision: BigInt(deleted.create_revision), revision: modRevision });
  }
  return { revision, deletions };
}

function describeCancel(response: IWatchResponse, what: string): ElectorError {
  const compactRevision = BigInt(response.compact_revision);
  const reason =
    compactRevision > 0n
      ? `its start was compacted away, up to revision ${compactRevision}`
      : response.cancel_reason || 'etcd gave no reason';
  return new ElectorError('WATCH_ENDED', `${what}: cancelled: ${reason}`);
}

/** Turns the stream's events into answers that are awaited one by one. */
class Inbox {
  readonly #waiting: IWatchResponse[] = [];
  #end: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: WatchStream, signal: AbortSignal, createTimeoutMs: number) {
    const end = (error: unknown): void => {
      clearTimeout(createTimer);
      signal.removeEventListener('abort', stop);
      this.#end ??= { error };
      this.#wake?.();
    };
    const stop = (): void => {
      end(undefined);
    };
    // The stream has no deadline, since a quiet watch is a good one; but its creation must be answered.
    const createTimer = setTimeout(() => {
      end(new ElectorError('ETCD_TIMEOUT', 'etcd did not create a watch in time'));
    }, createTimeoutMs);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    stream.on('data', (response) => {
      clearTimeout(createTimer);
      if (this.#waiting.length >= waitingBatchesMax) {
        end(new ElectorError('WATCH_ENDED', 'a watch was abandoned: its batches were not taken'));
        return;
      }
      this.#waiting.push(response);
      this.#wake?.();
    });
    stream.on('error', end);
    stream.on('end', () => {
      end(new ElectorError('WATCH_ENDED', 'etcd ended a watch'));
    });
  }

  /** The next answer; undefined once the signal has aborted. */
  async next(): Promise<IWatchResponse | undefined> {
    for (;;) {
      const response = this.#waiting.shift();
      if (response !== undefined) return response;
      if (this.#end?.error !== undefined) throw this.#end.error as Error;
      if (this.#end !== undefined) return undefined;
      assert(this.#wake === undefined, 'one consumer at a time');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
