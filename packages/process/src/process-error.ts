/**
 * Decides how a Herald process ends: one error class with a literal code, and the one table from
 * code to exit code that `--help` prints and supervisors rely on.
 */
import { processLimits } from './limits.ts';

/** Exit codes of every Herald process. A second signal ends with 128 + its number (130, 143). */
export const exitCodes = {
  /** Did what was asked, or stopped in good order after a signal. */
  ok: 0,
  /** Failed while running, or did not shut down in time. */
  failed: 1,
  /** Bad configuration; nothing was started. Starting again will not help. */
  badConfiguration: 2,
  /** Something outside that it needs could not be had: etcd, a port. Starting again may help. */
  unavailable: 3,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export type ProcessErrorCode =
  | 'ADDRESS_UNAVAILABLE'
  | 'BAD_CONFIGURATION'
  | 'DEPENDENCY_UNAVAILABLE'
  | 'FAILED'
  | 'SHUTDOWN_TIMEOUT'
  | 'STOPPED';

const exitCodeByErrorCode: Readonly<Record<ProcessErrorCode, ExitCode>> = {
  ADDRESS_UNAVAILABLE: exitCodes.unavailable,
  BAD_CONFIGURATION: exitCodes.badConfiguration,
  DEPENDENCY_UNAVAILABLE: exitCodes.unavailable,
  FAILED: exitCodes.failed,
  SHUTDOWN_TIMEOUT: exitCodes.failed,
  STOPPED: exitCodes.ok,
};

/**
 * Ends a process with the exit code of its `code`. The message is one line for the operator: what
 * is wrong, with the value, and what to do; the `cause` is added to it.
 */
export class ProcessError extends Error {
  readonly code: ProcessErrorCode;

  constructor(code: ProcessErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'ProcessError';
    this.code = code;
  }
}

/** The exit code that `error`, thrown by `main`, ends its process with. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof ProcessError ? exitCodeByErrorCode[error.code] : exitCodes.failed;
}

const listenProblems: readonly (readonly [RegExp, string])[] = [
  [/EADDRINUSE/, 'is already in use; stop what holds it or choose another'],
  [/EADDRNOTAVAIL/, 'is not an address of this machine; choose one that is, or 0.0.0.0'],
  [/EACCES/, 'may not be bound by this user; choose a port above 1023'],
  [/ENOTFOUND|EAI_AGAIN/, 'cannot be resolved; choose an address of this machine'],
];

/**
 * Makes the operator's error of a failed bind, from `node:net` or from grpc-js (which only keeps
 * the text of the cause).
 *
 * @param what What wanted to listen, with its option: `operations server (--operations-listen)`.
 */
export function listenError(what: string, address: string, cause: unknown): ProcessError {
  const text = String(cause);
  const problem =
    listenProblems.find(([pattern]) => pattern.test(text))?.[1] ?? 'cannot be listened on';
  return new ProcessError('ADDRESS_UNAVAILABLE', `${what}: ${address} ${problem}`, { cause });
}

/** One line that says what `error` is and what caused it; for people, without stacks. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  // Bounded, since a chain of causes can be a circle.
  for (let depth = 0; depth < processLimits.describedCausesMax; depth++) {
    if (current === undefined || current === null) break;
    const text = describeOne(current);
    if (!parts.some((part) => part.includes(text))) parts.push(text);
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join(': ').replace(/\s*\n\s*/g, ' ');
}

function describeOne(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  // Node's AggregateError of a refused connection has a code and no message.
  if (error.message === '') return code === '' ? error.name : code;
  // A bare JavaScript error says little without its kind: "TypeError: x is not a function".
  return error.name === 'Error' || code !== '' ? error.message : `${error.name}: ${error.message}`;
}
