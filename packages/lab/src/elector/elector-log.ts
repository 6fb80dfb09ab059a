/**
 * Decides what the lab learns from an elector's log. The lab watches its electors from outside, as an
 * operator would: four of their NDJSON lines carry all it needs, with the machine's monotonic time.
 */

/** An elector put a record into the gossip tier. */
export interface Publication {
  readonly kind: 'published';
  /** `lineage.epoch.sequence`: what all renewals of one change have in common. */
  readonly change: string;
  readonly election: string;
  readonly epoch: bigint;
  readonly claim: 'leader' | 'vacancy';
  /** Who leads; of a vacancy undefined. */
  readonly leaderId: string | undefined;
  readonly monotonicMs: number;
}

export interface LeadershipStart {
  readonly kind: 'leadership-started';
  readonly election: string;
  readonly epoch: bigint;
  readonly monotonicMs: number;
}

export interface LeadershipEnd {
  readonly kind: 'leadership-ended';
  readonly election: string;
  readonly epoch: bigint;
  readonly reason: string;
  /** When it led for the last time, at the latest. */
  readonly monotonicMs: number;
}

export interface ElectorReady {
  readonly kind: 'ready';
  readonly electorId: string;
  readonly address: string;
}

export type ElectorLogEvent = Publication | LeadershipStart | LeadershipEnd | ElectorReady;

/** The event that a log line tells of; undefined for every other line, JSON or not. */
export function parseElectorLogLine(line: string): ElectorLogEvent | undefined {
  const fields = parseObject(line);
  if (fields === undefined) return undefined;
  switch (fields['msg']) {
    case 'leader record published':
      return parsePublication(fields);
    case 'leadership started': {
      const about = parseMoment(fields);
      return about && { kind: 'leadership-started', ...about };
    }
    case 'leadership ended':
      return parseLeadershipEnd(fields);
    case 'elector ready': {
      const electorId = textOf(fields['electorId']);
      const address = textOf(fields['address']);
      if (electorId === undefined || address === undefined) return undefined;
      return { kind: 'ready', electorId, address };
    }
    default:
      return undefined;
  }
}

function parsePublication(fields: Record<string, unknown>): Publication | undefined {
  const moment = parseMoment(fields);
  const version = textOf(fields['version']);
  const claim = fields['kind'];
  if (moment === undefined || version === undefined) return undefined;
  if (claim !== 'leader' && claim !== 'vacancy') return undefined;
  const change = changeOf(version);
  if (change === undefined) return undefined;
  const leaderId = claim === 'leader' ? textOf(fields['leaderId']) : undefined;
  return { kind: 'published', ...moment, change, claim, leaderId };
}

/** A process that was paused notices late: it led until its own deadline at the longest. */
function parseLeadershipEnd(fields: Record<string, unknown>): LeadershipEnd | undefined {
  const about = parseMoment(fields);
  const deadlineMs = fields['leaderUntilMs'];
  if (about === undefined || typeof deadlineMs !== 'number') return undefined;
  const monotonicMs = Math.min(about.monotonicMs, deadlineMs);
  const reason = textOf(fields['reason']) ?? '';
  return { kind: 'leadership-ended', ...about, reason, monotonicMs };
}

/** `lineage.epoch.sequence` of `lineage.epoch.sequence.renewal`. */
export function changeOf(version: string): string | undefined {
  return /^(\d+\.\d+\.\d+)\.\d+$/.exec(version)?.[1];
}

function parseMoment(
  fields: Record<string, unknown>,
): { readonly election: string; readonly epoch: bigint; readonly monotonicMs: number } | undefined {
  const { election, epoch, monotonicMs } = fields;
  if (typeof election !== 'string' || typeof monotonicMs !== 'number') return undefined;
  const digits = typeof epoch === 'number' ? String(epoch) : epoch;
  if (typeof digits !== 'string' || !/^\d+$/.test(digits)) return undefined;
  return { election, epoch: BigInt(digits), monotonicMs };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    // A line that was cut short by the death of its writer is no event.
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
