/** Records for simulations, sealed as an elector seals them: what is carried are real bytes and signatures. */
import { parseElectionName, parseNodeId } from '@herald/core';
import type { SealedRecord } from '@herald/core';
import { encodeRecord } from '@herald/wire';
import { electorSigner } from './signing.ts';

export const simulatedElection = parseElectionName('simulated');

/** For how long a lease of the simulated etcd lives without a renewal. */
export const simulatedLeaseMs = 3000;

/** What an elector would seal at this version. */
export function simulatedRecord(
  epoch: number,
  options: { readonly issuer?: string; readonly renewal?: number; readonly leader?: string } = {},
): SealedRecord {
  return encodeRecord(
    {
      kind: 'leader',
      election: simulatedElection,
      version: {
        lineage: 0,
        epoch: BigInt(epoch),
        sequence: BigInt(epoch),
        renewal: options.renewal ?? 0,
      },
      issuer: parseNodeId(options.issuer ?? 'elector-0'),
      validityMs: simulatedLeaseMs,
      leader: {
        id: parseNodeId(options.leader ?? 'service-0'),
        address: 'service-0:80',
        metadata: {},
      },
    },
    electorSigner,
  );
}
