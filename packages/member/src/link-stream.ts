/**
 * One link's stream, seen from either end. Decides nothing about the protocol; decides what waits
 * while the other end does not read: of the pushes one slot per election, the newest wins, and of
 * all else a bounded queue. So a slow peer costs a bounded amount of memory and never a backlog.
 */
import { limits } from '@herald/core';
import type { CloseCause, ElectionName, Frame, PushFrame } from '@herald/core';
import type { IncomingFrame } from '@herald/wire';

/**
 * Frames other than pushes that may wait for a blocked stream. A healthy link has one or two under
 * way; a full digest of `limits.electionsMax` is four pages.
 */
export const controlQueueMax = 64;

/** How long a stream that we end may take to end at the other side before it is cancelled. */
export const closeGraceMs = 1000;

/** The part of grpc-js's client and server duplex streams that a link uses. */
export interface FrameStream {
  write(frame: Frame): boolean;
  end(): void;
  /** Ends the stream at once, whatever was written; the reason is told where the stream can carry one. */
  abort(reason?: string): void;
  onFrame(listener: (frame: IncomingFrame) => void): void;
  onDrain(listener: () => void): void;
  /** Called once, when nothing more will come. */
  onEnd(listener: (reason: string, cause: CloseCause) => void): void;
}

export interface LinkStreamListener {
  frame(frame: IncomingFrame): void;
  ended(reason: string, cause: CloseCause): void;
}

interface WaitingPush {
  readonly frame: PushFrame;
  readonly sinceMs: number;
}

export class LinkStream {
  readonly #stream: FrameStream;
  readonly #now: () => number;
  readonly #pushes = new Map<ElectionName, WaitingPush>();
  #control: Frame[] = [];
  #blocked = false;
  #ended = false;
  #closing: NodeJS.Timeout | undefined;

  constructor(stream: FrameStream, now: () => number, listener: LinkStreamListener) {
    this.#stream = stream;
    this.#now = now;
    stream.onFrame((frame) => {
      if (!this.#ended) listener.frame(frame);
    });
    stream.onDrain(() => {
      this.#flush();
    });
    stream.onEnd((reason, cause) => {
      clearTimeout(this.#closing);
      if (this.#ended) return;
      this.#ended = true;
      listener.ended(reason, cause);
    });
  }

  /** Returns false when the other end reads so slowly that the link is of no use. */
  send(frame: Frame): boolean {
    if (this.#ended) return true;
    if (!this.#blocked) {
      this.#blocked = !this.#stream.write(frame);
      return true;
    }
    if (frame.kind === 'push') {
      this.#pushes.set(frame.sealed.record.election, { frame, sinceMs: this.#now() });
      return true;
    }
    this.#control.push(frame);
    return this.#control.length <= controlQueueMax;
  }

  /** Ends the stream after what was written; no frame and no end is reported any more. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stream.end();
    this.#closing = setTimeout(() => {
      this.#stream.abort();
    }, closeGraceMs);
  }

  /** Ends the stream at once. */
  abort(reason?: string): void {
    clearTimeout(this.#closing);
    this.#ended = true;
    this.#stream.abort(reason);
  }

  #flush(): void {
    this.#blocked = false;
    while (!this.#blocked && !this.#ended) {
      const frame = this.#control.shift() ?? this.#takePush();
      if (frame === undefined) return;
      this.#blocked = !this.#stream.write(frame);
    }
  }

  #takePush(): PushFrame | undefined {
    for (const [election, { frame, sinceMs }] of this.#pushes) {
      this.#pushes.delete(election);
      const waitedMs = Math.max(0, this.#now() - sinceMs);
      return { ...frame, ageMs: Math.min(frame.ageMs + waitedMs, limits.ageMsMax) };
    }
    return undefined;
  }
}
