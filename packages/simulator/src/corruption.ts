/**
 * Garbles frames: bits flip in the bytes that the codec made, and the codec reads what is left. Decides
 * what the receiver sees of it. That a record was garbled is for its signature to tell.
 */
import type { Frame, Random } from '@herald/core';
import { WireError, decodeFrame, encodeFrame } from '@herald/wire';

/** So many bits flip in one garbled frame at most. */
const flipsMax = 4;

/** What arrives: a frame, nothing (of a kind that is ignored), or bytes that are none. */
export type Received = Frame | 'ignored' | 'garbled';

export function corruptor(share: number, random: Random): (frame: Frame) => Received {
  return (frame) => {
    if (random() >= share) return frame;
    const bytes = Buffer.from(encodeFrame(frame));
    const flips = 1 + Math.floor(random() * flipsMax);
    for (let flip = 0; flip < flips; flip++) {
      const at = Math.floor(random() * bytes.byteLength);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    }
    return received(bytes);
  };
}

function received(bytes: Uint8Array): Received {
  try {
    const frame = decodeFrame(bytes);
    return frame.kind === 'unknown' ? 'ignored' : frame;
  } catch (error) {
    if (error instanceof WireError) return 'garbled';
    throw error;
  }
}
