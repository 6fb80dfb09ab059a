/** Arbitrary questions and orders to an elector, and its answers, for property tests. */
// eslint-disable-next-line herald/rooms -- only tests import this file
import fc from 'fast-check';
import { limits } from '@herald/core';
import type {
  ConfirmRequest,
  ConfirmResponse,
  ElectionState,
  ElectionStatus,
  RaiseLineageRequest,
  RaiseLineageResponse,
  RaiseOutcome,
  StatusRequest,
  StatusResponse,
  StepDownRequest,
  StepDownResponse,
} from '../index.ts';
import {
  electionName,
  leaderAnswer,
  measure,
  nodeId,
  optionalVersion,
  plain,
  printable,
  revision,
  uint32,
} from './arbitraries.ts';

export const confirmRequest: fc.Arbitrary<ConfirmRequest> = plain({
  election: electionName,
  version: optionalVersion,
});

export const confirmResponse: fc.Arbitrary<ConfirmResponse> = plain({
  leading: fc.boolean(),
  leadingForMs: measure(limits.validityMsMax),
  best: leaderAnswer,
  retryAfterMs: fc.integer({ min: 0, max: limits.validityMsMax }),
  electorId: nodeId,
});

export const statusRequest: fc.Arbitrary<StatusRequest> = plain({
  election: fc.option(electionName, { nil: undefined }),
});

const electionStatus: fc.Arbitrary<ElectionStatus> = plain({
  election: electionName,
  state: fc.constantFrom<ElectionState[]>('joining', 'waiting', 'leading', 'refusing', 'stopped'),
  epoch: revision,
  leadingForMs: measure(limits.validityMsMax),
  best: leaderAnswer,
  trouble: printable(limits.detailBytesMax),
});

export const statusResponse: fc.Arbitrary<StatusResponse> = plain({
  electorId: nodeId,
  elections: fc.array(electionStatus, { maxLength: 3 }),
});

export const stepDownRequest: fc.Arbitrary<StepDownRequest> = plain({
  election: electionName,
  reason: printable(limits.detailBytesMax),
});

export const stepDownResponse: fc.Arbitrary<StepDownResponse> = plain({
  steppedDown: fc.boolean(),
  epoch: revision,
});

export const raiseRequest: fc.Arbitrary<RaiseLineageRequest> = plain({
  dryRun: fc.boolean(),
  knownLineage: uint32,
  atLeast: uint32,
});

export const raiseResponse: fc.Arbitrary<RaiseLineageResponse> = plain({
  electorId: nodeId,
  outcome: fc.constantFrom<RaiseOutcome[]>('raised', 'would-raise', 'not-needed', 'leader-lives'),
  trouble: printable(limits.detailBytesMax),
  clusterId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  revision,
  lineageBefore: fc.option(uint32, { nil: undefined }),
  tierLineage: uint32,
  raisedTo: uint32,
  waitMs: measure(limits.validityMsMax),
  waitFor: printable(limits.detailBytesMax),
});
