/** The public surface of the pure core. */
export { assert, assertNever } from './assert.ts';
export { InvalidValueError } from './errors.ts';
export { linkId, parseAddress, parseClusterName, parseElectionName, parseNodeId } from './ids.ts';
export type { Address, ClusterName, ElectionName, LinkId, NodeId } from './ids.ts';
export { limits } from './limits.ts';
export { changeOf, compareVersions, formatVersion, isNewer, isSameChange } from './version.ts';
export type { Version } from './version.ts';
export { ageMs, mergeRecords, recordStatus, validForMs } from './record.ts';
export type {
  HeldRecord,
  Leader,
  LeaderClaim,
  LeaderRecord,
  RecordStatus,
  SealedRecord,
  Vacancy,
} from './record.ts';
export { membershipProtocol, protocolVersions } from './frames.ts';
export type {
  Contact,
  DigestEntry,
  DigestFrame,
  Frame,
  GraftFrame,
  HelloFrame,
  Accused,
  AccusationsFrame,
  MemberDeltaFrame,
  MemberDigestEntry,
  MemberDigestFrame,
  MemberHashesFrame,
  MembersSummary,
  ProtocolRange,
  PruneFrame,
  PushFrame,
  PushMode,
  RefuseFrame,
  RefuseReason,
  Role,
  RoundFrame,
  RoundReplyFrame,
  StateHash,
  WantFrame,
  WhoElseFrame,
  WelcomeFrame,
} from './frames.ts';
export {
  checkFacts,
  compareStates,
  compareStateVersions,
  mergeStates,
  stateBytesMax,
} from './endpoint-state.ts';
export type {
  ApplicationFacts,
  ApplicationState,
  AppliedChange,
  CarriedState,
  EndpointState,
  MemberStatus,
  StateVersion,
  Verdict,
} from './endpoint-state.ts';
export type {
  BehindMember,
  Convergence,
  MemberCounts,
  MemberView,
  Reachability,
} from './member-view.ts';
export { jittered, pickOne, pickSome, seededRandom } from './random.ts';
export type { Random } from './random.ts';
export { Engine } from './engine.ts';
export type { EngineOptions, LinkView } from './engine.ts';
export type { CloseCause, Effect, Input } from './effects.ts';
export type { Vouched } from './vouched.ts';
export type { ChangeTrace } from './held-records.ts';
export type { LeaderPlaneCounters } from './leader-plane.ts';
export type { MembershipCounters } from './membership-plane.ts';
export type { LinkDirection } from './links.ts';
export { tellingMs } from './applied-changes.ts';
export { defaultTuning } from './tuning.ts';
export type { BrokenRule, EngineTuning } from './tuning.ts';
