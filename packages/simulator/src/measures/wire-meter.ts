/**
 * Measures what frames cost on the wire: the bytes that the codec makes of them, and what gRPC and
 * HTTP/2 put around them. Encoding costs more than simulating does, so only while it is switched on.
 */
import type { Frame } from '@herald/core';
import { encodeFrame } from '@herald/wire';
import type { SimulatedMember, SimulationObserver } from '../observer.ts';

/** gRPC's message prefix (1 + 4 bytes) and HTTP/2's DATA frame header (9). TCP/IP's own are not counted. */
export const framingBytes = 5 + 9;

export interface Traffic {
  readonly frames: number;
  readonly bytes: number;
}

export class WireMeter implements SimulationObserver {
  readonly #byKind = new Map<Frame['kind'], { frames: number; bytes: number }>();
  #on = false;

  /** Starts anew. */
  start(): void {
    this.#byKind.clear();
    this.#on = true;
  }

  /** Stops; returns what was sent by all members since the start. */
  stop(): Traffic {
    this.#on = false;
    let frames = 0;
    let bytes = 0;
    for (const kind of this.#byKind.values()) {
      frames += kind.frames;
      bytes += kind.bytes;
    }
    return { frames, bytes };
  }

  /** The costliest kinds of frame first. */
  byKind(): [Frame['kind'], Traffic][] {
    return [...this.#byKind].sort(([, a], [, b]) => b.bytes - a.bytes);
  }

  sent(_member: SimulatedMember, frame: Frame): void {
    if (!this.#on) return;
    let kind = this.#byKind.get(frame.kind);
    if (kind === undefined) {
      kind = { frames: 0, bytes: 0 };
      this.#byKind.set(frame.kind, kind);
    }
    kind.frames++;
    kind.bytes += encodeFrame(frame).byteLength + framingBytes;
  }
}
