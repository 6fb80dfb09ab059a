/**
 * Records that are forged, of yesterday, or signed with a stolen key, pushed at real processes by somebody who
 * has a member's certificate. Nothing moves but for who holds a key that is trusted; and what such a one has
 * done is undone by the two steps that SECURITY.md names.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createClient, createTrustSet } from '@herald/client';
import type { Client, LeaderResult } from '@herald/client';
import { parseClusterName, parseElectionName, parseNodeId } from '@herald/core';
import type { LeaderRecord, SealedRecord } from '@herald/core';
import { waitUntil } from '@herald/lab';
import { createRecordSigner, decodeRecord, encodeRecord, generateKeyPair } from '@herald/wire';
import type { RecordObjection, TrustSet } from '@herald/wire';
import { Liar } from './support/liar.ts';
import type { RunningProgram } from './support/run-program.ts';
import { SignedCluster } from './support/signed-cluster.ts';
import { patienceMs } from './support/test-cluster.ts';

const election = 'payments';
const name = 'forged';
const [own, strange, fresh] = [generateKeyPair(), generateKeyPair(), generateKeyPair()];
/** Nothing is above it: etcd's revisions are signed numbers of 64 bits. */
const epochMax = 2n ** 63n - 1n;

function signerOf({ signingKey }: { readonly signingKey: string }, cluster = name) {
  return createRecordSigner({ cluster: parseClusterName(cluster), signingKey });
}

function claim(epoch: bigint, of = election): LeaderRecord {
  return {
    ...{ kind: 'leader', election: parseElectionName(of), issuer: parseNodeId('thief') },
    version: { lineage: 0, epoch, sequence: epoch, renewal: 0 },
    validityMs: 5_000,
    leader: { id: parseNodeId('thief'), address: '127.0.0.1:1', metadata: {} },
  };
}

const highest = encodeRecord(claim(epochMax));
const forgeries: readonly (readonly [RecordObjection, string, SealedRecord])[] = [
  ['unsigned', 'the highest epoch, signed by nobody', highest],
  [
    'bad-signature',
    'the highest epoch, in the name of a trusted key',
    decodeRecord(
      highest.bytes,
      own.keyId,
      encodeRecord(claim(epochMax), signerOf(strange)).signature,
    ),
  ],
  [
    'bad-signature',
    'a record that the key has signed for another cluster',
    encodeRecord(claim(epochMax), signerOf(own, 'elsewhere')),
  ],
  [
    'bad-signature',
    'a record that the key has signed of another election',
    decodeRecord(
      highest.bytes,
      own.keyId,
      encodeRecord(claim(epochMax, 'invoices'), signerOf(own)).signature,
    ),
  ],
];

