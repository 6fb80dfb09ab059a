/** Questions to a gossip member, and its answers, to bytes and back. */
import { limits } from '@herald/core';
import { wireBounds } from './bounds.ts';
import { boundedCodec } from './codec.ts';
import type { Codec } from './codec.ts';
import { contactFromRaw, contactToRaw } from './contact-codec.ts';
import { answerStatuses, memberStatuses, reachabilities } from './enums.ts';
import { WireError } from './errors.ts';
import {
  addressField,
  clusterNameField,
  electionNameField,
  listOf,
  measureField,
  nested,
  nodeIdField,
  optional,
  printableField,
  versionFromRaw,
} from './fields.ts';
import type { ConvergenceResponse as RawConvergence } from './generated/herald/v1/ConvergenceResponse.ts';
import type { ConvergenceResponse__Output } from './generated/herald/v1/ConvergenceResponse.ts';
import type { GetLeaderRequest as RawQuestion } from './generated/herald/v1/GetLeaderRequest.ts';
import type { GetLeaderRequest__Output } from './generated/herald/v1/GetLeaderRequest.ts';
import type { LeaderAnswer as RawAnswer } from './generated/herald/v1/LeaderAnswer.ts';
import type { LeaderAnswer__Output } from './generated/herald/v1/LeaderAnswer.ts';
import type { _herald_v1_ListMembersResponse_Member as RawMember } from './generated/herald/v1/ListMembersResponse.ts';
import type { _herald_v1_ListMembersResponse_Member__Output as Member__Output } from './generated/herald/v1/ListMembersResponse.ts';
import type {
  AnswerStatus,
  ConvergenceAnswer,
  ConvergenceRequest,
  GetLeaderRequest,
  LeaderAnswer,
  ListMembersRequest,
  MemberFacts,
  MemberInfo,
  MemberList,
  WatchLeaderRequest,
} from './node-messages.ts';
import { messages } from './proto.ts';
import { carriedFromRaw, carriedToRaw, versionToRaw } from './record-codec.ts';
import type { CarriedRecord } from './record-messages.ts';
import { appliedFromRaw, appliedToRaw, memberMetadata } from './state-codec.ts';

/** No round trip that is worth telling is longer than a minute. */
const roundTripMsMax = 60_000;

export const getLeaderRequestCodec: Codec<GetLeaderRequest> = boundedCodec(
  messages.getLeaderRequest,
  wireBounds.requestBytesMax,
  questionToRaw,
  questionFromRaw,
);

export const watchLeaderRequestCodec: Codec<WatchLeaderRequest> = boundedCodec(
  messages.watchLeaderRequest,
  wireBounds.requestBytesMax,
  ({ election, minVersion, includeRenewals }) => ({
    election,
    minVersion: minVersion === undefined ? null : versionToRaw(minVersion),
    includeRenewals,
  }),
  (raw) => ({
    election: electionNameField(raw.election, 'election'),
    minVersion: optional(raw.minVersion, 'min_version', versionFromRaw),
    includeRenewals: raw.includeRenewals,
  }),
);

export const leaderAnswerCodec: Codec<LeaderAnswer> = boundedCodec(
  messages.leaderAnswer,
  wireBounds.leaderAnswerBytesMax,
  answerToRaw,
  answerFromRaw,
);

export const listMembersRequestCodec: Codec<ListMembersRequest> = boundedCodec(
  messages.listMembersRequest,
  wireBounds.requestBytesMax,
  () => ({}),
  () => ({}),
);

export const memberListCodec: Codec<MemberList> = boundedCodec(
  messages.listMembersResponse,
  wireBounds.answerBytesMax,
  ({ cluster, members }) => ({
    cluster,
    members: members.map(memberToRaw),
  }),
  (raw) => ({
    cluster: clusterNameField(raw.cluster, 'cluster'),
    members: listOf(raw.members, wireBounds.membersMax, 'members', memberFromRaw),
  }),
);

export const convergenceRequestCodec: Codec<ConvergenceRequest> = boundedCodec(
  messages.convergenceRequest,
  wireBounds.requestBytesMax,
  ({ election }) => ({ election }),
  (raw) => ({ election: electionNameField(raw.election, 'election') }),
);

export const convergenceAnswerCodec: Codec<ConvergenceAnswer> = boundedCodec(
  messages.convergenceResponse,
  wireBounds.convergenceBytesMax,
  convergenceToRaw,
  convergenceFromRaw,
);

export function questionToRaw({ election, minVersion }: GetLeaderRequest): RawQuestion {
  return { election, minVersion: minVersion === undefined ? null : versionToRaw(minVersion) };
}

export function questionFromRaw(raw: GetLeaderRequest__Output): GetLeaderRequest {
  return {
    election: electionNameField(raw.election, 'election'),
    minVersion: optional(raw.minVersion, 'min_version', versionFromRaw),
  };
}

