/**
 * What machines read: one JSON object per answer, on one line. Epochs are texts, since they are
 * 64 bits wide and JSON's numbers are not; versions are `lineage.epoch.sequence.renewal`.
 */
import type { LeaderResult, LeaderUpdate } from '@herald/client';
import { formatVersion } from '@herald/core';
import type { AppliedChange } from '@herald/core';
import type {
  ConvergenceAnswer,
  LeaderAnswer,
  MemberList,
  RaiseLineageResponse,
  StatusResponse,
  StepDownResponse,
} from '@herald/wire';

export function toLine(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

export function leaderJson(election: string, leader: LeaderResult): object {
  const { epoch, version, ...facts } = leader;
  return { election, ...facts, epoch: String(epoch), version: formatVersion(version) };
}

export function updateJson(election: string, update: LeaderUpdate): object {
  const { epoch, version, ...facts } = update;
  return { election, ...facts, epoch: String(epoch), version: formatVersion(version) };
}

export function membersJson(list: MemberList): object {
  const members = list.members.map(({ contact, facts, ...own }) => ({
    ...contact,
    ...own,
    ...(facts === undefined ? {} : { ...facts, applied: facts.applied.map(appliedJson) }),
  }));
  return { cluster: list.cluster, members };
}

function appliedJson({ election, version }: AppliedChange): object {
  return { election, version: formatVersion(version) };
}

export function convergenceJson({ behind, newest, ...facts }: ConvergenceAnswer): object {
  return {
    ...facts,
    newest: newest === undefined ? null : formatVersion(newest),
    behind: behind.map(({ nodeId, applied }) => ({
      nodeId,
      applied: applied === undefined ? null : formatVersion(applied),
    })),
  };
}

export function statusJson(status: StatusResponse): object {
  const elections = status.elections.map(({ best, epoch, ...facts }) => ({
    ...facts,
    epoch: String(epoch),
    best: answerJson(best),
  }));
  return { electorId: status.electorId, elections };
}

function answerJson(answer: LeaderAnswer): object {
  const { carried, status, validForMs } = answer;
  if (carried === undefined) return { status };
  const { record } = carried.sealed;
  return {
    status,
    version: formatVersion(record.version),
    ageMs: carried.ageMs,
    validForMs,
    ...(record.kind === 'leader' ? { leader: record.leader } : {}),
  };
}

export function stepDownJson(election: string, response: StepDownResponse): object {
  return { election, steppedDown: response.steppedDown, epoch: String(response.epoch) };
}

export function raiseJson({ revision, lineageBefore, ...facts }: RaiseLineageResponse): object {
  return { ...facts, revision: String(revision), lineageBefore: lineageBefore ?? null };
}
