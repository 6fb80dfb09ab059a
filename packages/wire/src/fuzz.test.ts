/**
 * Whatever bytes arrive, a decoder gives a valid value of the domain or throws a WireError. That a
 * value is valid shows when it is sent on and comes back the same.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Frame, LeaderRecord } from '@herald/core';
import type { Codec } from './codec.ts';
import * as elector from './elector-codec.ts';
import { WireError } from './errors.ts';
import { decodeFrame, encodeFrame } from './frame-codec.ts';
import type { UnknownFrame } from './frame-codec.ts';
import { decodeIncomingLookup, encodeLookup, lookupAnswerCodec } from './lookup-codec.ts';
import * as node from './node-codec.ts';
import type { LookupRequest } from './node-messages.ts';
import { decodeRecord, encodeRecord } from './record-codec.ts';
import * as arbitrary from './test-support/arbitraries.ts';
import * as electors from './test-support/elector-arbitraries.ts';

interface Subject<Value> {
  readonly name: string;
  readonly values: fc.Arbitrary<Value>;
  readonly codec: Codec<Value>;
  readonly numRuns: number;
}

function subject<Value>(
  name: string,
  values: fc.Arbitrary<Value>,
  codec: Codec<Value>,
  numRuns = 200,
): Subject<unknown> {
  return { name, values, codec: codec as Codec<unknown>, numRuns };
}

const frameCodec: Codec<Frame | UnknownFrame> = {
  encode: (frame) => (frame.kind === 'unknown' ? Buffer.alloc(0) : encodeFrame(frame)),
  decode: decodeFrame,
};

const recordCodec: Codec<LeaderRecord> = {
  encode: (record) => encodeRecord(record).bytes as Buffer,
  decode: (bytes) => decodeRecord(bytes, '', new Uint8Array(0)).record,
};

/** Whatever arrives is one of three kinds; two of them are errors here. */
const lookupCodec: Codec<LookupRequest> = {
  encode: encodeLookup,
  decode: (bytes) => {
    const arrived = decodeIncomingLookup(bytes);
    if (arrived.kind !== 'question') throw arrived.error;
    return arrived;
  },
};

const subjects = [
  subject('frame', arbitrary.frame, frameCodec, 1000),
  subject('leader record', arbitrary.leaderRecord, recordCodec, 500),
  subject('leader answer', arbitrary.leaderAnswer, node.leaderAnswerCodec),
  subject('GetLeader request', arbitrary.getLeaderRequest, node.getLeaderRequestCodec),
  subject('lookup', arbitrary.lookupRequest, lookupCodec),
  subject('lookup answer', arbitrary.lookupAnswer, lookupAnswerCodec),
  subject('WatchLeader request', arbitrary.watchLeaderRequest, node.watchLeaderRequestCodec),
  subject('ListMembers request', fc.constant({}), node.listMembersRequestCodec),
  subject('member list', arbitrary.memberList, node.memberListCodec),
  subject('Convergence request', arbitrary.convergenceRequest, node.convergenceRequestCodec),
  subject('Convergence answer', arbitrary.convergenceAnswer, node.convergenceAnswerCodec),
  subject('Confirm request', electors.confirmRequest, elector.confirmRequestCodec),
  subject('Confirm response', electors.confirmResponse, elector.confirmResponseCodec),
  subject('Status request', electors.statusRequest, elector.statusRequestCodec),
  subject('Status response', electors.statusResponse, elector.statusResponseCodec),
  subject('StepDown request', electors.stepDownRequest, elector.stepDownRequestCodec),
  subject('StepDown response', electors.stepDownResponse, elector.stepDownResponseCodec),
  subject('RaiseLineage request', electors.raiseRequest, elector.raiseLineageRequestCodec),
  subject('RaiseLineage response', electors.raiseResponse, elector.raiseLineageResponseCodec),
];

/** Edits that keep most of a valid message, so that what is wrong lies deep inside. */
const edit = fc.record({
  kind: fc.constantFrom('flip', 'set', 'cut', 'insert', 'remove', 'double'),
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  byte: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 0x7f, 0x80, 0xff)),
});
type Edit = typeof edit extends fc.Arbitrary<infer Value> ? Value : never;

function edited(bytes: Uint8Array, edits: readonly Edit[]): Buffer {
  let result = Buffer.from(bytes);
  for (const { kind, at, byte } of edits) {
    const index = Math.floor(at * result.length);
    const before = result.subarray(0, index);
    const after = result.subarray(index);
    const here = result[index] ?? 0;
    const parts = {
      flip: () => [before, [here ^ (1 << (byte & 7))], after.subarray(1)],
      set: () => [before, [byte], after.subarray(1)],
      cut: () => [before],
      insert: () => [before, [byte], after],
      remove: () => [before, after.subarray(1)],
      double: () => [result, after],
    }[kind as 'flip']();
    result = Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)));
  }
  return result;
}

/** Counts as a pass: a WireError, or a value that survives being sent on. */
function decodesOrRefuses(codec: Codec<unknown>, bytes: Buffer): 'value' | 'refused' {
  let value: unknown;
  try {
    value = codec.decode(bytes);
  } catch (error) {
    assert.ok(error instanceof WireError, `a WireError, not ${String(error)}`);
    assert.ok(error.cause === undefined || error.cause instanceof Error);
    return 'refused';
  }
  assert.deepStrictEqual(codec.decode(codec.encode(value)), value);
  return 'value';
}

for (const { name, values, codec, numRuns } of subjects) {
  describe(`a ${name}`, () => {
    it('comes back as it was sent', () => {
      fc.assert(
        fc.property(values, (value) => {
          assert.deepStrictEqual(codec.decode(codec.encode(value)), value);
        }),
        { numRuns },
      );
    });

    it('decodes to a valid value or a WireError from any bytes', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
          decodesOrRefuses(codec, Buffer.from(bytes));
        }),
        { numRuns },
      );
    });

    it('decodes to a valid value or a WireError after its bytes were tampered with', () => {
      const seen = { value: 0, refused: 0 };
      fc.assert(
        fc.property(values, fc.array(edit, { minLength: 1, maxLength: 3 }), (value, edits) => {
          seen[decodesOrRefuses(codec, edited(codec.encode(value), edits))]++;
        }),
        { numRuns },
      );
      assert.ok(seen.value > 0, 'some edits leave a valid message');
      assert.ok(seen.refused > 0, 'some edits do not');
    });
  });
}
