/**
 * The details of a gRPC error that programs of any language read: google.rpc.Status with ErrorInfo and
 * RetryInfo in it, to bytes and back. Other details are passed over.
 */
import { limits } from '@herald/core';
import { wireBounds } from './bounds.ts';
import { WireError } from './errors.ts';
import { measureField, nested, present } from './fields.ts';
import type { ErrorInfo } from './generated/google/rpc/ErrorInfo.ts';
import type { RetryInfo__Output } from './generated/google/rpc/RetryInfo.ts';
import { standardMessages } from './proto.ts';

const typeUrlOf = {
  errorInfo: 'type.googleapis.com/google.rpc.ErrorInfo',
  retryInfo: 'type.googleapis.com/google.rpc.RetryInfo',
} as const;

export interface RichStatus {
  /** A code of gRPC. */
  readonly code: number;
  readonly message: string;
  readonly errorInfo?: Required<ErrorInfo>;
  /** In milliseconds, 0 to `limits.validityMsMax`. */
  readonly retryAfterMs?: number;
}

export function encodeRichStatus(rich: RichStatus): Buffer {
  const { code, message, errorInfo, retryAfterMs } = rich;
  const details = [];
  if (errorInfo !== undefined) {
    const value = standardMessages.errorInfo.encode(errorInfo);
    details.push({ type_url: typeUrlOf.errorInfo, value });
  }
  if (retryAfterMs !== undefined) {
    const value = standardMessages.retryInfo.encode({ retryDelay: durationOf(retryAfterMs) });
    details.push({ type_url: typeUrlOf.retryInfo, value });
  }
  return standardMessages.status.encode({ code, message, details });
}

/** @throws WireError when the bytes are no status, or are larger than trailers of a call may be. */
export function decodeRichStatus(bytes: Uint8Array): RichStatus {
  if (bytes.byteLength > wireBounds.trailersBytesMax) {
    const rule = `must be at most ${wireBounds.trailersBytesMax} bytes long, got ${bytes.byteLength}`;
    throw new WireError('LIMIT_EXCEEDED', 'status', rule);
  }
  const { code, message, details } = standardMessages.status.decode(bytes);
  const valueOf = (typeUrl: string): Buffer | undefined =>
    details.find(({ type_url }) => type_url === typeUrl)?.value;
  const errorInfo = valueOf(typeUrlOf.errorInfo);
  const retryInfo = valueOf(typeUrlOf.retryInfo);
  return {
    code,
    message,
    ...(errorInfo === undefined ? {} : { errorInfo: standardMessages.errorInfo.decode(errorInfo) }),
    ...(retryInfo === undefined
      ? {}
      : { retryAfterMs: nested(retryInfo, 'retry_info', retryAfterMsFrom) }),
  };
}

function durationOf(ms: number): { readonly seconds: number; readonly nanos: number } {
  const seconds = Math.floor(ms / 1_000);
  return { seconds, nanos: Math.round((ms - seconds * 1_000) * 1_000_000) };
}

function retryAfterMsFrom(bytes: Buffer): number {
  const raw: RetryInfo__Output = standardMessages.retryInfo.decode(bytes);
  const { seconds, nanos } = present(raw.retryDelay, 'retry_delay');
  const ms = Number(seconds) * 1_000 + nanos / 1_000_000;
  return measureField(ms, limits.validityMsMax, 'retry_delay');
}
