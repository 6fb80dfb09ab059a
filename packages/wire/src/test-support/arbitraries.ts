/** Arbitrary valid values of the domain, for property tests; limit values and odd names included. */
// eslint-disable-next-line herald/rooms -- only tests import this file
import fc from 'fast-check';
import {
  limits,
  parseAddress,
  parseClusterName,
  parseElectionName,
  parseNodeId,
} from '@herald/core';
import type {
  Address,
  Contact,
  DigestEntry,
  DigestFrame,
  ElectionName,
  EndpointState,
  Frame,
  Leader,
  LeaderRecord,
  MemberStatus,
  SealedRecord,
  Version,
} from '@herald/core';
import { encodeRecord } from '../record-codec.ts';
import type {
  CarriedRecord,
  Caller,
  ConvergenceAnswer,
  ConvergenceRequest,
  GetLeaderRequest,
  LeaderAnswer,
  LookupAnswer,
  LookupRequest,
  MemberList,
  NotLeader,
  WatchLeaderRequest,
} from '../index.ts';

/** An object like those that decoders make; fast-check's own would now and then lack a prototype. */
export function plain<Value>(fields: { [Key in keyof Value]: fc.Arbitrary<Value[Key]> }) {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<Value>;
}

const name = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,15}$/) },
  { weight: 1, arbitrary: fc.constantFrom('constructor', 'a'.repeat(limits.nameBytesMax), '0') },
);
export const nodeId = name.map(parseNodeId);
export const electionName: fc.Arbitrary<ElectionName> = name.map(parseElectionName);
const clusterName = name.map(parseClusterName);

const port = fc.integer({ min: 1, max: 65_535 });
const host = fc.oneof(
  fc.ipV4(),
  fc.ipV6().map((ip) => `[${ip}]`),
  fc.domain(),
  fc.constant('x'.repeat(limits.addressBytesMax - 6)),
);
export const address: fc.Arbitrary<Address> = fc
  .tuple(host, port)
  .map(([h, p]) => parseAddress(`${h}:${p}`));

export const uint32 = fc.oneof(
  fc.integer({ min: 0, max: 1000 }),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  fc.constantFrom(0, 2 ** 32 - 1),
);
export const revision = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  fc.bigInt({ min: 0n, max: 5000n }),
  fc.constantFrom(2n ** 32n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n),
);
export const version: fc.Arbitrary<Version> = plain({
  lineage: uint32,
  epoch: revision,
  sequence: revision,
  renewal: uint32,
});

export const measure = (max: number) =>
  fc.oneof(fc.double({ min: 0, max, noNaN: true }), fc.constantFrom(0, max));

function fits(text: string, bytesMax: number): boolean {
  return Buffer.byteLength(text) <= bytesMax && !/[\uFFFD\p{Cs}]/u.test(text);
}
const text = (bytesMax: number) =>
  fc.string({ unit: 'binary', maxLength: 24 }).filter((value) => fits(value, bytesMax));
export const printable = (bytesMax: number) =>
  fc
    .string({ unit: 'grapheme', maxLength: 24 })
    .filter((value) => fits(value, bytesMax) && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value));

const metadataKey = fc.oneof(
  printable(limits.metadataKeyBytesMax).filter((key) => key !== ''),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty'),
);
export const metadata: fc.Arbitrary<Record<string, string>> = fc
  .array(fc.tuple(metadataKey, text(limits.metadataValueBytesMax)), { maxLength: 6 })
  .map((entries) => {
    const object = Object.create(null) as Record<string, string>;
    for (const [key, value] of entries) object[key] = value;
    return object;
  });

const leader: fc.Arbitrary<Leader> = fc.record(
  {
    id: nodeId,
    address: fc.oneof(address, printable(limits.addressBytesMax)),
    electorAddress: address,
    metadata,
  },
  { requiredKeys: ['id', 'address', 'metadata'], noNullPrototype: true },
);

const recordBase = { election: electionName, version, issuer: nodeId };
const leaderClaim = plain({
  kind: fc.constant('leader' as const),
  ...recordBase,
  leader,
  validityMs: fc.integer({ min: 0, max: limits.validityMsMax }),
});
const vacancy = plain({ kind: fc.constant('vacancy' as const), ...recordBase });
export const leaderRecord: fc.Arbitrary<LeaderRecord> = fc.oneof(leaderClaim, vacancy);

function sealing(record: fc.Arbitrary<LeaderRecord>): fc.Arbitrary<SealedRecord> {
  return fc
    .tuple(record, printable(limits.nameBytesMax), fc.uint8Array({ maxLength: 64 }))
    .map(([plain, keyId, signature]) => ({
      ...encodeRecord(plain),
      keyId,
      signature: Buffer.from(signature),
    }));
}