export function answerToRaw(answer: LeaderAnswer): RawAnswer {
  return {
    status: answerStatuses.toRaw(answer.status),
    record: answer.carried === undefined ? null : carriedToRaw(answer.carried),
    validForMs: Math.min(answer.validForMs, limits.validityMsMax),
    behind: answer.behind,
    ask: answer.ask.slice(0, wireBounds.askMax),
    nodeId: answer.nodeId,
  };
}

export function answerFromRaw(raw: LeaderAnswer__Output): LeaderAnswer {
  const status = answerStatuses.fromRaw(raw.status, 'status');
  const carried = optional(raw.record, 'record', carriedFromRaw);
  const validForMs = measureField(raw.validForMs, limits.validityMsMax, 'valid_for_ms');
  checkConsistent(status, carried, validForMs);
  return {
    status,
    carried,
    validForMs,
    behind: raw.behind,
    ask: listOf(raw.ask, wireBounds.askMax, 'ask', (address) => addressField(address)),
    nodeId: nodeIdField(raw.nodeId, 'node_id'),
  };
}

/** A reader that acts on the status must find the record that the status speaks of. */
function checkConsistent(
  status: AnswerStatus,
  carried: CarriedRecord | undefined,
  validForMs: number,
): void {
  const due = { current: 'leader', expired: 'leader', vacant: 'vacancy', unknown: 'none' }[status];
  const found = carried?.sealed.record.kind ?? 'none';
  if (found !== due) {
    const rule = `must be of kind ${due} when the status is ${status}, got ${found}`;
    throw new WireError('INVALID_VALUE', 'record', rule);
  }
  if (status !== 'current' && validForMs !== 0) {
    const rule = `must be 0 when the status is ${status}, got ${validForMs}`;
    throw new WireError('INVALID_VALUE', 'valid_for_ms', rule);
  }
}

function memberToRaw({ contact, linked, self, roundTripMs, facts }: MemberInfo): RawMember {
  return {
    contact: contactToRaw(contact),
    linked,
    self,
    roundTripMs: Math.min(roundTripMs, roundTripMsMax),
    ...(facts === undefined
      ? {}
      : {
          status: memberStatuses.toRaw(facts.status),
          reachability: reachabilities.toRaw(facts.reachability),
          suspectedBy: facts.suspectedBy,
          sinceMs: facts.sinceMs,
          zone: facts.zone,
          build: facts.build,
          metadata: facts.metadata,
          applied: facts.applied.map(appliedToRaw),
        }),
  };
}

function memberFromRaw(raw: Member__Output): MemberInfo {
  const facts = raw.status === 'MEMBER_STATUS_UNSPECIFIED' ? undefined : factsFromRaw(raw);
  return {
    contact: nested(raw.contact, 'contact', contactFromRaw),
    linked: raw.linked,
    self: raw.self,
    roundTripMs: measureField(raw.roundTripMs, roundTripMsMax, 'round_trip_ms'),
    ...(facts === undefined ? {} : { facts }),
  };
}

function factsFromRaw(raw: Member__Output): MemberFacts {
  return {
    status: memberStatuses.fromRaw(raw.status, 'status'),
    reachability: reachabilities.fromRaw(raw.reachability, 'reachability'),
    suspectedBy: raw.suspectedBy,
    sinceMs: measureField(raw.sinceMs, Number.MAX_SAFE_INTEGER, 'since_ms'),
    zone: printableField(raw.zone, limits.nameBytesMax, 'zone'),
    build: printableField(raw.build, limits.nameBytesMax, 'build'),
    metadata: memberMetadata(raw.metadata),
    applied: listOf(raw.applied, limits.appliedElectionsMax, 'applied', appliedFromRaw),
  };
}

function convergenceToRaw(answer: ConvergenceAnswer): RawConvergence {
  return {
    election: answer.election,
    newest: answer.newest === undefined ? null : versionToRaw(answer.newest),
    applied: answer.applied,
    live: answer.live,
    behind: answer.behind.slice(0, limits.behindMax).map(({ nodeId, applied }) => ({
      nodeId,
      applied: applied === undefined ? null : versionToRaw(applied),
    })),
    nodeId: answer.nodeId,
  };
}

function convergenceFromRaw(raw: ConvergenceResponse__Output): ConvergenceAnswer {
  if (raw.applied > raw.live) {
    const rule = `must not be above live, got ${raw.applied} of ${raw.live}`;
    throw new WireError('INVALID_VALUE', 'applied', rule);
  }
  return {
    election: electionNameField(raw.election, 'election'),
    newest: optional(raw.newest, 'newest', versionFromRaw),
    applied: raw.applied,
    live: raw.live,
    behind: listOf(raw.behind, limits.behindMax, 'behind', (behind) => ({
      nodeId: nodeIdField(behind.nodeId, 'node_id'),
      applied: optional(behind.applied, 'applied', versionFromRaw),
    })),
    nodeId: nodeIdField(raw.nodeId, 'node_id'),
  };
}
