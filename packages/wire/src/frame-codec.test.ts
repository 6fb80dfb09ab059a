import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { limits, parseElectionName, stateBytesMax } from '@herald/core';
import type { Contact, Frame, RefuseFrame } from '@herald/core';
import { WireError } from './errors.ts';
import { decodeFrame, decodeIncomingFrame, encodeFrame } from './frame-codec.ts';
import type { Frame as RawFrame } from './generated/herald/v1/Frame.ts';
import { messages } from './proto.ts';
import { encodeRecord } from './record-codec.ts';
import * as arbitrary from './test-support/arbitraries.ts';
import { expectWireError } from './test-support/expect-wire-error.ts';

const contact = {
  nodeId: 'node-1',
  generation: '7',
  address: '10.0.0.1:80',
  role: 'ROLE_NODE',
} as const;
const version = { lineage: 0, epoch: '5', sequence: '6', renewal: 0 };
const record = messages.leaderRecord.encode({
  election: 'payments',
  version,
  vacancy: {},
  issuer: 'elector-1',
});

function decodeRaw(raw: RawFrame): unknown {
  return decodeFrame(messages.frame.encode(raw));
}

function push(carried: object): RawFrame {
  return { push: { mode: 'EAGER', record: { record: { record }, ...carried } } };
}

describe('frames', () => {
  it('come back as they were sent, of every kind', () => {
    fc.assert(
      fc.property(arbitrary.frame, (frame) => {
        assert.deepStrictEqual(decodeFrame(encodeFrame(frame)), frame);
      }),
      { numRuns: 500 },
    );
  });

  it('carry a record by its very bytes, fields of a newer issuer included', () => {
    const newer = Buffer.concat([record, Buffer.from([0xa2, 0x06, 0x03, 0x61, 0x62, 0x63])]);
    const first = decodeRaw({
      push: { mode: 'EAGER', record: { record: { record: newer } } },
    }) as Frame;
    const forwarded = decodeFrame(encodeFrame(first));
    assert.ok(forwarded.kind === 'push');
    assert.deepEqual(Buffer.from(forwarded.sealed.bytes), newer);
  });

  it('of a newer kind are unknown, not errors', () => {
    const field99 = Buffer.from([0x9a, 0x06, 0x02, 0x08, 0x01]);
    assert.deepEqual(decodeFrame(field99), { kind: 'unknown' });
    assert.deepEqual(decodeFrame(new Uint8Array(0)), { kind: 'unknown' });
    assert.deepEqual(decodeIncomingFrame(field99), { kind: 'unknown' });
  });

  it('of a known kind keep their meaning beside fields of a newer protocol', () => {
    const extended = Buffer.concat([
      encodeFrame({ kind: 'graft' }),
      Buffer.from([0x98, 0x06, 0x01]),
    ]);
    assert.deepEqual(decodeFrame(extended), { kind: 'graft' });
  });

  it('of two kinds at once are refused', () => {
    const both = Buffer.concat([encodeFrame({ kind: 'graft' }), encodeFrame({ kind: 'prune' })]);
    expectWireError(() => decodeFrame(both), 'MALFORMED', undefined);
  });

  it('that break a rule become a malformed frame on a link', () => {
    const incoming = decodeIncomingFrame(Buffer.from([0x9f, 0x06]));
    assert.ok(incoming.kind === 'malformed');
    assert.ok(incoming.error instanceof WireError);
    assert.equal(incoming.error.code, 'MALFORMED');
  });

  it('decode alike from a bare Uint8Array and from a Buffer', () => {
    const bytes = messages.frame.encode(push({ ageMs: 1.5, hops: 2 }));
    assert.deepStrictEqual(decodeFrame(new Uint8Array(bytes)), decodeFrame(bytes));
  });
});

