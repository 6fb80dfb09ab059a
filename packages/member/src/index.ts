/** A running gossip member: the core, a monotonic clock, gRPC links. */
export { createMember } from './create-member.ts';
export { Member } from './member.ts';
export type { MemberLogger, MemberObserver, MemberOptions } from './options.ts';
export { MemberError } from './errors.ts';
export type { MemberErrorCode } from './errors.ts';
export type { RecordsRefused } from './record-gate.ts';
export type { MemberStats } from './stats.ts';
export {
  nodeLookupIdleMs,
  nodeLookupStreamsMax,
  nodeServiceHandlers,
  nodeWatchesMax,
} from './node-service.ts';
export type { AnsweringMember, NodeServiceOptions } from './node-service.ts';