const carriedFields = {
  ageMs: measure(limits.ageMsMax),
  hops: fc.integer({ min: 0, max: limits.hopsMax }),
};
function carrying(record: fc.Arbitrary<LeaderRecord>): fc.Arbitrary<CarriedRecord> {
  return plain({ sealed: sealing(record), ...carriedFields });
}

const counter = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER));
/** Up to some time in the year 2036, which every clock that tests run under lets through. */
const generation = fc.oneof(fc.nat(), fc.integer({ min: 0, max: Date.UTC(2035, 11, 31) }));
const ageMs = fc.integer({ min: 0, max: limits.ageMsMax });

export const contact: fc.Arbitrary<Contact> = plain({
  nodeId,
  generation,
  address,
  role: fc.constantFrom('node' as const, 'elector' as const),
});
const contacts = fc.array(contact, { maxLength: limits.contactsPerFrameMax });
const hash = plain({ high: uint32, low: uint32 });

const bucketCount = fc.integer({ min: 0, max: 6 }).map((power) => 2 ** power);

const applied = fc.array(
  plain({ election: electionName, version: version.map((at) => ({ ...at, renewal: 0 })) }),
  { maxLength: 4 },
);
const memberFacts = {
  zone: printable(limits.nameBytesMax),
  build: printable(limits.nameBytesMax),
  metadata,
  applied,
};
const memberStatus = fc.constantFrom<MemberStatus[]>('joining', 'up', 'leaving', 'left');
export const endpointState: fc.Arbitrary<EndpointState> = plain({
  contact,
  version: counter,
  status: memberStatus,
  application: plain({
    ...memberFacts,
    unreachable: fc.array(plain({ nodeId, generation, version: counter }), { maxLength: 4 }),
  }),
});

const digestEntry: fc.Arbitrary<DigestEntry> = plain({ election: electionName, version });
const digest: fc.Arbitrary<DigestFrame> = fc
  .tuple(
    fc.uniqueArray(digestEntry, { maxLength: 12, selector: (entry) => entry.election }),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([unsorted, hasAfter, hasUpTo]) => {
    const entries = [...unsorted].sort((a, b) => (a.election < b.election ? -1 : 1));
    const after = hasAfter ? entries.shift()?.election : undefined;
    const upTo = hasUpTo ? entries.at(-1)?.election : undefined;
    return { kind: 'digest', after, upTo, entries };
  });

function frameOf<Kind extends Frame['kind']>(
  kind: Kind,
  fields: { [Key in Exclude<keyof Extract<Frame, { kind: Kind }>, 'kind'>]: fc.Arbitrary<unknown> },
): fc.Arbitrary<Frame> {
  return plain({ kind: fc.constant(kind), ...fields }) as unknown as fc.Arbitrary<Frame>;
}

/** Frames of every kind. */
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

export const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc
    .tuple(clusterName, contact, uint32, uint32, fc.boolean())
    .map(([cluster, member, a, b, probe]): Frame => ({
      kind: 'hello',
      cluster,
      protocolMin: Math.min(a, b),
      protocolMax: Math.max(a, b),
      member,
      probe,
    })),
  frameOf('welcome', { protocol: uint32, member: contact, contacts }),
  frameOf('refuse', {
    reason: fc.constantFrom(
      'full',
      'cluster-mismatch',
      'protocol-mismatch',
      'self',
      'duplicate',
      'superseded',
      'invalid',
    ),
    detail: printable(limits.detailBytesMax),
    contacts,
  }),
  frameOf('push', {
    mode: fc.constantFrom('eager', 'lazy', 'repair'),
    sealed: sealing(leaderRecord),
    ...carriedFields,
  }),
  frameOf('prune', {}),
  frameOf('graft', {}),
  frameOf('round', {
    nonce: uint32,
    hash,
    contacts,
    members: fc.option(plain({ hash, count: uint32 }), { nil: undefined }),
    beatMs: uint32,
  }),
  frameOf('round-reply', { nonce: uint32 }),
  digest,
  frameOf('want', { elections: fc.array(electionName, { maxLength: 20 }) }),
  bucketCount.chain((count) =>
    frameOf('member-hashes', { hashes: fc.array(hash, { minLength: count, maxLength: count }) }),
  ),
  bucketCount.chain((count) =>
    frameOf('member-digest', {
      bucketCount: fc.constant(count),
      buckets: fc.array(fc.nat({ max: count - 1 }), { maxLength: limits.memberDigestBucketsMax }),
      entries: fc.array(plain({ nodeId, generation, version: counter }), { maxLength: 12 }),
      last: fc.boolean(),
    }),
  ),
  frameOf('member-delta', {
    states: fc.array(plain({ state: endpointState, unreachableForMs: ageMs }), { maxLength: 4 }),
    wants: fc.array(nodeId, { maxLength: 12 }),
    done: fc.boolean(),
  }),
  frameOf('accusations', {
    accused: fc.array(
      plain({
        idHash: int32,
        state: plain({ high: int32, low: int32 }),
        observers: fc.array(
          int32.filter((word) => word !== 0),
          { maxLength: limits.observersNamedMax },
        ),
      }),
      { maxLength: 12 },
    ),
  }),
  frameOf('who-else', { known: fc.array(int32, { maxLength: 12 }) }),
);