describe('what a frame may hold', () => {
  const accepted: [string, RawFrame][] = [
    ['the oldest record', push({ ageMs: limits.ageMsMax })],
    ['the farthest record', push({ hops: limits.hopsMax })],
    ['as many contacts as a frame may', round(limits.contactsPerFrameMax)],
    ['as many versions as a digest may', digest(limits.digestEntriesMax)],
    ['as many elections as a want may', want(limits.wantElectionsMax)],
    ['the longest detail', refuse('d'.repeat(limits.detailBytesMax))],
    ['a generation ahead of our clock', welcome({ generation: String(Date.UTC(2035, 0, 1)) })],
    ['an empty page of a digest', { digest: { after: 'b', upTo: 'c' } }],
    ['no contacts', round(0)],
    ['as many states as a delta may', delta(limits.memberStatesPerFrameMax, {})],
    ['the most that a member may tell of itself', delta(1, { metadata: { k: 'v'.repeat(1000) } })],
    ['as many hashes as there may be buckets', hashes(2 * limits.memberBucketsMax)],
    ['the hash of one bucket', hashes(2)],
    ['the last bucket', memberDigest({ bucketCount: 16, buckets: [0, 15] })],
  ];
  for (const [what, raw] of accepted) {
    it(`${what}: accepted`, () => {
      assert.notEqual((decodeRaw(raw) as Frame).kind, 'unknown');
    });
  }

  const refused: [string, RawFrame, WireError['code'], string][] = [
    [
      'a record too old',
      push({ ageMs: limits.ageMsMax * 1.001 }),
      'LIMIT_EXCEEDED',
      'push.record.age_ms',
    ],
    ['a negative age', push({ ageMs: -1 }), 'INVALID_VALUE', 'push.record.age_ms'],
    ['an age that is no number', push({ ageMs: NaN }), 'INVALID_VALUE', 'push.record.age_ms'],
    ['an infinite age', push({ ageMs: Infinity }), 'LIMIT_EXCEEDED', 'push.record.age_ms'],
    ['too many hops', push({ hops: limits.hopsMax + 1 }), 'LIMIT_EXCEEDED', 'push.record.hops'],
    ['no record', { push: { mode: 'EAGER' } }, 'MALFORMED', 'push.record'],
    [
      'no signed record',
      { push: { mode: 'EAGER', record: {} } },
      'MALFORMED',
      'push.record.record',
    ],
    ['no mode', { push: { record: { record: { record } } } }, 'INVALID_VALUE', 'push.mode'],
    [
      'too many contacts',
      round(limits.contactsPerFrameMax + 1),
      'LIMIT_EXCEEDED',
      'round.contacts',
    ],
    ['no hash', { round: { nonce: 1 } }, 'MALFORMED', 'round.hash'],
    ['too many versions', digest(limits.digestEntriesMax + 1), 'LIMIT_EXCEEDED', 'digest.entries'],
    ['too many wants', want(limits.wantElectionsMax + 1), 'LIMIT_EXCEEDED', 'want.elections'],
    [
      'a bad election',
      { want: { elections: ['a', 'no good'] } },
      'INVALID_VALUE',
      'want.elections[1]',
    ],
    [
      'a detail too long',
      refuse('d'.repeat(limits.detailBytesMax + 1)),
      'LIMIT_EXCEEDED',
      'refuse.detail',
    ],
    ['a detail with an escape', refuse('\u001b[31m'), 'INVALID_VALUE', 'refuse.detail'],
    [
      'too many states',
      delta(limits.memberStatesPerFrameMax + 1, {}),
      'LIMIT_EXCEEDED',
      'member_delta.states',
    ],
    [
      'a state without a status',
      delta(1, { status: 'MEMBER_STATUS_UNSPECIFIED' }),
      'INVALID_VALUE',
      'member_delta.states[0].state.status',
    ],
    [
      'a state without a contact',
      delta(1, { contact: null }),
      'MALFORMED',
      'member_delta.states[0].state.contact',
    ],
    [
      'a version above 2^53 - 1',
      delta(1, { version: '9007199254740992' }),
      'INVALID_VALUE',
      'member_delta.states[0].state.version',
    ],
    [
      'a zone of two lines',
      delta(1, { zone: 'a\nb' }),
      'INVALID_VALUE',
      'member_delta.states[0].state.zone',
    ],
    [
      'too much metadata in all',
      delta(1, { metadata: { a: 'x'.repeat(1024), b: 'x'.repeat(1023) } }),
      'LIMIT_EXCEEDED',
      'member_delta.states[0].state.metadata',
    ],
    [
      'too many accusations',
      delta(1, {
        unreachable: Array.from({ length: limits.unreachableMax + 1 }, () => ({ nodeId: 'n' })),
      }),
      'LIMIT_EXCEEDED',
      'member_delta.states[0].state.unreachable',
    ],
    ['no hash at all', hashes(0), 'INVALID_VALUE', 'member_hashes.halves'],
    ['one half of a hash alone', hashes(1), 'INVALID_VALUE', 'member_hashes.halves'],
    ['half a hash', hashes(3), 'INVALID_VALUE', 'member_hashes.halves'],
    ['hashes of three buckets', hashes(6), 'INVALID_VALUE', 'member_hashes.halves'],
    [
      'too many hashes',
      hashes(4 * limits.memberBucketsMax),
      'INVALID_VALUE',
      'member_hashes.halves',
    ],
    [
      'a bucket that there is not',
      memberDigest({ bucketCount: 16, buckets: [16] }),
      'INVALID_VALUE',
      'member_digest.buckets',
    ],
    [
      'a number of buckets that is no power of two',
      memberDigest({ bucketCount: 12 }),
      'INVALID_VALUE',
      'member_digest.bucket_count',
    ],
    [
      'too many members in a digest',
      memberDigest({
        bucketCount: 1,
        entries: Array.from({ length: limits.memberDigestEntriesMax + 1 }, () => ({ nodeId: 'n' })),
      }),
      'LIMIT_EXCEEDED',
      'member_digest.entries',
    ],
    ['no reason', { refuse: {} }, 'INVALID_VALUE', 'refuse.reason'],
    [
      'a generation too high',
      welcome({ generation: '9007199254740992' }),
      'INVALID_VALUE',
      'welcome.member.generation',
    ],
    [
      'a generation of the future',
      welcome({ generation: '9007199254740991' }),
      'LIMIT_EXCEEDED',
      'welcome.member.generation',
    ],
    ['no address', welcome({ address: '' }), 'INVALID_VALUE', 'welcome.member.address'],
    ['no node id', welcome({ nodeId: '' }), 'INVALID_VALUE', 'welcome.member.node_id'],
    ['no role', welcome({ role: 'ROLE_UNSPECIFIED' }), 'INVALID_VALUE', 'welcome.member.role'],
    [
      'a role of a newer protocol',
      welcome({ role: 17 as never }),
      'INVALID_VALUE',
      'welcome.member.role',
    ],
    [
      'a protocol range upside down',
      { hello: { cluster: 'c', protocolMin: 2, protocolMax: 1, member: contact } },
      'INVALID_VALUE',
      'hello.protocol_min',
    ],
    [
      'no cluster',
      { hello: { protocolMin: 1, protocolMax: 1, member: contact } },
      'INVALID_VALUE',
      'hello.cluster',
    ],
    ['a digest out of order', digestOf('', '', ['b', 'a']), 'INVALID_VALUE', 'digest.entries'],
    ['an election twice', digestOf('', '', ['a', 'a']), 'INVALID_VALUE', 'digest.entries'],
    ['an election below its page', digestOf('b', '', ['b']), 'INVALID_VALUE', 'digest.entries'],
    ['an election above its page', digestOf('', 'b', ['c']), 'INVALID_VALUE', 'digest.up_to'],
    [
      'no version',
      { digest: { entries: [{ election: 'a' }] } },
      'MALFORMED',
      'digest.entries[0].version',
    ],
    [
      'an epoch above 2^63 - 1',
      {
        digest: {
          entries: [{ election: 'a', version: { ...version, epoch: '9223372036854775808' } }],
        },
      },
      'INVALID_VALUE',
      'digest.entries[0].version.epoch',
    ],
    [
      'a sequence of 2^64 - 1',
      {
        digest: {
          entries: [{ election: 'a', version: { ...version, sequence: '18446744073709551615' } }],
        },
      },
      'INVALID_VALUE',
      'digest.entries[0].version.sequence',
    ],
  ];
  for (const [what, raw, code, field] of refused) {
    it(`${what}: refused`, () => {
      expectWireError(() => decodeRaw(raw), code, field);
    });
  }

  it('a refusal for a reason of a newer protocol is still a refusal', () => {
    const refusal = decodeRaw({
      refuse: { reason: 99 as never, detail: 'moon phase' },
    }) as RefuseFrame;
    assert.equal(refusal.reason, 'invalid');
    assert.equal(refusal.detail, 'moon phase');
  });

  it('an epoch of 2^63 - 1 is an epoch', () => {
    const frame = decodeRaw({
      digest: {
        entries: [{ election: 'a', version: { ...version, epoch: '9223372036854775807' } }],
      },
    }) as Extract<Frame, { kind: 'digest' }>;
    assert.equal(frame.entries[0]?.version.epoch, 2n ** 63n - 1n);
  });

  function delta(count: number, change: object): RawFrame {
    const raw = { contact, version: 3, status: 'MEMBER_STATUS_UP' as const, ...change };
    const state = messages.endpointState.encode(raw);
    return { memberDelta: { states: Array.from({ length: count }, () => ({ state })) } };
  }
  function hashes(halves: number): RawFrame {
    return { memberHashes: { halves: Array<number>(halves).fill(7) } };
  }
  function memberDigest(change: object): RawFrame {
    return { memberDigest: { buckets: [], entries: [], ...change } };
  }
  function round(count: number): RawFrame {
    return {
      round: {
        nonce: 1,
        hash: { high: 1, low: 2 },
        contacts: Array<typeof contact>(count).fill(contact),
      },
    };
  }
  function digest(count: number): RawFrame {
    const names = Array.from({ length: count }, (_, index) => `e${1000 + index}`);
    return digestOf('', '', names);
  }
  function digestOf(after: string, upTo: string, elections: string[]): RawFrame {
    return {
      digest: { after, upTo, entries: elections.map((election) => ({ election, version })) },
    };
  }
  function want(count: number): RawFrame {
    return { want: { elections: Array<string>(count).fill('payments') } };
  }
  function refuse(detail: string): RawFrame {
    return { refuse: { reason: 'FULL', detail } };
  }
  function welcome(change: object): RawFrame {
    return { welcome: { protocol: 1, member: { ...contact, ...change } } };
  }
});

