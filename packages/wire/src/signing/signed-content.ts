/**
 * Decides what a signature is over: the record's very bytes, behind what they are and for which cluster.
 * So a record of one cluster proves nothing in another one that trusts the same key, and neither does
 * anything else that the key may ever sign.
 */
import type { ClusterName } from '@herald/core';

/** Ends in the byte 0, which no name of a cluster holds: no two clusters have the start in common. */
export function signedPrefix(cluster: ClusterName): Buffer {
  return Buffer.from(`herald.v1.record\0${cluster}\0`);
}

export function signedContent(prefix: Buffer, record: Uint8Array): Buffer {
  return Buffer.concat([prefix, record]);
}
