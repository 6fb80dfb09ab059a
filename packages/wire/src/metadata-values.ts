/**
 * Decides what one value of a call's metadata is. A key that stands there twice says two things, of
 * which no reader can know the right one: that is an error, as is a value of another form.
 */
import type { Metadata } from '@grpc/grpc-js';
import { WireError } from './errors.ts';

/** @throws WireError */
export function textIn(metadata: Metadata, key: string): string | undefined {
  const value = onlyValue(metadata, key);
  if (value !== undefined && typeof value !== 'string') {
    throw new WireError('MALFORMED', key, 'must be text');
  }
  return value;
}

/** @throws WireError */
export function bytesIn(metadata: Metadata, key: `${string}-bin`): Buffer | undefined {
  const value = onlyValue(metadata, key);
  if (typeof value === 'string') throw new WireError('MALFORMED', key, 'must be bytes');
  return value;
}

/**
 * A whole number in decimal digits, 0 to `max`.
 *
 * @throws WireError
 */
export function decimalIn(metadata: Metadata, key: string, max: bigint): bigint | undefined {
  const text = textIn(metadata, key);
  if (text === undefined) return undefined;
  // Nothing larger is a number of the protocol's, and a long text is not worth reading as one.
  if (!/^[0-9]{1,19}$/.test(text)) {
    throw new WireError('MALFORMED', key, 'must be a whole number in at most 19 digits');
  }
  const value = BigInt(text);
  if (value > max)
    throw new WireError('LIMIT_EXCEEDED', key, `must be at most ${max}, got ${text}`);
  return value;
}

function onlyValue(metadata: Metadata, key: string): string | Buffer | undefined {
  const [value, ...others] = metadata.get(key);
  if (others.length > 0) throw new WireError('MALFORMED', key, 'must be given once');
  return value;
}