const answerFields = {
  behind: fc.boolean(),
  ask: fc.array(address, { maxLength: limits.contactsPerFrameMax }),
  nodeId,
};
function answerOf(
  status: LeaderAnswer['status'],
  carried: fc.Arbitrary<CarriedRecord | undefined>,
  validForMs: fc.Arbitrary<number>,
): fc.Arbitrary<LeaderAnswer> {
  return plain({ status: fc.constant(status), carried, validForMs, ...answerFields });
}

/** Answers of every status. */
export const leaderAnswer: fc.Arbitrary<LeaderAnswer> = fc.oneof(
  answerOf('current', carrying(leaderClaim), measure(limits.validityMsMax)),
  answerOf('expired', carrying(leaderClaim), fc.constant(0)),
  answerOf('vacant', carrying(vacancy), fc.constant(0)),
  answerOf('unknown', fc.constant(undefined), fc.constant(0)),
);

export const memberList: fc.Arbitrary<MemberList> = plain({
  cluster: clusterName,
  members: fc.array(
    fc.record(
      {
        contact,
        linked: fc.boolean(),
        self: fc.boolean(),
        roundTripMs: measure(60_000),
        facts: plain({
          status: memberStatus,
          reachability: fc.constantFrom('reachable' as const, 'unreachable' as const),
          suspectedBy: uint32,
          sinceMs: measure(limits.ageMsMax),
          ...memberFacts,
        }),
      },
      {
        requiredKeys: ['contact', 'linked', 'self', 'roundTripMs'],
        noNullPrototype: true,
      },
    ),
    { maxLength: 5 },
  ),
});

export const optionalVersion = fc.option(version, { nil: undefined });

export const convergenceRequest: fc.Arbitrary<ConvergenceRequest> = plain({
  election: electionName,
});

export const convergenceAnswer: fc.Arbitrary<ConvergenceAnswer> = fc
  .tuple(uint32, uint32)
  .chain(([a, b]) =>
    plain({
      election: electionName,
      newest: optionalVersion,
      applied: fc.constant(Math.min(a, b)),
      live: fc.constant(Math.max(a, b)),
      behind: fc.array(plain({ nodeId, applied: optionalVersion }), {
        maxLength: limits.behindMax,
      }),
      nodeId,
    }),
  );

export const getLeaderRequest: fc.Arbitrary<GetLeaderRequest> = plain({
  election: electionName,
  minVersion: optionalVersion,
});

export const lookupRequest: fc.Arbitrary<LookupRequest> = plain({
  kind: fc.constant('question' as const),
  id: uint32,
  question: getLeaderRequest,
});

/** Answers and refusals. */
export const lookupAnswer: fc.Arbitrary<LookupAnswer> = fc.oneof(
  plain({ kind: fc.constant('answer' as const), id: uint32, answer: leaderAnswer }),
  plain({
    kind: fc.constant('refused' as const),
    id: uint32,
    reason: printable(limits.detailBytesMax),
  }),
);

export const watchLeaderRequest: fc.Arbitrary<WatchLeaderRequest> = plain({
  election: electionName,
  minVersion: optionalVersion,
  includeRenewals: fc.boolean(),
});

export const caller: fc.Arbitrary<Caller> = plain({
  election: electionName,
  lineage: uint32,
  epoch: revision,
});

/** Refusals that name a leader, a vacancy or nothing. */
export const notLeader: fc.Arbitrary<NotLeader> = fc
  .tuple(
    fc.option(carrying(leaderRecord), { nil: undefined }),
    electionName,
    fc.option(fc.integer({ min: 0, max: limits.validityMsMax }), { nil: undefined }),
  )
  .map(([known, election, retryAfterMs]) => ({
    election: known?.sealed.record.election ?? election,
    known,
    retryAfterMs,
  }));
