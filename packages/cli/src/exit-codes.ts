/** How `herald` ends: the answer to "did it work?" for scripts. */
import { HeraldClientError } from '@herald/client';
import type { ClientErrorCode } from '@herald/client';
import { UsageError } from './usage-error.ts';

export const exitCodes = {
  /** Asked, and answered. */
  ok: 0,
  /** Failed in a way that has no code of its own. */
  failed: 1,
  /** Bad command line; nothing was asked. */
  usage: 2,
  /** Nobody who could answer was reached in time. */
  unreachable: 3,
  /** Answered: there is no leader, or the one asked does not lead. */
  noLeader: 4,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeHelp = `
Exit codes:
  0  asked, and answered
  1  failed
  2  bad command line, nothing was asked
  3  nobody who could answer was reached in time
  4  no leader, or the elector that was asked does not lead
`;

const byErrorCode: Readonly<Record<ClientErrorCode, ExitCode>> = {
  NO_LEADER: exitCodes.noLeader,
  EXPIRED: exitCodes.noLeader,
  NOT_LEADER: exitCodes.noLeader,
  UNREACHABLE: exitCodes.unreachable,
  DEADLINE_EXCEEDED: exitCodes.unreachable,
  ABORTED: exitCodes.failed,
  REJECTED: exitCodes.failed,
  UNTRUSTED: exitCodes.failed,
  CLOSED: exitCodes.failed,
  INVALID_ARGUMENT: exitCodes.usage,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return exitCodes.usage;
  return error instanceof HeraldClientError ? byErrorCode[error.code] : exitCodes.failed;
}
