/** Records for simulations: real domain values, their bytes never read by the core. */
import { parseElectionName, parseNodeId } from '@herald/core';
import type { SealedRecord } from '@herald/core';

export const simulatedElection = parseElectionName('simulated');

const noBytes = new Uint8Array();

/** What an elector would seal at this version. */
export function simulatedRecord(
  epoch: number,
  options: {
    readonly issuer?: string;
    readonly renewal?: number;
    readonly validityMs?: number;
    readonly sequence?: number;
  } = {},
): SealedRecord {
  return {
    record: {
      kind: 'leader',
      election: simulatedElection,
      version: {
        lineage: 0,
        epoch: BigInt(epoch),
        sequence: BigInt(options.sequence ?? epoch),
        renewal: options.renewal ?? 0,
      },
      issuer: parseNodeId(options.issuer ?? 'elector-0'),
      validityMs: options.validityMs ?? 3000,
      leader: { id: parseNodeId('service-0'), address: 'service-0:80', metadata: {} },
    },
    bytes: noBytes,
    keyId: '',
    signature: noBytes,
  };
}
