/** The public surface of the wire: domain types to bytes and back, and nothing of protobuf. */
export { callerMetadata, readCaller } from './caller.ts';
export { channelOptions } from './channel-options.ts';
export { toServiceError, WireError } from './errors.ts';
export type { WireErrorCode } from './errors.ts';
export { printableText } from './fields.ts';
export { decodeFrame, encodeFrame } from './frame-codec.ts';
export type { IncomingFrame, MalformedFrame, UnknownFrame } from './frame-codec.ts';
export { notLeaderStatus, readNotLeader } from './not-leader.ts';
export type { Caller, NotLeader } from './not-leader-messages.ts';
export { packageDefinition } from './proto.ts';
export { accessRefusal, rolesFor } from './tls/access.ts';
export {
  formatPeerIdentity,
  parsePeerIdentity,
  peerRoles,
  readIdentity,
  refusalOf,
  vouchedBy,
} from './tls/peer-identity.ts';
export type {
  IdentityReading,
  IdentityRefusal,
  PeerIdentity,
  PeerRole,
} from './tls/peer-identity.ts';
export { TlsKeeper } from './tls/tls-keeper.ts';
export type { ChannelPurpose, WallClock } from './tls/tls-keeper.ts';
export type { TlsMaterial } from './tls/tls-material.ts';
export { tlsTroubleIn } from './tls/tls-trouble.ts';
export type { TlsTrouble } from './tls/tls-trouble.ts';
export { decodeRecord, encodeRecord } from './record-codec.ts';
export type { CarriedRecord } from './record-messages.ts';
export type {
  AnswerStatus,
  BehindInfo,
  ConvergenceAnswer,
  ConvergenceRequest,
  GetLeaderRequest,
  IncomingLookup,
  InvalidLookup,
  LeaderAnswer,
  ListMembersRequest,
  LookupAnswer,
  LookupRequest,
  MalformedLookup,
  MemberFacts,
  MemberInfo,
  MemberList,
  WatchLeaderRequest,
} from './node-messages.ts';
export type {
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
} from './elector-messages.ts';
export { generateKeyPair, keyIdOf, parseSigningKey, parseTrustedKeys } from './signing/keys.ts';
export type { KeyPairPem, SigningKey, TrustedKey } from './signing/keys.ts';
export { createRecordSigner, RecordSigner } from './signing/record-signer.ts';
export type { RecordSignerOptions } from './signing/record-signer.ts';
export { createTrustSet, TrustSet } from './signing/trust-set.ts';
export type { RecordCheck, RecordObjection, TrustSetOptions } from './signing/trust-set.ts';
export {
  addElectorService,
  addGossipService,
  addNodeService,
  ElectorClient,
  electorService,
  GossipClient,
  gossipService,
  NodeClient,
  nodeService,
} from './services.ts';
export type { ElectorHandlers, GossipHandlers, NodeHandlers } from './services.ts';
