/** Questions and orders to an elector, and its answers, to bytes and back. */
import { limits } from '@herald/core';
import { wireBounds } from './bounds.ts';
import { boundedCodec } from './codec.ts';
import type { Codec } from './codec.ts';
import type {
  ConfirmRequest,
  ConfirmResponse,
  ElectionStatus,
  RaiseLineageRequest,
  RaiseLineageResponse,
  StatusRequest,
  StatusResponse,
  StepDownRequest,
  StepDownResponse,
} from './elector-messages.ts';
import { electionStates, raiseOutcomes } from './enums.ts';
import {
  electionNameField,
  listOf,
  measureField,
  nested,
  nodeIdField,
  optional,
  optionalElectionName,
  printableField,
  printableText,
  revisionField,
  versionFromRaw,
} from './fields.ts';
import type {
  _herald_v1_StatusResponse_Election as RawElection,
  _herald_v1_StatusResponse_Election__Output as Election__Output,
} from './generated/herald/v1/StatusResponse.ts';
import { answerFromRaw, answerToRaw } from './node-codec.ts';
import { messages } from './proto.ts';
import { versionToRaw } from './record-codec.ts';

export const confirmRequestCodec: Codec<ConfirmRequest> = boundedCodec(
  messages.confirmRequest,
  wireBounds.requestBytesMax,
  ({ election, version }) => ({
    election,
    version: version === undefined ? null : versionToRaw(version),
  }),
  (raw) => ({
    election: electionNameField(raw.election, 'election'),
    version: optional(raw.version, 'version', versionFromRaw),
  }),
);

export const confirmResponseCodec: Codec<ConfirmResponse> = boundedCodec(
  messages.confirmResponse,
  wireBounds.leaderAnswerBytesMax + wireBounds.requestBytesMax,
  (response) => ({
    leading: response.leading,
    leadingForMs: response.leadingForMs,
    best: answerToRaw(response.best),
    retryAfterMs: Math.ceil(response.retryAfterMs),
    electorId: response.electorId,
  }),
  (raw) => ({
    leading: raw.leading,
    leadingForMs: measureField(raw.leadingForMs, limits.validityMsMax, 'leading_for_ms'),
    best: nested(raw.best, 'best', answerFromRaw),
    retryAfterMs: measureField(raw.retryAfterMs, limits.validityMsMax, 'retry_after_ms'),
    electorId: nodeIdField(raw.electorId, 'elector_id'),
  }),
);

export const statusRequestCodec: Codec<StatusRequest> = boundedCodec(
  messages.statusRequest,
  wireBounds.requestBytesMax,
  ({ election }) => ({ election: election ?? '' }),
  (raw) => ({ election: optionalElectionName(raw.election, 'election') }),
);

export const statusResponseCodec: Codec<StatusResponse> = boundedCodec(
  messages.statusResponse,
  wireBounds.answerBytesMax,
  ({ electorId, elections }) => ({ electorId, elections: elections.map(electionToRaw) }),
  (raw) => ({
    electorId: nodeIdField(raw.electorId, 'elector_id'),
    elections: listOf(raw.elections, limits.electionsMax, 'elections', electionFromRaw),
  }),
);

export const stepDownRequestCodec: Codec<StepDownRequest> = boundedCodec(
  messages.stepDownRequest,
  wireBounds.requestBytesMax,
  ({ election, reason }) => ({ election, reason: printableText(reason, limits.detailBytesMax) }),
  (raw) => ({
    election: electionNameField(raw.election, 'election'),
    reason: printableField(raw.reason, limits.detailBytesMax, 'reason'),
  }),
);

export const stepDownResponseCodec: Codec<StepDownResponse> = boundedCodec(
  messages.stepDownResponse,
  wireBounds.requestBytesMax,
  ({ steppedDown, epoch }) => ({ steppedDown, epoch: epoch.toString() }),
  (raw) => ({ steppedDown: raw.steppedDown, epoch: revisionField(raw.epoch, 'epoch') }),
);

export const raiseLineageRequestCodec: Codec<RaiseLineageRequest> = boundedCodec(
  messages.raiseLineageRequest,
  wireBounds.requestBytesMax,
  (request) => ({ ...request }),
  ({ dryRun, knownLineage, atLeast }) => ({ dryRun, knownLineage, atLeast }),
);

export const raiseLineageResponseCodec: Codec<RaiseLineageResponse> = boundedCodec(
  messages.raiseLineageResponse,
  wireBounds.raiseAnswerBytesMax,
  ({ outcome, trouble, revision, lineageBefore, waitFor, ...rest }) => ({
    ...rest,
    outcome: raiseOutcomes.toRaw(outcome),
    trouble: printableText(trouble, limits.detailBytesMax),
    revision: revision.toString(),
    before: lineageBefore === undefined ? null : { lineage: lineageBefore },
    waitFor: printableText(waitFor, limits.detailBytesMax),
  }),
  (raw) => ({
    electorId: nodeIdField(raw.electorId, 'elector_id'),
    outcome: raiseOutcomes.fromRaw(raw.outcome, 'outcome'),
    trouble: printableField(raw.trouble, limits.detailBytesMax, 'trouble'),
    clusterId: printableField(raw.clusterId, limits.nameBytesMax, 'cluster_id'),
    revision: revisionField(raw.revision, 'revision'),
    lineageBefore: optional(raw.before, 'before', ({ lineage }) => lineage),
    tierLineage: raw.tierLineage,
    raisedTo: raw.raisedTo,
    waitMs: measureField(raw.waitMs, limits.validityMsMax, 'wait_ms'),
    waitFor: printableField(raw.waitFor, limits.detailBytesMax, 'wait_for'),
  }),
);

function electionToRaw(status: ElectionStatus): RawElection {
  return {
    election: status.election,
    state: electionStates.toRaw(status.state),
    epoch: status.epoch.toString(),
    leadingForMs: status.leadingForMs,
    best: answerToRaw(status.best),
    trouble: printableText(status.trouble, limits.detailBytesMax),
  };
}

function electionFromRaw(raw: Election__Output): ElectionStatus {
  return {
    election: electionNameField(raw.election, 'election'),
    state: electionStates.fromRaw(raw.state, 'state'),
    epoch: revisionField(raw.epoch, 'epoch'),
    leadingForMs: measureField(raw.leadingForMs, limits.validityMsMax, 'leading_for_ms'),
    best: nested(raw.best, 'best', answerFromRaw),
    trouble: printableField(raw.trouble, limits.detailBytesMax, 'trouble'),
  };
}
