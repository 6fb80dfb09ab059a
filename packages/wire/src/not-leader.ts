/**
 * NOT_LEADER as a gRPC status, and back. Decides what such a refusal says twice: google.rpc.Status for
 * programs that know nothing of Herald, and plain metadata for those that do, with the record's bytes
 * as they were issued. Who reads believes the plain metadata, and the rich status where that is absent.
 *
 * A refusal that breaks a rule in any part is read as none: what its sender says is worth nothing then,
 * and the caller is left with the error that it is.
 */
import { Metadata, status } from '@grpc/grpc-js';
import type { StatusObject } from '@grpc/grpc-js';
import { InvalidValueError, limits, parseElectionName } from '@herald/core';
import type { LeaderClaim } from '@herald/core';
import { wireBounds } from './bounds.ts';
import { WireError } from './errors.ts';
import { electionNameField, measureField } from './fields.ts';
import { bytesIn, decimalIn, textIn } from './metadata-values.ts';
import type { NotLeader } from './not-leader-messages.ts';
import { messages } from './proto.ts';
import { carriedFromRaw, carriedToRaw } from './record-codec.ts';
import type { CarriedRecord } from './record-messages.ts';
import { decodeRichStatus, encodeRichStatus } from './rich-status.ts';

const reason = 'NOT_LEADER';
const domain = 'herald';

/** Trailing metadata of a refusal. */
const keys = {
  reason: 'herald-reason',
  election: 'herald-election',
  leader: 'herald-leader-bin',
  retryAfterMs: 'herald-retry-after-ms',
  richStatus: 'grpc-status-details-bin',
} as const;

/**
 * The status that refuses a call: FAILED_PRECONDITION, since to repeat it here would not help. A handler
 * may end its call with it as it is; its trailers take less than 8 KiB, which every gRPC accepts.
 *
 * @throws WireError when `retryAfterMs` is out of its range.
 */
export function notLeaderStatus(refusal: NotLeader): StatusObject {
  const { election, known, retryAfterMs } = refusal;
  const code = status.FAILED_PRECONDITION;
  const details = describe(refusal);
  const metadata = new Metadata();
  metadata.set(keys.reason, reason);
  metadata.set(keys.election, election);
  if (known !== undefined) {
    metadata.set(keys.leader, messages.carriedRecord.encode(carriedToRaw(known)));
  }
  const retry: { retryAfterMs?: number } = {};
  if (retryAfterMs !== undefined) {
    retry.retryAfterMs = Math.ceil(measureField(retryAfterMs, limits.validityMsMax, 'retry_after'));
    metadata.set(keys.retryAfterMs, String(retry.retryAfterMs));
  }
  const errorInfo = { reason, domain, metadata: factsOf(refusal) };
  const rich = encodeRichStatus({ code, message: details, errorInfo, ...retry });
  metadata.set(keys.richStatus, rich);
  return { code, details, metadata };
}

/**
 * What a call that failed was refused for, or undefined when that was anything but NOT_LEADER, or is told
 * in a way that breaks a rule. Never throws, whatever arrived.
 */
export function readNotLeader(error: {
  readonly code?: number | undefined;
  readonly metadata?: Metadata | undefined;
}): NotLeader | undefined {
  const { code, metadata } = error;
  if (code !== status.FAILED_PRECONDITION || metadata === undefined) return undefined;
  try {
    if (metadata.get(keys.reason).length === 0) return fromRichStatus(metadata);
    return textIn(metadata, keys.reason) === reason ? fromPlainMetadata(metadata) : undefined;
  } catch (thrown) {
    if (thrown instanceof WireError || thrown instanceof InvalidValueError) return undefined;
    throw thrown;
  }
}

function fromPlainMetadata(metadata: Metadata): NotLeader | undefined {
  const election = parseElectionName(textIn(metadata, keys.election) ?? '');
  const bytes = bytesIn(metadata, keys.leader);
  const known = bytes === undefined ? undefined : carriedFrom(bytes);
  if (known !== undefined && known.sealed.record.election !== election) return undefined;
  const retryAfterMs = decimalIn(metadata, keys.retryAfterMs, BigInt(limits.validityMsMax));
  return {
    election,
    known,
    retryAfterMs: retryAfterMs === undefined ? undefined : Number(retryAfterMs),
  };
}

/** Names and numbers without the record's bytes cannot be verified, so that nobody is known from them. */
function fromRichStatus(metadata: Metadata): NotLeader | undefined {
  const bytes = bytesIn(metadata, keys.richStatus);
  if (bytes === undefined) return undefined;
  const { errorInfo, retryAfterMs } = decodeRichStatus(bytes);
  if (errorInfo?.reason !== reason || errorInfo.domain !== domain) return undefined;
  return {
    election: electionNameField(errorInfo.metadata['election'] ?? '', 'election'),
    known: undefined,
    retryAfterMs: retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs),
  };
}

function carriedFrom(bytes: Uint8Array): CarriedRecord {
  if (bytes.byteLength > wireBounds.trailersBytesMax) {
    throw new WireError('LIMIT_EXCEEDED', keys.leader, 'must fit into trailers');
  }
  return carriedFromRaw(messages.carriedRecord.decode(bytes));
}

/** For people and for programs that do not read records. */
function factsOf(refusal: NotLeader): Record<string, string> {
  const { election, known } = refusal;
  if (known === undefined) return { election };
  const { lineage, epoch, sequence } = known.sealed.record.version;
  const leader = leaderToCall(refusal);
  return {
    election,
    lineage: String(lineage),
    epoch: String(epoch),
    sequence: String(sequence),
    ...(leader === undefined ? {} : { leader_id: leader.id, leader_address: leader.address }),
  };
}

/** Without the leader's address: a foreign candidate's may be long, and trailers are not. */
function describe(refusal: NotLeader): string {
  const { election, known, retryAfterMs } = refusal;
  const leader = leaderToCall(refusal);
  if (leader !== undefined && known !== undefined) {
    const { epoch } = known.sealed.record.version;
    return `not the leader of ${election}: ${leader.id} leads it at epoch ${epoch}`;
  }
  const when = retryAfterMs === undefined ? 'later' : `after ${Math.ceil(retryAfterMs)} ms`;
  return `not the leader of ${election}, and no other is known: ask again ${when}`;
}

function leaderToCall({ known, retryAfterMs }: NotLeader): LeaderClaim['leader'] | undefined {
  const record = known?.sealed.record;
  return retryAfterMs === undefined && record?.kind === 'leader' ? record.leader : undefined;
}
