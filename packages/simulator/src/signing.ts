/**
 * Who signs in a simulation, and who is believed: the real scheme, over the real bytes. Keys are made from
 * numbers, so that a run has the same bytes whenever it is replayed.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { parseClusterName } from '@herald/core';
import type { ClusterName } from '@herald/core';
import { createRecordSigner, createTrustSet } from '@herald/wire';
import type { RecordSigner } from '@herald/wire';

export const simulatedCluster = parseClusterName('simulated');

/** What stands before the 32 bytes of an Ed25519 key in PKCS#8 (RFC 8410). */
const pkcs8Start = Buffer.from('302e020100300506032b657004220420', 'hex');

function privateKeyOf(number: number) {
  const key = Buffer.concat([pkcs8Start, Buffer.alloc(32, number)]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

/** @param number 0 to 255; another number is another key. */
export function simulatedSigner(number: number, cluster: ClusterName): RecordSigner {
  const signingKey = privateKeyOf(number).export({ format: 'pem', type: 'pkcs8' }).toString();
  return createRecordSigner({ cluster, signingKey });
}

const electorsKey = 1;

/** All electors sign with one key. */
export const electorSigner = simulatedSigner(electorsKey, simulatedCluster);

/** What all members trust: that key and no other. */
export const simulatedTrust = createTrustSet({
  cluster: simulatedCluster,
  trustedKeys: createPublicKey(privateKeyOf(electorsKey))
    .export({ format: 'pem', type: 'spki' })
    .toString(),
});
