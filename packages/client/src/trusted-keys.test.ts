/** P7 in the client: what no trusted key has signed is as good as no answer, at every way in. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseClusterName } from '@herald/core';
import type { LeaderRecord, SealedRecord } from '@herald/core';
import {
  createRecordSigner,
  createTrustSet,
  decodeRecord,
  encodeRecord,
  generateKeyPair,
} from '@herald/wire';
import type { TrustSet } from '@herald/wire';
import { createOperatorOver } from './operator.ts';
import { claim, electorOf, failureOf, fixture, vacancy } from './test-support/fixture.ts';
import type { Fixture } from './test-support/fixture.ts';

const cluster = parseClusterName('client-tests');
const [ours, others] = [generateKeyPair(), generateKeyPair()];
const signer = createRecordSigner({ cluster, signingKey: ours.signingKey });
const otherSigner = createRecordSigner({ cluster, signingKey: others.signingKey });

const signed = (record: LeaderRecord): SealedRecord => encodeRecord(record, signer);

/** Ways to make up a record that would win, were it believed. */
const forgeries: Readonly<Record<string, (record: LeaderRecord) => SealedRecord>> = {
  'not signed': (record) => encodeRecord(record),
  'signed by a key that is not among the trusted keys': (record) =>
    encodeRecord(record, otherSigner),
  'does not carry the signature that it claims': (record) =>
    decodeRecord(encodeRecord(record).bytes, ours.keyId, signed(claim(1)).signature),
};

function trusting(...keys: readonly { readonly trustedKey: string }[]): TrustSet {
  const trustedKeys = keys.map(({ trustedKey }) => trustedKey).join('');
  return createTrustSet({ cluster, trustedKeys });
}

/** Lets time pass until `promise` is settled. */
async function settled<T>({ clock }: Fixture, promise: Promise<T>): Promise<T> {
  const state = { isOver: false };
  const over = (): void => {
    state.isOver = true;
  };
  promise.then(over, over);
  for (let passedMs = 0; !state.isOver && passedMs < 10_000; passedMs += 10)
    await clock.advance(10);
  return promise;
}

/** A client of three nodes; the first that it asks is a:1. */
function stage(trustedKeys = trusting(ours)): Fixture {
  const f = fixture({ trustedKeys, random: () => 0 });
  for (const address of ['a:1', 'b:1', 'c:1', electorOf(7), electorOf(9)]) {
    f.network.at(address).seal = signed;
  }
  return f;
}

