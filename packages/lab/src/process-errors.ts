/** Decides which exit code a failure of the lab ends its process with. */
import { ProcessError } from '@herald/process';
import type { ProcessErrorCode } from '@herald/process';
import { LabError } from './lab-error.ts';
import type { LabErrorCode } from './lab-error.ts';

const processCodes: Readonly<Record<LabErrorCode, ProcessErrorCode>> = {
  'bad-input': 'BAD_CONFIGURATION',
  'port-taken': 'ADDRESS_UNAVAILABLE',
  'etcd-unavailable': 'DEPENDENCY_UNAVAILABLE',
  'etcd-failed': 'DEPENDENCY_UNAVAILABLE',
  'elector-failed': 'FAILED',
  'worker-failed': 'FAILED',
  'command-failed': 'FAILED',
  unsupported: 'FAILED',
  timeout: 'FAILED',
};

/** The operator's error of what the lab threw; anything else stays what it is. */
export function toProcessError(error: unknown): unknown {
  if (!(error instanceof LabError)) return error;
  return new ProcessError(processCodes[error.code], error.message, { cause: error.cause });
}
