/**
 * Grows the corpus of the wire anew: `node scripts/wire-corpus.mjs`, after a build. For each kind of frame one
 * valid one, what is left of it when the stream breaks in the middle, and what a few bit flips make of it.
 * Files are hexadecimal, so that a change shows in a review; names say what they hold.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';

import { encodeFrame } from '../packages/wire/dist/frame-codec.js';
import { frame } from '../packages/wire/dist/test-support/arbitraries.js';
import { repositoryFolder } from './source-tree.mjs';

const folder = join(repositoryFolder, 'packages', 'wire', 'corpus');
/** The same corpus each time, until the arbitraries change. */
const seed = 20;
const samples = 2_000;
const mutationsOfEach = 4;

const byKind = new Map();
for (const each of fc.sample(frame, { seed, numRuns: samples })) {
  const known = byKind.get(each.kind);
  // The longest of a kind has the most fields to be wrong in, within what is pleasant to read.
  const bytes = encodeFrame(each);
  if (bytes.length <= 400 && bytes.length > (known?.length ?? -1)) byKind.set(each.kind, bytes);
}

mkdirSync(folder, { recursive: true });
for (const name of readdirSync(folder)) rmSync(join(folder, name));
for (const [kind, bytes] of [...byKind].sort()) {
  write(`${kind}.valid`, bytes);
  write(`${kind}.truncated`, bytes.subarray(0, Math.max(1, Math.floor(bytes.length * 0.6))));
  for (let index = 0; index < mutationsOfEach; index++)
    write(`${kind}.mutated-${index}`, mutated(bytes, index));
}
for (const [name, hex] of Object.entries(byHand()))
  write(`by-hand.${name}`, Buffer.from(hex, 'hex'));

function write(name, bytes) {
  const lines = Buffer.from(bytes)
    .toString('hex')
    .match(/.{1,96}/g) ?? [''];
  writeFileSync(join(folder, `${name}.hex`), `${lines.join('\n')}\n`);
}

/** A flip every so many bytes, at another place for each index. */
function mutated(bytes, index) {
  const result = Buffer.from(bytes);
  for (let at = index + 1; at < result.length; at += 7 + 5 * index)
    result[at] ^= 1 << ((at + index) % 8);
  return result;
}

/** What a generator of valid frames does not come upon. */
function byHand() {
  return {
    empty: '',
    'varint-without-end': '08ffffffffffffffffffff',
    'length-beyond-the-end': '0affffffff07',
    'nested-without-end': '0a050a030a010a',
    'field-zero': '0000',
    'group-that-is-not-closed': '0b0b0b0b',
    'unknown-field': '9a060178',
    'two-kinds-at-once': '0a0022002a00',
  };
}
