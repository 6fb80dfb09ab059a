/**
 * The one error class of this package. It decides nothing; its `code` lets a caller (and the exit
 * code of `npm start`) tell a machine that lacks something from a piece of the lab that failed.
 */

export type LabErrorCode =
  /** A value that a person gave (an option, an environment variable) cannot be used. */
  | 'bad-input'
  /** No etcd can be had on this machine; the message says how to get one. */
  | 'etcd-unavailable'
  /** An etcd was started and did not come up, or stopped answering. */
  | 'etcd-failed'
  /** A port that was asked for is held by somebody else. */
  | 'port-taken'
  /** An elector process did not come up, or ended when nobody asked it to. */
  | 'elector-failed'
  /** A worker process, or a gossip node in one, failed. */
  | 'worker-failed'
  /** A command that the lab runs (docker, apt-get, …) failed or could not be started. */
  | 'command-failed'
  /** Something asked for cannot be done with what the lab runs on. */
  | 'unsupported'
  /** A bound on time ran out. */
  | 'timeout';

export class LabError extends Error {
  override readonly name = 'LabError';
  readonly code: LabErrorCode;

  constructor(code: LabErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Any thrown value as a LabError; what is one already is returned as it is. */
  static from(reason: unknown, code: LabErrorCode): LabError {
    if (reason instanceof LabError) return reason;
    return new LabError(code, reason instanceof Error ? reason.message : String(reason), {
      cause: reason,
    });
  }
}
