/** The public surface of the client SDK. */
export { createClient } from './create-client.ts';
export { createClientOver } from './client.ts';
export type { Client, ClientStats } from './client.ts';
export type { HeardRecord } from './heard-record.ts';
export type {
  CallOptions,
  ClientOptions,
  GetLeaderOptions,
  WatchLeaderOptions,
  WithLeaderOptions,
} from './client-options.ts';
export type { Work, WorkContext } from './work-run.ts';
export { NotLeaderError } from './not-leader-error.ts';
export type { NotLeaderDetails } from './not-leader-error.ts';
export type { FailureReader, WorkFailure } from './work-failure.ts';
export type { AllowTargets } from './targets.ts';
export type { CallEnd, CallObserver, CallStart, ClientHooks } from './hooks.ts';
export type { LeaderFacts, LeaderResult, LeaderUpdate, VacancyFacts } from './results.ts';
export { createTrustSet, TlsKeeper, TrustSet } from '@herald/wire';
export type { RecordCheck, RecordObjection, TlsMaterial, TrustSetOptions } from '@herald/wire';
export type { SecurityOptions } from './grpc/grpc-security.ts';
export type { Source } from './known-record.ts';
export type { EndpointInfo } from './endpoints.ts';
export { HeraldClientError } from './errors.ts';
export type { ClientErrorCode } from './errors.ts';
export type { Attempt, AttemptOutcome } from './attempts.ts';
export { createOperator } from './create-operator.ts';
export type { CreateOperatorOptions } from './create-operator.ts';
export type { Operator, RaiseLineageOptions, StatusOptions, StepDownOptions } from './operator.ts';
export { clientLimits, defaults } from './tuning.ts';
export { createGrpcTransport } from './grpc/grpc-transport.ts';
export type { OperatorTransport, Transport, TransportCall } from './transport.ts';
export { systemClock } from './clock.ts';
export type { CancelTimer, Clock } from './clock.ts';
export { VirtualClock } from './memory/virtual-clock.ts';
export { MemoryEndpoint, MemoryNetwork } from './memory/memory-network.ts';
export type { MemoryBehaviour, MemoryQuestion } from './memory/memory-network.ts';
