/** The public surface of what every Herald process shares. */
export { runProcess } from './run-process.ts';
export type { ProcessContext, ProcessProgram } from './run-process.ts';
export { aborted } from './process-scope.ts';
export type { Resource } from './process-scope.ts';
export {
  describeError,
  exitCodeOf,
  exitCodes,
  listenError,
  ProcessError,
} from './process-error.ts';
export type { ExitCode, ProcessErrorCode } from './process-error.ts';
export { parseProcessOptions } from './option-parser.ts';
export type {
  Environment,
  OptionProblem,
  OptionsOutcome,
  ProcessDefinition,
} from './option-parser.ts';
export { defineOptions } from './option-table.ts';
export type {
  OptionTable,
  ParsedOptions,
  ProcessOption,
  RepeatableOption,
  SingleOption,
} from './option-table.ts';
export {
  advertiseRule,
  durationMs,
  formatDurationMs,
  formatListenAddress,
  httpEndpoint,
  isLoopback,
  isWildcard,
  keyValues,
  listenAddress,
  listOf,
  oneOf,
  onOff,
  parsedBy,
  port,
  text,
  wholeNumber,
} from './option-schemas.ts';
export {
  connectionsPerAddressOption,
  securityProblems,
  tlsOptions,
  trustedKeysOption,
} from './security-options.ts';
export type { SecurityChoices } from './security-options.ts';
export { exposeCounts } from './expose-counts.ts';
export type { CountsDescription } from './expose-counts.ts';
export { exposeCertificate, openTls } from './tls-files.ts';
export type { TlsFileOptions, TlsHolder, TlsTexts, WatchedTls } from './tls-files.ts';
export type { ListenAddress } from './option-schemas.ts';
export { advertisedAddress } from './own-address.ts';
export { createLogger, logLevels } from './logger.ts';
export { openLogDestination } from './log-sink.ts';
export type { LogDestination } from './log-sink.ts';
export type { Logger, LoggerOptions, LogLevel } from './logger.ts';
export { monotonicNowMs } from './monotonic-clock.ts';
export { addApiRoute, invalidRequest, nothing } from './http/api-route.ts';
export type {
  ApiRoute,
  DescribedAnswer,
  HttpReply,
  HttpRequest,
  HttpRoutes,
} from './http/api-route.ts';
export { EventStreams } from './http/event-stream.ts';
export type { EventStreamOptions, ServerEvent } from './http/event-stream.ts';
export {
  cacheHeaders,
  leaderFacts,
  leaderFactsSchema,
  matchesTag,
  parseVersion,
  versionFacts,
  versionSchema,
  versionText,
} from './http/leader-facts.ts';
export type { KnownLeader, LeaderFacts, VersionFacts } from './http/leader-facts.ts';
export { problemContentType, problemSchema, sendProblem } from './http/problem.ts';
export type { ProblemKind } from './http/problem.ts';
export { startOperationsServer } from './operations-server.ts';
export type { OperationsServer, OperationsServerOptions, Readiness } from './operations-server.ts';
export { createReloadMeter, reloadOnHangup, WatchedFiles } from './watched-file.ts';
export type {
  FileOption,
  Reloadable,
  ReloadMeter,
  ReloadOutcome,
  WatchedFilesOptions,
} from './watched-file.ts';
export { processLimits } from './limits.ts';
