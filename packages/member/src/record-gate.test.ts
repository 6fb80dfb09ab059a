/** P7 on links: what a tier of members does with records that no trusted key has signed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { credentials } from '@grpc/grpc-js';
import { parseAddress, parseClusterName, parseNodeId, protocolVersions } from '@herald/core';
import type { Frame, SealedRecord } from '@herald/core';
import {
  GossipClient,
  channelOptions,
  createRecordSigner,
  createTrustSet,
  decodeRecord,
  encodeRecord,
  generateKeyPair,
} from '@herald/wire';
import type { IncomingFrame, RecordObjection, RecordSigner, TrustSet } from '@herald/wire';
import type { Member } from './member.ts';
import { leaderRecord, startMember, testCluster, testElection, until } from './testing.ts';

const [oldKey, newKey, strange] = [generateKeyPair(), generateKeyPair(), generateKeyPair()];

function trusting(...keys: readonly { readonly trustedKey: string }[]): TrustSet {
  const trustedKeys = keys.map(({ trustedKey }) => trustedKey).join('');
  return createTrustSet({ cluster: testCluster, trustedKeys });
}

function signerOf({ signingKey }: { readonly signingKey: string }): RecordSigner {
  return createRecordSigner({ cluster: testCluster, signingKey });
}

function epochOf(member: Member): bigint | undefined {
  return member.leader(testElection)?.sealed.record.version.epoch;
}

/** A process that greets as a member does, and then pushes whatever it is told to. */
class Liar implements Disposable {
  readonly frames: IncomingFrame[] = [];
  /** What the stream ended with. */
  ended: string | undefined;
  readonly #client: GossipClient;
  readonly #stream;

  constructor(address: string) {
    this.#client = new GossipClient(address, credentials.createInsecure(), channelOptions.link);
    this.#stream = this.#client.link();
    this.#stream.on('data', (frame: IncomingFrame) => this.frames.push(frame));
    this.#stream.on('error', (error: Error) => (this.ended = error.message));
    const self = { nodeId: parseNodeId('liar'), generation: 1, address: parseAddress('[::1]:9') };
    this.say({
      ...{ kind: 'hello', cluster: testCluster, member: { ...self, role: 'elector' } },
      ...{ protocolMin: 1, protocolMax: protocolVersions.max, probe: false },
    });
  }

  get isWelcome(): boolean {
    return this.frames.some(({ kind }) => kind === 'welcome');
  }

  say(frame: Frame): void {
    this.#stream.write(frame);
  }

  push(sealed: SealedRecord): void {
    this.say({ kind: 'push', mode: 'eager', sealed, ageMs: 0, hops: 0 });
  }

  [Symbol.dispose](): void {
    this.#stream.cancel();
    this.#client.close();
  }
}

const signed = encodeRecord(leaderRecord(99), signerOf(oldKey));

/** Each is about an epoch that would win, were it believed. */
const forgeries: readonly (readonly [RecordObjection, string, SealedRecord])[] = [
  ['unsigned', 'nobody has signed', encodeRecord(leaderRecord(99))],
  [
    'bad-signature',
    'carries the signature of another record',
    decodeRecord(encodeRecord(leaderRecord(100)).bytes, signed.keyId, signed.signature),
  ],
  [
    'bad-signature',
    'was signed for another cluster',
    encodeRecord(
      leaderRecord(99),
      createRecordSigner({ cluster: parseClusterName('elsewhere'), signingKey: oldKey.signingKey }),
    ),
  ],
  [
    'bad-signature',
    'names a trusted key and was signed by another',
    decodeRecord(
      encodeRecord(leaderRecord(99)).bytes,
      oldKey.keyId,
      encodeRecord(leaderRecord(99), signerOf(strange)).signature,
    ),
  ],
];