describe('P2, P7: records that are not what they claim', () => {
  let cluster: SignedCluster;
  let trust: TrustSet;
  let client: Client;

  before(async () => {
    cluster = await SignedCluster.start(name, election, own);
    trust = createTrustSet({ cluster: name, trustedKeys: own.trustedKey });
    client = createClient({
      ...{ seeds: [cluster.addresses.node, cluster.addresses.elector], election, cacheMs: 0 },
      ...{ trustedKeys: trust, tls: cluster.keeper('client') },
    });
  });

  after(async () => {
    await client[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  });

  const targets = () => [
    { program: cluster.elector, address: cluster.addresses.elector },
    { program: cluster.node, address: cluster.addresses.node },
  ];

  const leader = (minEpoch?: bigint): Promise<LeaderResult> =>
    client.getLeader({ timeoutMs: patienceMs, ...(minEpoch === undefined ? {} : { minEpoch }) });

  /** The elector leads on, by what etcd says. */
  async function assertUnmoved(before: LeaderResult): Promise<void> {
    const now = await leader();
    assert.equal(now.leaderId, 'a');
    assert.equal(now.version.lineage, before.version.lineage);
    // On a machine that has no time for it, it may have lost its lease and led anew.
    const moved = now.epoch - before.epoch;
    assert.ok(moved >= 0n && moved < 100n, `from ${before.epoch} to ${now.epoch}`);
    const { state, trouble } = await cluster.status();
    assert.notEqual(state, 'refusing', trouble);
  }

  async function untilRefused(program: RunningProgram, reason: RecordObjection, atLeast: number) {
    await waitUntil(
      `${program.process.name} to refuse it as ${reason}`,
      async () => (await cluster.refused(program, reason)) >= atLeast,
      { timeoutMs: patienceMs },
    );
  }

  for (const [reason, what, forged] of forgeries) {
    it(`${what}: moves no version, is counted, and ends its link`, async () => {
      const before = await leader();
      for (const { program, address } of targets()) {
        const counted = await cluster.refused(program, reason);
        using liar = await Liar.at(address, 'liar', cluster.keeper('elector'));
        liar.push(forged);
        assert.match(await liar.ended(), new RegExp(`record refused: ${reason}$`));
        await untilRefused(program, reason, counted + 1);
      }
      await assertUnmoved(before);
    });
  }

  it('a record of yesterday, played again: moves no version', async () => {
    using listener = await Liar.at(cluster.addresses.node, 'listener', cluster.keeper('node'));
    const yesterday = await listener.pushed(election);
    const { epoch } = yesterday.record.version;
    const stepDown = ['step-down', '--elector', cluster.addresses.elector, '-e', election];
    const { exitCode, stderr } = await cluster.herald(...stepDown);
    assert.equal(exitCode, 0, stderr);
    const before = await leader(epoch + 1n);
    for (const { address } of targets()) {
      using liar = await Liar.at(address, 'replayer', cluster.keeper('elector'));
      liar.push(yesterday);
      // It is a true record, so that the link stays; what ends it comes behind, and so was read after it.
      liar.push(highest);
      assert.match(await liar.ended(), /record refused: unsigned$/);
    }
    await assertUnmoved(before);
  });

  it('a true record of another election moves that election alone', async () => {
    const before = await leader();
    for (const { address } of targets()) {
      using liar = await Liar.at(address, 'replayer', cluster.keeper('elector'));
      liar.push(encodeRecord(claim(epochMax, 'invoices'), signerOf(own)));
      liar.push(highest);
      assert.match(await liar.ended(), /record refused: unsigned$/);
    }
    await assertUnmoved(before);
  });

  // Last, as it leaves the cluster in another lineage.
  it('the highest epoch with a stolen key: believed, leads nobody, and is undone by rotation and one command', async () => {
    const stolen = encodeRecord(claim(epochMax), signerOf(own));
    using thief = await Liar.at(cluster.addresses.node, 'thief', cluster.keeper('node'));
    thief.push(stolen);
    // Who holds a trusted key is believed. The elector sees that etcd has never said so, and leads no more.
    assert.equal((await leader(epochMax)).leaderId, 'thief');
    const refusing = await waitUntil(
      'the elector to refuse',
      async () => {
        const status = await cluster.status();
        return status.state === 'refusing' && status;
      },
      { timeoutMs: patienceMs },
    );
    assert.match(refusing.trouble, /the tier knows of revision 9223372036854775807/);

    // First the key, or its holder would outdo the next lineage too.
    await cluster.giveKeys(fresh);
    await cluster.hangUp(fresh);
    trust.replace(fresh.trustedKey);
    assert.equal((await cluster.status()).state, 'refusing', 'only the command ends it');

    const { elector, node } = cluster.addresses;
    const raised = await cluster.herald(
      'lineage',
      'raise',
      '--elector',
      elector,
      '--join',
      node,
      '--yes',
    );
    assert.equal(raised.exitCode, 0, raised.stderr);
    assert.match(raised.stdout, /raised to lineage 1/);
    const after = await leader();
    assert.deepEqual([after.leaderId, after.version.lineage], ['a', 1]);
    assert.ok(after.epoch < epochMax);

    const counted = await cluster.refused(cluster.node, 'unknown-key');
    using again = await Liar.at(node, 'thief-again', cluster.keeper('node'));
    again.push(stolen);
    await untilRefused(cluster.node, 'unknown-key', counted + 1);
    await assertUnmoved(after);
  });
});
