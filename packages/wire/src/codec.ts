/** A message as the two ends of a call see it: the domain's value here, bytes there. */
import { WireError } from './errors.ts';
import type { MessageCodec } from './proto.ts';

export interface Codec<Value, Decoded = Value> {
  readonly encode: (value: Value) => Buffer;
  /** @throws WireError */
  readonly decode: (bytes: Uint8Array) => Decoded;
}

/** Puts the translation between generated and domain types, and a bound, around a message's codec. */
export function boundedCodec<Value, Raw, RawOutput, Decoded = Value>(
  message: MessageCodec<Raw, RawOutput>,
  bytesMax: number,
  toRaw: (value: Value) => Raw,
  fromRaw: (raw: RawOutput) => Decoded,
): Codec<Value, Decoded> {
  const checked = <Bytes extends Uint8Array>(bytes: Bytes): Bytes => {
    if (bytes.byteLength > bytesMax) {
      const rule = `a message must be at most ${bytesMax} bytes long, got ${bytes.byteLength}`;
      throw new WireError('LIMIT_EXCEEDED', undefined, rule);
    }
    return bytes;
  };
  return {
    encode: (value) => checked(message.encode(toRaw(value))),
    decode: (bytes) => fromRaw(message.decode(checked(bytes))),
  };
}
