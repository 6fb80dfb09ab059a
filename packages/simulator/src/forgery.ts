/**
 * Members that lie: instead of a record they pass on one that they made up. Decides in which ways; each is
 * about an epoch that would win everywhere, and for ever, were it believed.
 */
import { parseClusterName } from '@herald/core';
import type { Frame, LeaderRecord, PushFrame, Random, SealedRecord } from '@herald/core';
import { decodeRecord, encodeRecord } from '@herald/wire';
import { electorSigner, simulatedCluster, simulatedSigner } from './signing.ts';

/** What arrives when this member sends `frame`. */
export type Forgery = (member: number, frame: Frame) => Frame;

const liarSigner = simulatedSigner(2, simulatedCluster);
/** The electors' own key, as it signs for another cluster. */
const elsewhereSigner = simulatedSigner(1, parseClusterName('elsewhere'));

/** The last epoch there is. */
const lastEpoch = 2n ** 63n - 1n;

/** The ways, by what is wrong with the signature. */
export const forgeries = {
  missing: (lie) => encodeRecord(lie),
  'by a key of the liar': (lie) => encodeRecord(lie, liarSigner),
  'by a key of the liar under the name of a trusted one': (lie) => {
    const { bytes, signature } = encodeRecord(lie, liarSigner);
    return decodeRecord(bytes, electorSigner.keyId, signature);
  },
  'of the true record': (lie, { keyId, signature }) =>
    decodeRecord(encodeRecord(lie).bytes, keyId, signature),
  'for another cluster': (lie) => encodeRecord(lie, elsewhereSigner),
} as const satisfies Record<string, (lie: LeaderRecord, truth: SealedRecord) => SealedRecord>;

const ways = Object.values(forgeries);

/** Each of `liars` replaces this share of the records that it sends. */
export function forger(liars: ReadonlySet<number>, share: number, random: Random): Forgery {
  return (member, frame) => {
    if (frame.kind !== 'push' || !liars.has(member) || random() >= share) return frame;
    return forged(frame, random);
  };
}

function forged(frame: PushFrame, random: Random): PushFrame {
  const { record } = frame.sealed;
  const lie = { ...record, version: { ...record.version, epoch: lastEpoch } };
  const way = ways[Math.floor(random() * ways.length)];
  return way === undefined ? frame : { ...frame, sealed: way(lie, frame.sealed) };
}
