/**
 * Decides what a candidate says of itself in its key's value, and what is made of the values of
 * others. Ours are JSON that people can read; a candidate of another make (`etcdctl elect`, a Go
 * program) proposes whatever text it likes, and leads all the same.
 */
import { limits, parseAddress, parseElectionName, parseNodeId } from '@herald/core';
import type { Address, Leader, NodeId } from '@herald/core';
import { encodeRecord, printableText } from '@herald/wire';
import { z } from 'zod';
import { electorLimits } from '../config.ts';
import { formatLeaseId } from '../etcd/leases.ts';

/** How a candidate of ours presents itself. */
export interface Profile {
  readonly id: NodeId;
  /** Where the service it campaigns for is reached. */
  readonly address: string;
  /** Where its elector answers. */
  readonly electorAddress: Address;
  readonly metadata: Readonly<Record<string, string>>;
  readonly ttlSeconds: number;
}

/** A candidate as its key shows it. */
export interface Candidate {
  readonly kind: 'herald' | 'foreign';
  readonly leader: Leader;
  /** How long its lease lives without a renewal; a foreign one does not say. */
  readonly ttlSeconds: number | undefined;
}

/** Raised when a field changes its meaning; fields may be added without. */
const valueFormat = 1;

const valueSchema = z.object({
  herald: z.literal(valueFormat),
  id: z.string(),
  address: z.string(),
  electorAddress: z.string(),
  metadata: z.record(z.string(), z.string()),
  ttlSeconds: z.number().min(electorLimits.ttlSecondsMin).max(electorLimits.ttlSecondsMax),
});

export function formatCandidate(profile: Profile): string {
  const { id, address, electorAddress, metadata, ttlSeconds } = profile;
  return JSON.stringify({
    herald: valueFormat,
    id,
    address,
    electorAddress,
    metadata,
    ttlSeconds,
  });
}

/**
 * Refuses a profile that others could not read or records could not carry.
 *
 * @throws WireError with the field, or Error
 */
export function checkProfile(profile: Profile): void {
  const bytes = Buffer.byteLength(formatCandidate(profile));
  if (bytes > electorLimits.candidateValueBytesMax) {
    throw new Error(
      `address and metadata must fit ${electorLimits.candidateValueBytesMax} bytes together with the ` +
        `id and the elector's address, got ${bytes}`,
    );
  }
  checkSpreadable(toLeader(profile));
}

/** Reads any value; never throws. */
export function readCandidate(value: string, leaseId: bigint): Candidate {
  return readOurs(value) ?? readForeign(value, leaseId);
}

export function toLeader(profile: Profile): Leader {
  const { id, address, electorAddress, metadata } = profile;
  return { id, address, electorAddress, metadata };
}

function readOurs(value: string): Candidate | undefined {
  if (Buffer.byteLength(value) > electorLimits.candidateValueBytesMax) return undefined;
  try {
    const { id, address, electorAddress, metadata, ttlSeconds } = valueSchema.parse(
      JSON.parse(value),
    );
    const leader: Leader = {
      id: parseNodeId(id),
      address,
      electorAddress: parseAddress(electorAddress),
      metadata,
    };
    checkSpreadable(leader);
    return { kind: 'herald', leader, ttlSeconds };
  } catch {
    // Whatever is wrong with it, it is a candidate all the same, and not one of ours.
    return undefined;
  }
}

/** The one place that knows what a record can carry is its codec. */
function checkSpreadable(leader: Leader): void {
  encodeRecord({
    kind: 'leader',
    election: parseElectionName('any'),
    version: { lineage: 0, epoch: 1n, sequence: 1n, renewal: 0 },
    leader,
    validityMs: 0,
    issuer: leader.id,
  });
}

function readForeign(value: string, leaseId: bigint): Candidate {
  const isAddress = printableText(value, limits.addressBytesMax) === value;
  return {
    kind: 'foreign',
    leader: {
      id: parseNodeId(`etcd-${formatLeaseId(leaseId)}`),
      address: isAddress ? value : '',
      metadata: {},
    },
    ttlSeconds: undefined,
  };
}
