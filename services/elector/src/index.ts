/** The public surface: an elector as a library. The process is `herald-elector`. */
export { createElector, Elector } from './elector.ts';
export type { CampaignSettings, ElectionOptions, ElectorOptions, EtcdOptions } from './elector.ts';
export { Candidacy } from './candidacy.ts';
export type { ProfileChange } from './candidacy.ts';
export type { CampaignState } from './campaign/campaign.ts';
export type { Profile } from './campaign/candidate.ts';
export type { HealthCheck } from './campaign/fitness.ts';
export type { Leadership } from './campaign/leadership.ts';
export type { Clock } from './clock.ts';
export { defaults as electorDefaults, electorLimits } from './config.ts';
export { ElectorError } from './errors.ts';
export type { ElectorErrorCode } from './errors.ts';
export { compareTokens, Fence, fence } from './guard/fence.ts';
export type { FencingToken } from './guard/fence.ts';
export type { GuardInterceptorOptions } from './guard/interceptor.ts';
export { LeaderGuard, leaderGuard } from './guard/leader-guard.ts';
export type { GuardedCandidacy, GuardedElector } from './guard/leader-guard.ts';
export { addLeaderRoute } from './http/leader-route.ts';
export type { AskedCandidacy, AskedElector } from './http/leader-route.ts';
export {
  createRecordSigner,
  createTrustSet,
  notLeaderStatus,
  readCaller,
  TlsKeeper,
} from '@herald/wire';
export type { Caller, NotLeader, RecordSigner, TrustSet } from '@herald/wire';
export type { Meter } from './meter.ts';