describe('P7: records on links', () => {
  it('go from member to member when an elector that is trusted has signed them', async () => {
    const trust = trusting(oldKey);
    await using a = await startMember('a', { trust, signer: signerOf(oldKey) });
    await using b = await startMember('b', { trust: trusting(oldKey), seeds: [a.address] });
    await using c = await startMember('c', { trust: trusting(oldKey), seeds: [b.address] });
    await until('linked', () => b.links().length === 2 || c.links().length === 2);
    a.publish(leaderRecord(5));
    await until('spread', () => epochOf(b) === 5n && epochOf(c) === 5n);
    assert.deepEqual(c.leader(testElection)?.sealed, a.leader(testElection)?.sealed);
  });

  for (const [objection, what, forged] of forgeries) {
    it(`that ${what} are not taken, are counted, and end their link with the reason`, async () => {
      const signer = signerOf(oldKey);
      await using a = await startMember('a', { trust: trusting(oldKey), signer });
      await using b = await startMember('b', { trust: trusting(oldKey), seeds: [a.address] });
      await until('linked', () => a.links().length === 1);
      a.publish(leaderRecord(5));
      await until('the true record', () => epochOf(b) === 5n);
      using liar = new Liar(b.address);
      await until('welcome', () => liar.isWelcome);
      liar.push(forged);
      await until('the end of its link', () => liar.ended !== undefined);
      assert.match(liar.ended ?? '', new RegExp(`ABORTED: record refused: ${objection}$`));
      assert.equal(b.stats().recordsRefused[objection], 1);
      // The next true record goes to both: nothing came between, and the liar's link was the only one to end.
      a.publish(leaderRecord(6));
      await until('the next true record', () => epochOf(b) === 6n);
      assert.equal(a.stats().recordsRefused[objection], 0);
      assert.equal(a.links().length, 1);
    });
  }

  it('that an unknown key has signed are dropped, and their link stays: the key may become known', async () => {
    const trust = trusting(oldKey);
    await using b = await startMember('b', { trust });
    using liar = new Liar(b.address);
    await until('welcome', () => liar.isWelcome);
    liar.push(encodeRecord(leaderRecord(7), signerOf(newKey)));
    await until('the refusal', () => b.stats().recordsRefused['unknown-key'] === 1);
    assert.equal(epochOf(b), undefined);
    assert.equal(b.links().length, 1);
    trust.replace(oldKey.trustedKey + newKey.trustedKey);
    liar.push(encodeRecord(leaderRecord(7), signerOf(newKey)));
    await until('the record', () => epochOf(b) === 7n);
    assert.equal(liar.ended, undefined);
  });

  it('are never refused while keys are rotated in order, and afterwards the old key is worth nothing', async () => {
    const sets = [trusting(oldKey), trusting(oldKey), trusting(oldKey)] as const;
    const signer = signerOf(oldKey);
    await using a = await startMember('a', { trust: sets[0], signer });
    await using b = await startMember('b', { trust: sets[1], seeds: [a.address] });
    await using c = await startMember('c', { trust: sets[2], seeds: [a.address] });
    const all = [a, b, c];
    let epoch = 0;
    const spread = async (): Promise<void> => {
      a.publish(leaderRecord(++epoch));
      const asked = BigInt(epoch);
      await until(`epoch ${epoch}`, () => all.every((member) => epochOf(member) === asked));
    };
    await until('linked', () => a.links().length === 2);
    await spread();
    for (const set of sets) {
      set.replace(oldKey.trustedKey + newKey.trustedKey);
      await spread();
    }
    signer.replace(newKey.signingKey);
    await spread();
    assert.equal(c.leader(testElection)?.sealed.keyId, newKey.keyId);
    for (const set of sets) {
      set.replace(newKey.trustedKey);
      await spread();
    }
    const links = a.links().length;
    for (const member of all) {
      const { recordsRefused } = member.stats();
      assert.deepEqual(recordsRefused, { unsigned: 0, 'unknown-key': 0, 'bad-signature': 0 });
    }
    using late = new Liar(b.address);
    await until('welcome', () => late.isWelcome);
    late.push(encodeRecord(leaderRecord(99), signerOf(oldKey)));
    await until('the refusal', () => b.stats().recordsRefused['unknown-key'] === 1);
    await spread();
    assert.ok(a.links().length >= links, 'no link was lost');
  });

  it('are let go of with their key: a stolen key cannot block what is true for ever', async () => {
    const sets = [trusting(oldKey, strange), trusting(oldKey, strange)] as const;
    await using a = await startMember('a', { trust: sets[0], signer: signerOf(oldKey) });
    await using b = await startMember('b', { trust: sets[1], seeds: [a.address] });
    await until('linked', () => b.links().length === 1);
    a.publish(leaderRecord(5));
    await until('the true record', () => epochOf(b) === 5n);
    const seen: (string | bigint | undefined)[] = [];
    const watching = new AbortController();
    const watch = (async () => {
      for await (const answer of b.watch(testElection, { signal: watching.signal })) {
        seen.push(answer.carried?.sealed.record.version.epoch ?? answer.status);
      }
    })();
    using thief = new Liar(b.address);
    await until('welcome', () => thief.isWelcome);
    thief.push(encodeRecord(leaderRecord(2 ** 50), signerOf(strange)));
    await until('the stolen key is believed', () => epochOf(a) === 2n ** 50n);
    assert.equal(a.publish(leaderRecord(6)), false, 'nothing true is newer');

    sets[1].replace(oldKey.trustedKey);
    assert.equal(epochOf(b), undefined);
    sets[0].replace(oldKey.trustedKey);
    assert.equal(a.publish(leaderRecord(6)), true);
    await until('the next true record', () => epochOf(b) === 6n);
    await until('the watch has seen it', () => seen.at(-1) === 6n);
    assert.ok(seen.includes('unknown'));
    watching.abort();
    await watch;
    const applied = (): bigint | undefined => b.convergence(testElection).newest?.epoch;
    await until('nobody counts the lie as applied', () => applied() === 6n);
  });

  it('are told of in the log, but not once for each', async () => {
    const lines: string[] = [];
    const none = (): undefined => undefined;
    const warn = (fields: object, message: string): void => {
      lines.push(`${message} ${JSON.stringify(fields)}`);
    };
    const logger = { debug: none, info: none, error: none, warn };
    await using b = await startMember('b', { trust: trusting(oldKey), logger });
    using liar = new Liar(b.address);
    await until('welcome', () => liar.isWelcome);
    for (let epoch = 1; epoch <= 20; epoch++) {
      liar.push(encodeRecord(leaderRecord(epoch), signerOf(strange)));
    }
    await until('all counted', () => b.stats().recordsRefused['unknown-key'] === 20);
    const told = lines.filter((line) => line.startsWith('record refused'));
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', new RegExp(`"unknown-key","keyId":"${strange.keyId}"`));
  });
});
