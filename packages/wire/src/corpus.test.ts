/**
 * The corpus of the wire (`corpus/`, grown by `scripts/wire-corpus.mjs`): every kind of frame whole, cut and
 * flipped, and what only a hand writes. Each file is decoded to a frame or to a WireError, and so is whatever
 * a fuzzer makes of two of them.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Frame } from '@herald/core';
import fc from 'fast-check';
import { WireError } from './errors.ts';
import { decodeFrame, decodeIncomingFrame, encodeFrame } from './frame-codec.ts';

const folder = new URL('../corpus/', import.meta.url);
const corpus = readdirSync(folder).map((name) => ({
  name,
  bytes: Buffer.from(readFileSync(new URL(name, folder), 'utf8').replaceAll('\n', ''), 'hex'),
}));

/** All kinds, so that one that is added is missed here. */
const kinds: Readonly<Record<Frame['kind'], true>> = {
  ...{ hello: true, welcome: true, refuse: true, push: true, prune: true, graft: true },
  ...{ round: true, 'round-reply': true, digest: true, want: true, 'member-hashes': true },
  ...{ 'member-digest': true, 'member-delta': true, accusations: true, 'who-else': true },
};

/** A frame that survives being sent on, or a WireError; and on a link never an exception. */
function decodesOrRefuses(bytes: Buffer): 'frame' | 'refused' {
  const arrived = decodeIncomingFrame(bytes);
  try {
    const frame = decodeFrame(bytes);
    assert.equal(arrived.kind, frame.kind);
    if (frame.kind !== 'unknown') assert.deepEqual(decodeFrame(encodeFrame(frame)), frame);
    return 'frame';
  } catch (error) {
    assert.ok(error instanceof WireError, `a WireError, not ${String(error)}`);
    assert.equal(arrived.kind, 'malformed');
    return 'refused';
  }
}

describe('the corpus of the wire', () => {
  it('has every kind of frame', () => {
    const whole = corpus.filter(({ name }) => name.endsWith('.valid.hex'));
    assert.deepEqual(
      whole.map(({ bytes }) => decodeFrame(bytes).kind).sort(),
      Object.keys(kinds).sort(),
    );
  });

  for (const { name, bytes } of corpus) {
    it(`${name} is a frame or refused`, () => {
      const outcome = decodesOrRefuses(bytes);
      if (name.endsWith('.valid.hex')) assert.equal(outcome, 'frame');
    });
  }

  it('so is whatever two of them make together', () => {
    const file = fc.constantFrom(...corpus).map(({ bytes }) => bytes);
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(file, file, share, share, (a, b, cutA, cutB) => {
        const head = a.subarray(0, Math.floor(a.length * cutA));
        decodesOrRefuses(Buffer.concat([head, b.subarray(Math.floor(b.length * cutB))]));
      }),
      { numRuns: 2_000 },
    );
  });
});