describe('P7: a client with trusted keys', () => {
  for (const [detail, forge] of Object.entries(forgeries)) {
    it(`asks another node when an answer is ${detail}`, async () => {
      await using f = stage();
      f.network.at('a:1').seal = forge;
      f.network.at('a:1').hold(claim(99));
      f.network.at('b:1').hold(claim(7));
      const leader = await settled(f, f.client.getLeader());
      assert.equal(leader.epoch, 7n);
      const [first] = leader.attempts;
      assert.equal(first?.endpoint, 'a:1');
      assert.equal(first.outcome, 'untrusted');
      assert.match(first.detail ?? '', new RegExp(detail.replace('not signed', 'is not signed')));
      const stats = f.client.stats();
      assert.equal(stats.untrusted, 1);
      assert.ok(stats.endpoints.some(({ address, ejected }) => address === 'a:1' && ejected));
    });

    it(`does not believe a refusal whose record is ${detail}`, async () => {
      await using f = stage();
      for (const address of ['a:1', 'b:1', 'c:1']) f.network.at(address).hold(claim(7));
      await settled(f, f.client.getLeader());
      const heard = { endpoint: 'x:1', roundTripMs: 1 };
      f.client.hear({ ...heard, carried: { sealed: forge(claim(99)), ageMs: 0, hops: 0 } });
      assert.equal(f.client.leader?.epoch, 7n);
      assert.equal(f.client.stats().untrusted, 1);
      f.client.hear({ ...heard, carried: { sealed: signed(claim(8)), ageMs: 0, hops: 0 } });
      assert.equal(f.client.leader.epoch, 8n);
    });

    it(`leaves a node that it watches when what it says is ${detail}`, async () => {
      await using f = stage();
      f.network.at('a:1').seal = forge;
      for (const address of ['a:1', 'b:1', 'c:1']) f.network.at(address).hold(claim(7));
      const update = await settled(f, f.client.watchLeader().next());
      assert.equal(update.value?.epoch, 7n);
      assert.notEqual(update.value.source.endpoint, 'a:1');
      assert.match(f.client.stats().watchTrouble ?? '', /^a:1: its record /);
    });
  }

  it('ends with UNTRUSTED, and says what to check, when nobody tells anything else', async () => {
    await using f = stage();
    for (const address of ['a:1', 'b:1', 'c:1']) {
      f.network.at(address).seal = (record) => encodeRecord(record, otherSigner);
      f.network.at(address).hold(claim(7));
    }
    f.network.at('c:1').behaviour = 'refuses';
    const error = await settled(f, failureOf(f.client.getLeader({ timeoutMs: 500 })));
    assert.equal(error.code, 'UNTRUSTED');
    assert.match(
      error.message,
      /that a trusted key has signed.*check that trustedKeys and its clu/,
    );
    assert.equal(f.client.leader, undefined);
  });

  it('does not take an elector at its word when the record beside it is forged', async () => {
    await using f = stage();
    for (const address of ['a:1', 'b:1', 'c:1']) f.network.at(address).hold(claim(7));
    const elector = f.network.at(electorOf(7));
    elector.seal = (record) => encodeRecord(record);
    elector.hold(claim(7));
    elector.leadsUntilMs = 1e9;
    const call = f.client.getLeader({ verify: true, timeoutMs: 500 });
    const error = await settled(f, failureOf(call));
    assert.equal(error.code, 'UNTRUSTED');
    assert.ok(
      error.attempts.some(({ outcome, what }) => what === 'confirm' && outcome === 'untrusted'),
    );
    elector.seal = signed;
    elector.hold(claim(7));
    const leader = await settled(f, f.client.getLeader({ verify: true }));
    assert.equal(leader.verified, true);
  });

  it('goes on while keys are rotated, and forgets what a key has signed that is trusted no longer', async () => {
    const trust = trusting(ours);
    await using f = stage(trust);
    const nodes = ['a:1', 'b:1', 'c:1'].map((address) => f.network.at(address));
    for (const node of nodes) node.hold(claim(7));
    await settled(f, f.client.getLeader());
    trust.replace(ours.trustedKey + others.trustedKey);
    assert.equal(f.client.leader?.epoch, 7n);
    for (const node of nodes) {
      node.seal = (record) => encodeRecord(record, otherSigner);
      node.hold(vacancy(7));
      node.hold(claim(9));
    }
    const next = await settled(f, f.client.getLeader({ minEpoch: 9n }));
    assert.equal(next.epoch, 9n);
    assert.equal(f.client.stats().untrusted, 0);

    // The new key was stolen: it has made up an epoch that nothing will ever reach.
    f.client.hear({
      carried: { sealed: encodeRecord(claim(2 ** 50), otherSigner), ageMs: 0, hops: 0 },
      endpoint: 'x:1',
      roundTripMs: 1,
    });
    assert.equal(f.client.leader.epoch, 2n ** 50n);
    trust.replace(ours.trustedKey);
    assert.equal(f.client.leader, undefined);
    for (const node of nodes) {
      node.seal = signed;
      node.hold(claim(10));
    }
    assert.equal((await settled(f, f.client.getLeader())).epoch, 10n);
  });
});

describe('P7: an operator with trusted keys', () => {
  it('is not told of leaders that nobody has signed', async () => {
    await using f = stage();
    const elector = f.network.at(electorOf(7));
    elector.hold(claim(7));
    const status = () =>
      Promise.resolve({
        electorId: claim(7).issuer,
        elections: [
          {
            ...({
              election: claim(7).election,
              state: 'leading',
              epoch: 7n,
              leadingForMs: 9,
            } as const),
            ...{ best: elector.answer(claim(7).election, undefined), trouble: '' },
          },
        ],
      });
    const raiseLineage = () => Promise.reject(new Error('is not asked'));
    const stepDown = () => Promise.resolve({ steppedDown: false, epoch: 0n });
    await using operator = createOperatorOver({
      elector: electorOf(7),
      trustedKeys: trusting(ours),
      transport: { status, stepDown, raiseLineage, [Symbol.asyncDispose]: () => Promise.resolve() },
    });
    assert.equal((await operator.status()).elections.length, 1);
    elector.seal = (record) => encodeRecord(record, otherSigner);
    elector.hold(claim(7));
    const error = await failureOf(operator.status());
    assert.equal(error.code, 'UNTRUSTED');
    assert.match(
      error.message,
      /the elector at elector-7:70 is not believed: its record is signed/,
    );
  });
});
