import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { credentials, Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import fc from 'fast-check';
import { limits, parseElectionName, parseNodeId } from '@herald/core';
import type { Version } from '@herald/core';
import {
  addElectorService,
  callerMetadata,
  ElectorClient,
  encodeRecord,
  notLeaderStatus,
  readCaller,
  readNotLeader,
} from './index.ts';
import type { NotLeader } from './index.ts';
import { decodeRichStatus, encodeRichStatus } from './rich-status.ts';
import * as arbitrary from './test-support/arbitraries.ts';

const election = parseElectionName('payments');
const version: Version = { lineage: 1, epoch: 17n, sequence: 19n, renewal: 3 };
const sealed = encodeRecord({
  kind: 'leader',
  election,
  version,
  issuer: parseNodeId('elector-1'),
  leader: { id: parseNodeId('a'), address: '10.0.0.1:80', metadata: {} },
  validityMs: 3000,
});
const refusal: NotLeader = {
  election,
  known: { sealed, ageMs: 12.5, hops: 2 },
  retryAfterMs: undefined,
};
const code = status.FAILED_PRECONDITION;

/** The trailers of `refusal`, as `change` leaves them. */
function changed(change: (metadata: Metadata) => void, of: NotLeader = refusal) {
  const { metadata } = notLeaderStatus(of);
  change(metadata);
  return readNotLeader({ code, metadata });
}

/** HTTP/2's reckoning of a header list: each line takes 32 bytes beside its name and value. */
function headerListBytes(lines: Record<string, unknown>): number {
  return Object.entries(lines).reduce((sum, [name, values]) => {
    const value = String(values);
    return sum + name.length + value.length + 32;
  }, 0);
}

describe('P8: a refusal NOT_LEADER', () => {
  it('comes back as it was given', () => {
    fc.assert(
      fc.property(arbitrary.notLeader, (given) => {
        assert.deepStrictEqual(readNotLeader(notLeaderStatus(given)), given);
      }),
      { numRuns: 300 },
    );
  });

  it('says the same in a rich status, to programs that know nothing of Herald', () => {
    const { metadata, details } = notLeaderStatus(refusal);
    assert.equal(details, 'not the leader of payments: a leads it at epoch 17');
    const [bytes] = metadata.get('grpc-status-details-bin');
    assert.deepEqual(decodeRichStatus(bytes as Buffer), {
      code,
      message: details,
      errorInfo: {
        reason: 'NOT_LEADER',
        domain: 'herald',
        metadata: {
          election: 'payments',
          lineage: '1',
          epoch: '17',
          sequence: '19',
          leader_id: 'a',
          leader_address: '10.0.0.1:80',
        },
      },
    });
  });

  it('names no leader where there is none to call, and says when to ask again', () => {
    const { metadata, details } = notLeaderStatus({ ...refusal, retryAfterMs: 99.5 });
    assert.match(details, /no other is known: ask again after 100 ms$/);
    assert.deepEqual(metadata.get('herald-retry-after-ms'), ['100']);
    const rich = decodeRichStatus(metadata.get('grpc-status-details-bin')[0] as Buffer);
    assert.equal(rich.retryAfterMs, 100);
    assert.deepEqual(Object.keys(rich.errorInfo!.metadata), [
      'election',
      'lineage',
      'epoch',
      'sequence',
    ]);
  });

  it('is read from the rich status where plain metadata was lost, but for the record', () => {
    fc.assert(
      fc.property(arbitrary.notLeader, (given) => {
        const read = changed((metadata) => {
          for (const key of ['reason', 'election', 'leader-bin', 'retry-after-ms']) {
            metadata.remove(`herald-${key}`);
          }
        }, given);
        assert.deepStrictEqual(read, { ...given, known: undefined });
      }),
    );
  });

  it('is told in trailers that every gRPC accepts, also with the largest record', () => {
    const long = parseElectionName('e'.repeat(limits.nameBytesMax));
    const id = parseNodeId('n'.repeat(limits.nameBytesMax));
    const address = '\u{1F600}'.repeat(65);
    const recordOf = (filler: readonly number[]) =>
      encodeRecord({
        kind: 'leader',
        election: long,
        version: {
          lineage: 2 ** 32 - 1,
          epoch: 2n ** 63n - 1n,
          sequence: 2n ** 63n - 1n,
          renewal: 0,
        },
        issuer: id,
        leader: {
          id,
          address,
          metadata: Object.fromEntries(
            filler.map((size, index) => [`k${index}`, 'v'.repeat(size)]),
          ),
        },
        validityMs: limits.validityMsMax,
      });
    const rest = limits.recordBytesMax - recordOf([1024, 1024, 1024, 0]).bytes.byteLength;
    // The lengths of the value and of its entry take a byte more each.
    const largest = recordOf([1024, 1024, 1024, rest - 2]);
    assert.equal(largest.bytes.byteLength, limits.recordBytesMax);
    const keyId = 'k'.repeat(limits.nameBytesMax);
    const signed = { ...largest, keyId, signature: Buffer.alloc(64, 1) };
    const given = { election: long, known: { sealed: signed, ageMs: 0.1, hops: 255 } };
    for (const retryAfterMs of [undefined, limits.validityMsMax]) {
      const { metadata, details } = notLeaderStatus({ ...given, retryAfterMs });
      const lines = {
        'grpc-status': code,
        'grpc-message': encodeURIComponent(details),
        ...metadata.toHttp2Headers(),
      };
      assert.ok(headerListBytes(lines) > 7000, 'the largest refusal is measured');
      assert.ok(headerListBytes(lines) <= 8192, `${headerListBytes(lines)} bytes`);
    }
  });

  it('is nothing when it breaks a rule', () => {
    const breaks: Record<string, (metadata: Metadata) => void> = {
      'an election that is none': (m) => m.set('herald-election', '-'),
      'no election': (m) => m.remove('herald-election'),
      'the election of another record': (m) => m.set('herald-election', 'reports'),
      'two elections': (m) => m.add('herald-election', 'reports'),
      'another reason': (m) => m.set('herald-reason', 'OVERLOADED'),
      'two reasons': (m) => m.add('herald-reason', 'NOT_LEADER'),
      'bytes that are no record': (m) => m.set('herald-leader-bin', Buffer.from('record')),
      'a record without bytes': (m) => m.set('herald-leader-bin', Buffer.alloc(0)),
      'more bytes than trailers hold': (m) => m.set('herald-leader-bin', Buffer.alloc(8193)),
      'a time that is no number': (m) => m.set('herald-retry-after-ms', 'soon'),
      'a time that is no whole number': (m) => m.set('herald-retry-after-ms', '1.5'),
      'a negative time': (m) => m.set('herald-retry-after-ms', '-1'),
      'a time without end': (m) => m.set('herald-retry-after-ms', String(86_400_001)),
    };
    for (const [what, change] of Object.entries(breaks)) {
      assert.equal(changed(change), undefined, what);
    }
  });

  it('is nothing when the rich status, alone, is of another kind', () => {
    const read = (bytes: Buffer) => {
      const metadata = new Metadata();
      metadata.set('grpc-status-details-bin', bytes);
      return readNotLeader({ code, metadata });
    };
    const facts = { election: 'payments' };
    const rich = (reason: string, domain: string, metadata: Record<string, string>) =>
      encodeRichStatus({ code, message: '', errorInfo: { reason, domain, metadata } });
    assert.ok(read(rich('NOT_LEADER', 'herald', facts)) !== undefined);
    assert.equal(read(rich('NOT_LEADER', 'tikv', facts)), undefined);
    assert.equal(read(rich('STALE', 'herald', facts)), undefined);
    assert.equal(read(rich('NOT_LEADER', 'herald', {})), undefined);
    assert.equal(read(encodeRichStatus({ code, message: 'no details' })), undefined);
    assert.equal(read(Buffer.alloc(8193)), undefined);
    assert.equal(read(Buffer.from([0x9f])), undefined);
  });

  it('is read from an error of its status code only, with its metadata', () => {
    const { metadata } = notLeaderStatus(refusal);
    assert.equal(readNotLeader({ code: status.UNAVAILABLE, metadata }), undefined);
    assert.equal(readNotLeader({ metadata }), undefined);
    assert.equal(readNotLeader({ code }), undefined);
    assert.equal(readNotLeader({ code, metadata: new Metadata() }), undefined);
    assert.equal(readNotLeader({}), undefined);
  });

  it('never throws, whatever the trailers hold', () => {
    const { metadata: valid } = notLeaderStatus({ ...refusal, retryAfterMs: 5 });
    const text = fc.oneof(
      fc.constantFrom('NOT_LEADER', 'payments', '17', ''),
      fc.stringMatching(/^[ -~]{0,24}$/),
    );
    const bytes = (key: string) => {
      const [good] = valid.get(key) as [Buffer];
      const flipped = fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => {
        const copy = Buffer.from(good);
        copy[at] = byte;
        return copy;
      });
      return fc.oneof(
        flipped,
        fc.uint8Array({ maxLength: 64 }).map((some) => Buffer.from(some)),
      );
    };
    const edits = fc.record(
      {
        'herald-reason': text,
        'herald-election': text,
        'herald-retry-after-ms': text,
        'herald-leader-bin': bytes('herald-leader-bin'),
        'grpc-status-details-bin': bytes('grpc-status-details-bin'),
      },
      { requiredKeys: [] },
    );
    const seen = { read: 0, refused: 0 };
    fc.assert(
      fc.property(edits, fc.boolean(), (changes, isPlain) => {
        const metadata = valid.clone();
        if (!isPlain) metadata.remove('herald-reason');
        for (const [key, value] of Object.entries(changes)) metadata.set(key, value);
        const read = readNotLeader({ code, metadata });
        if (read === undefined) seen.refused++;
        else {
          seen.read++;
          assert.deepStrictEqual(readNotLeader(notLeaderStatus(read)), read);
        }
      }),
      { numRuns: 1000 },
    );
    assert.ok(seen.read > 0 && seen.refused > 0, JSON.stringify(seen));
  });

  it('refuses to be given a time that no reader would accept', () => {
    for (const retryAfterMs of [-1, NaN, limits.validityMsMax + 1]) {
      assert.throws(() => notLeaderStatus({ ...refusal, retryAfterMs }), { name: 'WireError' });
    }
  });

  it('crosses a connection, and so does what its caller knows', async () => {
    const server = new Server();
    const seen: unknown[] = [];
    addElectorService(server, {
      confirm: (call, callback) => {
        seen.push(readCaller(call.metadata));
        callback(notLeaderStatus(refusal));
      },
      status: (_call, callback) => callback({ code: status.UNIMPLEMENTED }),
      stepDown: (_call, callback) => callback({ code: status.UNIMPLEMENTED }),
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    const client = new ElectorClient(`127.0.0.1:${port}`, credentials.createInsecure());
    try {
      const caller = { election, lineage: 1, epoch: 16n };
      const error = await new Promise<ServiceError | null>((resolve) => {
        client.confirm({ election, version: undefined }, callerMetadata(caller), resolve);
      });
      assert.deepEqual(seen, [caller]);
      assert.ok(error !== null);
      assert.equal(error.code, code);
      assert.deepStrictEqual(readNotLeader(error), refusal);
    } finally {
      client.close();
      server.forceShutdown();
    }
  });
});

describe('a rich status', () => {
  it('has the bytes that the standard gives it', () => {
    const bytes = encodeRichStatus({ code: 9, message: 'm', retryAfterMs: 1_500 });
    const url = 'type.googleapis.com/google.rpc.RetryInfo';
    // Duration { seconds: 1, nanos: 500 000 000 }, in RetryInfo, in Any, in Status.
    const duration = [0x08, 0x01, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01];
    const retryInfo = [0x0a, duration.length, ...duration];
    const any = [0x0a, url.length, ...Buffer.from(url), 0x12, retryInfo.length, ...retryInfo];
    const expected = [0x08, 9, 0x12, 1, 0x6d, 0x1a, any.length, ...any];
    assert.deepEqual([...bytes], expected);
    assert.equal(decodeRichStatus(bytes).retryAfterMs, 1_500);
  });
});

describe('what a caller knows', () => {
  it('comes back as it was told', () => {
    fc.assert(
      fc.property(arbitrary.caller, (caller) => {
        assert.deepStrictEqual(readCaller(callerMetadata(caller)), caller);
      }),
    );
  });

  it('is added to the metadata of a call, in the place of what was told before', () => {
    const metadata = new Metadata();
    metadata.set('authorization', 'secret');
    callerMetadata({ election, lineage: 0, epoch: 3n }, metadata);
    const newer = { election, lineage: 0, epoch: 9n };
    assert.equal(callerMetadata(newer, metadata), metadata);
    assert.deepEqual(metadata.get('authorization'), ['secret']);
    assert.deepEqual(readCaller(metadata), newer);
  });

  it('is nothing when it is not told, not all of it, or against a rule', () => {
    const told = () => callerMetadata({ election, lineage: 1, epoch: 2n });
    const breaks: ((metadata: Metadata) => void)[] = [
      (m) => m.remove('herald-election'),
      (m) => m.remove('herald-lineage'),
      (m) => m.remove('herald-epoch'),
      (m) => m.set('herald-election', 'a b'),
      (m) => m.set('herald-epoch', '-1'),
      (m) => m.set('herald-epoch', '0x10'),
      (m) => m.set('herald-epoch', '9223372036854775808'),
      (m) => m.set('herald-epoch', '1'.repeat(4000)),
      (m) => m.set('herald-lineage', '4294967296'),
      (m) => m.add('herald-epoch', '3'),
    ];
    assert.ok(readCaller(told()) !== undefined);
    assert.equal(readCaller(new Metadata()), undefined);
    for (const change of breaks) {
      const metadata = told();
      change(metadata);
      assert.equal(readCaller(metadata), undefined, String(change));
    }
  });

  it('never throws, whatever is told', () => {
    const text = fc.stringMatching(/^[ -~]{0,40}$/);
    fc.assert(
      fc.property(text, text, text, (named, lineage, epoch) => {
        const metadata = new Metadata();
        metadata.set('herald-election', named);
        metadata.set('herald-lineage', lineage);
        metadata.set('herald-epoch', epoch);
        const caller = readCaller(metadata);
        if (caller !== undefined) assert.deepEqual(readCaller(callerMetadata(caller)), caller);
      }),
    );
  });
});