describe('the size of a frame', () => {
  it('is bounded when it arrives', () => {
    // An unknown field of the right length fills a frame to the byte.
    const filled = (length: number): Buffer => {
      const head = Buffer.from([0x9a, 0x06, 0, 0, 0]);
      const body = length - head.length;
      head.set([(body & 0x7f) | 0x80, ((body >> 7) & 0x7f) | 0x80, body >> 14], 2);
      return Buffer.concat([head, Buffer.alloc(body)]);
    };
    assert.deepEqual(decodeFrame(filled(limits.frameBytesMax)), { kind: 'unknown' });
    expectWireError(
      () => decodeFrame(filled(limits.frameBytesMax + 1)),
      'LIMIT_EXCEEDED',
      undefined,
    );
  });

  it('is bounded when it is sent', () => {
    const election = parseElectionName('e'.repeat(limits.nameBytesMax));
    const frame: Frame = { kind: 'want', elections: Array<typeof election>(600).fill(election) };
    expectWireError(() => encodeFrame(frame), 'LIMIT_EXCEEDED', 'want');
  });

  it('holds the largest frame of every kind', () => {
    const longName = 'n'.repeat(limits.nameBytesMax);
    const revision = 2n ** 63n - 1n;
    const longVersion = {
      lineage: 2 ** 32 - 1,
      epoch: revision,
      sequence: revision,
      renewal: 2 ** 32 - 1,
    };
    const entries = Array.from({ length: limits.digestEntriesMax }, (_, index) => ({
      election: parseElectionName(`${longName.slice(4)}${1000 + index}`),
      version: longVersion,
    }));
    const after = parseElectionName('a'.repeat(limits.nameBytesMax));
    const upTo = parseElectionName('z'.repeat(limits.nameBytesMax));
    const digest: Frame = { kind: 'digest', after, upTo, entries };
    assert.deepStrictEqual(decodeFrame(encodeFrame(digest)), digest);
    const longContact: Contact = {
      nodeId: longName as Contact['nodeId'],
      generation: Date.UTC(2035, 11, 31),
      address: `${'h'.repeat(limits.addressBytesMax - 6)}:65535` as Contact['address'],
      role: 'elector',
    };
    const refuse: Frame = {
      kind: 'refuse',
      reason: 'full',
      detail: 'd'.repeat(limits.detailBytesMax),
      contacts: Array<Contact>(limits.contactsPerFrameMax).fill(longContact),
    };
    assert.deepStrictEqual(decodeFrame(encodeFrame(refuse)), refuse);
    const hashes: Frame = {
      kind: 'member-hashes',
      hashes: Array.from({ length: limits.memberBucketsMax }, (_, low) => ({
        high: 2 ** 32 - 1,
        low,
      })),
    };
    assert.deepStrictEqual(decodeFrame(encodeFrame(hashes)), hashes);
    const named = { nodeId: longContact.nodeId, generation: longContact.generation };
    const members = Array<object>(limits.memberDigestEntriesMax).fill({
      ...named,
      version: Number.MAX_SAFE_INTEGER,
    });
    const memberDigest = {
      kind: 'member-digest',
      bucketCount: limits.memberBucketsMax,
      buckets: Array<number>(limits.memberDigestBucketsMax).fill(limits.memberBucketsMax - 1),
      entries: members,
      last: true,
    } as unknown as Frame;
    assert.deepStrictEqual(decodeFrame(encodeFrame(memberDigest)), memberDigest);
  });

  it('holds the largest state, and a page never takes more than was reckoned', () => {
    fc.assert(
      fc.property(arbitrary.endpointState, (state) => {
        const carried = { state, unreachableForMs: limits.ageMsMax };
        const frame: Frame = { kind: 'member-delta', states: [carried], wants: [], done: false };
        assert.ok(encodeFrame(frame).byteLength <= stateBytesMax(state));
      }),
      { numRuns: 500 },
    );
  });
});

describe('what is bent to fit when it is sent', () => {
  const sealed = encodeRecord({
    kind: 'vacancy',
    election: parseElectionName('payments'),
    version: { lineage: 0, epoch: 5n, sequence: 6n, renewal: 0 },
    issuer: 'elector-1' as never,
  });

  it('age and hops of a record that outlived their bounds', () => {
    const frame = decodeFrame(
      encodeFrame({ kind: 'push', mode: 'lazy', sealed, ageMs: limits.ageMsMax * 2, hops: 300 }),
    );
    assert.ok(frame.kind === 'push');
    assert.deepEqual([frame.ageMs, frame.hops], [limits.ageMsMax, limits.hopsMax]);
  });

  it('the detail of a refusal', () => {
    const detail = `line\nline ${'é'.repeat(limits.detailBytesMax)}\uD800`;
    const frame = decodeFrame(
      encodeFrame({ kind: 'refuse', reason: 'full', detail, contacts: [] }),
    );
    assert.ok(frame.kind === 'refuse');
    assert.match(frame.detail, /^line line é+$/);
    assert.ok(Buffer.byteLength(frame.detail) > limits.detailBytesMax - 2);
  });
});
