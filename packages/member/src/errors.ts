/** The one error of this package. */

export type MemberErrorCode =
  /** The listening address is taken. */
  | 'ADDRESS_IN_USE'
  /** It cannot be listened on: no such host here, no permission. */
  | 'LISTEN_FAILED'
  /** The member's certificate is for another cluster, role or node id. */
  | 'WRONG_CERTIFICATE';

export class MemberError extends Error {
  readonly code: MemberErrorCode;

  constructor(code: MemberErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MemberError';
    this.code = code;
  }
}
