/**
 * Decides what happens between a log line and its reader: lines are written in order without
 * blocking the event loop, so that a slow reader never makes this process look dead; they wait
 * under a bound, beyond which they are dropped and counted; a reader that is gone ends the log and
 * not the process. Pino's own destination is not used, because its exit hook retries a broken or
 * full pipe for ever.
 */
import { write, writeSync } from 'node:fs';
import { processLimits } from './limits.ts';

/** An open log and the way to end it. */
export interface LogDestination {
  /** Takes one line with its line break. */
  write(line: string): void;
  /** Waits until all lines are written, but no longer than `logFlushTimeoutMs`. */
  flush(): Promise<void>;
}

/** Opens a log on a file descriptor: 1 for standard output, 2 for standard error. */
export function openLogDestination(descriptor: number): LogDestination {
  const sink = new LogSink(descriptor);
  process.once('exit', () => {
    sink.writeRestNow();
  });
  return sink;
}

class LogSink implements LogDestination {
  readonly #descriptor: number;
  #waiting: string[] = [];
  /** Bytes of the waiting lines and of the chunk that is being written. */
  #pendingBytes = 0;
  #droppedLines = 0;
  #isBroken = false;
  #draining: Promise<void> | undefined;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(line: string): void {
    if (this.#isBroken) return;
    const bytes = Buffer.byteLength(line);
    if (this.#pendingBytes + bytes > processLimits.logBufferBytesMax) {
      this.#droppedLines++;
      return;
    }
    this.#waiting.push(line);
    this.#pendingBytes += bytes;
    this.#draining ??= this.#drain();
  }

  async flush(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        // From here on the exit must not wait for this reader either.
        this.#isBroken = true;
        resolve();
      }, processLimits.logFlushTimeoutMs);
    });
    await Promise.race([this.#draining, timeout]);
    clearTimeout(timer);
  }

  /** The last chance when the process is ending: what the reader takes at once, and no more. */
  writeRestNow(): void {
    try {
      if (!this.#isBroken) writeSync(this.#descriptor, this.#waiting.join(''));
    } catch {
      // The reader is gone or full, and there is nobody left to tell.
    }
    this.#waiting = [];
  }

  /**
   * Begins in the next turn: what this one has to say to others goes first, and its lines go together.
   * A write wakes the log's reader, which on a busy machine may take the processor from us.
   */
  async #drain(): Promise<void> {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    while (this.#waiting.length > 0) {
      const chunk = Buffer.from(this.#waiting.join(''));
      this.#waiting = [];
      await this.#writeChunk(chunk);
      this.#pendingBytes -= chunk.length;
      this.#reportDropped();
    }
    this.#draining = undefined;
  }

  async #writeChunk(chunk: Buffer): Promise<void> {
    let offset = 0;
    while (offset < chunk.length && !this.#isBroken) {
      const result = await writeOnce(this.#descriptor, chunk.subarray(offset));
      if (typeof result === 'number') offset += result;
      else if (result === 'full') await pause(processLimits.logRetryMs);
      else this.#isBroken = true;
    }
  }

  #reportDropped(): void {
    if (this.#droppedLines === 0) return;
    const line = {
      level: 'warn',
      time: new Date().toISOString(),
      pid: process.pid,
      droppedLines: this.#droppedLines,
      msg: 'log lines dropped, because their reader is too slow',
    };
    this.#droppedLines = 0;
    this.write(`${JSON.stringify(line)}\n`);
  }
}

/** The bytes that the reader took; `full` when it takes none now, `broken` when it is gone. */
function writeOnce(descriptor: number, chunk: Buffer): Promise<number | 'full' | 'broken'> {
  return new Promise((resolve) => {
    write(descriptor, chunk, (error, written) => {
      if (error === null) resolve(written);
      else resolve(error.code === 'EAGAIN' || error.code === 'EBUSY' ? 'full' : 'broken');
    });
  });
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs);
  });
}
