/**
 * What a leader record looks like over HTTP. Decides how long others may keep such an answer, and that
 * whatever is rounded is rounded towards caution: an age up, a validity down.
 */
import { formatVersion } from '@herald/core';
import type { LeaderRecord, RecordStatus, Version } from '@herald/core';
import { z } from 'zod';
import { parsedBy } from '../option-schemas.ts';

const wholeMs = z.int().min(0);
/** JavaScript's numbers, and those of many readers of JSON, end at 2^53. */
const bigDecimal = z.string().regex(/^[0-9]{1,19}$/);

export const versionSchema = z
  .object({
    lineage: z.int().min(0),
    epoch: bigDecimal.describe('The fencing token, a 63-bit number in decimal'),
    sequence: bigDecimal,
    renewal: z.int().min(0),
  })
  .describe('Compared in this order: lineage, epoch, sequence, renewal');

export const leaderFactsSchema = z
  .object({
    election: z.string(),
    status: z
      .enum(['current', 'expired', 'vacant'])
      .describe('expired: the best address known, no longer to be believed; vacant: nobody leads'),
    version: versionSchema,
    leader: z
      .object({
        id: z.string(),
        address: z.string(),
        electorAddress: z.string().optional(),
        metadata: z.record(z.string(), z.string()),
      })
      .optional()
      .describe('Absent when vacant'),
    ageMs: wholeMs.describe('How long ago the record was issued'),
    validForMs: wholeMs.describe('For how long it can still be true; 0 unless current'),
    hops: wholeMs.describe('Links that it crossed to this process'),
    issuer: z.string().describe('The elector that issued it'),
  })
  .describe('Who leads, since when, and how sure that is');

export type VersionFacts = z.output<typeof versionSchema>;
export type LeaderFacts = z.output<typeof leaderFactsSchema>;

/** A record as a process knows it at this moment. */
export interface KnownLeader {
  readonly record: LeaderRecord;
  readonly status: RecordStatus;
  readonly ageMs: number;
  readonly validForMs: number;
  readonly hops: number;
}

export function versionFacts({ lineage, epoch, sequence, renewal }: Version): VersionFacts {
  return { lineage, epoch: epoch.toString(), sequence: sequence.toString(), renewal };
}

export function leaderFacts(known: KnownLeader): LeaderFacts {
  const { record, status, ageMs, validForMs, hops } = known;
  return {
    election: record.election,
    status,
    version: versionFacts(record.version),
    ...(record.kind === 'leader' ? { leader: { ...record.leader } } : {}),
    ageMs: Math.ceil(ageMs),
    validForMs: Math.floor(validForMs),
    hops,
    issuer: record.issuer,
  };
}

/**
 * A cache may keep a claim for as long as it can be true: the validity that its issuer stated, less its
 * age. The tag names the version; it is a weak one, since age and validity differ with each answer.
 */
export function cacheHeaders({ record, ageMs }: KnownLeader): Record<string, string> {
  const validityMs = record.kind === 'leader' ? record.validityMs : 0;
  return {
    'cache-control': `max-age=${Math.floor(validityMs / 1_000)}, must-revalidate`,
    age: String(Math.ceil(ageMs / 1_000)),
    etag: `W/"${formatVersion(record.version)}"`,
  };
}

/** Whether `If-None-Match` names this tag; weakly, as RFC 9110 asks for. */
export function matchesTag(ifNoneMatch: string | undefined, etag: string): boolean {
  const opaque = (tag: string): string => tag.trim().replace(/^W\//, '');
  const tags = ifNoneMatch?.split(',').map(opaque) ?? [];
  return tags.includes('*') || tags.includes(opaque(etag));
}

const epochMax = 2n ** 63n - 1n;
const lineageMax = 2n ** 32n - 1n;

/**
 * `lineage.epoch.sequence.renewal`, as in tags and event ids.
 *
 * @throws Error with the rule when it is not.
 */
export function parseVersion(text: string): Version {
  const parts = /^([0-9]{1,10})\.([0-9]{1,19})\.([0-9]{1,19})\.([0-9]{1,10})$/.exec(text);
  if (parts !== null) {
    const [lineage = 0n, epoch = 0n, sequence = 0n, renewal = 0n] = parts.slice(1).map(BigInt);
    const fits = [lineage, renewal].every((part) => part <= lineageMax);
    if (fits && epoch <= epochMax && sequence <= epochMax) {
      return { lineage: Number(lineage), epoch, sequence, renewal: Number(renewal) };
    }
  }
  throw new Error('must be lineage.epoch.sequence.renewal, e.g. 0.17.19.3');
}

export const versionText = parsedBy(parseVersion);
