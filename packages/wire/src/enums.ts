/** The names of the proto's enums and of the domain's unions, side by side. */
import type { MemberStatus, PushMode, Reachability, RefuseReason, Role } from '@herald/core';
import type { ElectionState, RaiseOutcome } from './elector-messages.ts';
import { WireError } from './errors.ts';
import type { _herald_v1_LeaderAnswer_Status__Output as RawStatus } from './generated/herald/v1/LeaderAnswer.ts';
import type { MemberStatus__Output as RawMemberStatus } from './generated/herald/v1/MemberStatus.ts';
import type { _herald_v1_Push_Mode__Output as RawMode } from './generated/herald/v1/Push.ts';
import type { _herald_v1_RaiseLineageResponse_Outcome__Output as RawOutcome } from './generated/herald/v1/RaiseLineageResponse.ts';
import type { Reachability__Output as RawReachability } from './generated/herald/v1/Reachability.ts';
import type { _herald_v1_Refuse_Reason__Output as RawReason } from './generated/herald/v1/Refuse.ts';
import type { Role__Output as RawRole } from './generated/herald/v1/Role.ts';
import type { _herald_v1_StatusResponse_State__Output as RawState } from './generated/herald/v1/StatusResponse.ts';
import type { AnswerStatus } from './node-messages.ts';

/** Translates between the names of one enum. Raw values that are not in the table are refused. */
interface EnumTable<Domain extends string, Raw extends string> {
  toRaw(name: Domain): Raw;
  /** @param raw a name, or a bare number when the sender's proto knows more names than ours */
  fromRaw(raw: Raw | number, field: string): Domain;
}

function enumTable<Domain extends string, Raw extends string>(
  rawOf: Readonly<Record<Domain, Raw>>,
): EnumTable<Domain, Raw> {
  const domainOf = new Map<Raw | number, Domain>(
    (Object.entries(rawOf) as [Domain, Raw][]).map(([name, raw]) => [raw, name]),
  );
  return {
    toRaw: (name) => rawOf[name],
    fromRaw: (raw, field) => {
      const name = domainOf.get(raw);
      if (name === undefined) {
        throw new WireError('INVALID_VALUE', field, `must be a known value, got ${raw}`);
      }
      return name;
    },
  };
}

export const roles = enumTable<Role, RawRole>({ node: 'ROLE_NODE', elector: 'ROLE_ELECTOR' });

export const memberStatuses = enumTable<MemberStatus, RawMemberStatus>({
  joining: 'MEMBER_STATUS_JOINING',
  up: 'MEMBER_STATUS_UP',
  leaving: 'MEMBER_STATUS_LEAVING',
  left: 'MEMBER_STATUS_LEFT',
});

export const reachabilities = enumTable<Reachability, RawReachability>({
  reachable: 'REACHABLE',
  unreachable: 'UNREACHABLE',
});

export const pushModes = enumTable<PushMode, RawMode>({
  eager: 'EAGER',
  lazy: 'LAZY',
  repair: 'REPAIR',
});

export const refuseReasons = enumTable<RefuseReason, RawReason>({
  full: 'FULL',
  'cluster-mismatch': 'CLUSTER_MISMATCH',
  'protocol-mismatch': 'PROTOCOL_MISMATCH',
  self: 'SELF',
  duplicate: 'DUPLICATE',
  superseded: 'SUPERSEDED',
  invalid: 'INVALID',
});

/**
 * A refusal may come from a member of a newer protocol, before the two agreed on one. Its reason may
 * be new to us, but a refusal it is: `invalid`, with the contacts and the detail that came along.
 */
export function refuseReasonFromRaw(raw: RawReason | number): RefuseReason {
  return typeof raw === 'number' ? 'invalid' : refuseReasons.fromRaw(raw, 'reason');
}

export const answerStatuses = enumTable<AnswerStatus, RawStatus>({
  current: 'CURRENT',
  expired: 'EXPIRED',
  vacant: 'VACANT',
  unknown: 'UNKNOWN',
});

export const electionStates = enumTable<ElectionState, RawState>({
  joining: 'JOINING',
  waiting: 'WAITING',
  leading: 'LEADING',
  stopped: 'STOPPED',
  refusing: 'REFUSING',
});

export const raiseOutcomes = enumTable<RaiseOutcome, RawOutcome>({
  raised: 'RAISED',
  'would-raise': 'WOULD_RAISE',
  'not-needed': 'NOT_NEEDED',
  'leader-lives': 'LEADER_LIVES',
});
