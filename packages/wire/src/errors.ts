/**
 * The one error of this package: bytes or values that break a rule of the wire, with the field that
 * broke it. Also decides how such an error looks to the other end of a gRPC call.
 */
import { InvalidValueError } from '@herald/core';
import { Metadata, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';

/**
 * - `MALFORMED`: the bytes are no message of this type, or a part that must be there is missing.
 * - `LIMIT_EXCEEDED`: larger or more numerous than `limits` allows.
 * - `INVALID_VALUE`: well-formed, but against a rule of the domain (alphabet, range, consistency).
 */
export type WireErrorCode = 'MALFORMED' | 'LIMIT_EXCEEDED' | 'INVALID_VALUE';

/** What arrived, or was to be sent, breaks a rule of the wire. */
export class WireError extends Error {
  readonly code: WireErrorCode;
  /** Path of the field in the proto's names, e.g. `push.record.version.epoch`; absent: the whole. */
  readonly field?: string;
  readonly #rule: string;

  constructor(code: WireErrorCode, field: string | undefined, rule: string, cause?: unknown) {
    super(
      field === undefined ? rule : `${field}: ${rule}`,
      cause === undefined ? undefined : { cause },
    );
    this.name = 'WireError';
    this.code = code;
    this.#rule = rule;
    if (field !== undefined) this.field = field;
  }

  /** The same error, seen from the message that has the broken one as its field `parent`. */
  within(parent: string): WireError {
    const field = this.field === undefined ? parent : `${parent}.${this.field}`;
    return new WireError(this.code, field, this.#rule, this.cause);
  }

  /** `thrown` itself when it is a WireError, else a WireError that has it as its cause. */
  static from(thrown: unknown, field?: string): WireError {
    if (thrown instanceof WireError) return thrown;
    if (thrown instanceof InvalidValueError) {
      return new WireError('INVALID_VALUE', field, thrown.message, thrown);
    }
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return new WireError('MALFORMED', field, reason, thrown);
  }
}

/**
 * The gRPC error that a handler answers with for `thrown`: INVALID_ARGUMENT with the field's path
 * when the caller sent something wrong, else INTERNAL without a detail of our insides.
 */
export function toServiceError(thrown: unknown): ServiceError {
  const byCaller = thrown instanceof WireError || thrown instanceof InvalidValueError;
  const code = byCaller ? status.INVALID_ARGUMENT : status.INTERNAL;
  const details = byCaller ? thrown.message : 'internal error';
  return Object.assign(new Error(details, { cause: thrown }), {
    code,
    details,
    metadata: new Metadata(),
  });
}
