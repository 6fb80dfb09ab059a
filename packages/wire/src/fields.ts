/**
 * Decides whether a field that arrived is a value of the domain. Every function takes the field's name
 * in the proto, returns the domain's value, and throws WireError otherwise.
 */
import {
  InvalidValueError,
  limits,
  parseAddress,
  parseClusterName,
  parseElectionName,
  parseNodeId,
} from '@herald/core';
import type { Address, ClusterName, ElectionName, NodeId, Version } from '@herald/core';
import { wireBounds } from './bounds.ts';
import { WireError } from './errors.ts';
import type { Version__Output } from './generated/herald/v1/Version.ts';

/** A field that must be there. */
export function present<T>(value: T | null | undefined, field: string): T {
  if (value === null || value === undefined) throw new WireError('MALFORMED', field, 'is missing');
  return value;
}

/** A message within a message; what breaks a rule in it is told with the path to it. */
export function nested<Raw, Value>(
  raw: Raw | null | undefined,
  field: string,
  read: (raw: Raw) => Value,
): Value {
  const message = present(raw, field);
  try {
    return read(message);
  } catch (error) {
    throw error instanceof WireError ? error.within(field) : error;
  }
}

/** A message that may be left out. */
export function optional<Raw, Value>(
  raw: Raw | null | undefined,
  field: string,
  read: (raw: Raw) => Value,
): Value | undefined {
  return raw === null || raw === undefined ? undefined : nested(raw, field, read);
}

/** A list of at most `countMax` items, each read with its own path. */
export function listOf<Raw, Value>(
  items: readonly Raw[],
  countMax: number,
  field: string,
  read: (raw: Raw) => Value,
): Value[] {
  if (items.length > countMax) {
    const rule = `must have at most ${countMax} entries, got ${items.length}`;
    throw new WireError('LIMIT_EXCEEDED', field, rule);
  }
  return items.map((item, index) => {
    try {
      return read(item);
    } catch (error) {
      throw error instanceof WireError ? error.within(`${field}[${index}]`) : error;
    }
  });
}

function parsed<Value>(
  parse: (text: string) => Value,
  text: string,
  field: string | undefined,
): Value {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof InvalidValueError)) throw error;
    throw new WireError('INVALID_VALUE', field, error.message, error);
  }
}

/** `field` is left out for the items of a list. */
export function nodeIdField(text: string, field?: string): NodeId {
  return parsed(parseNodeId, text, field);
}

export function clusterNameField(text: string, field: string): ClusterName {
  return parsed(parseClusterName, text, field);
}

/** `field` is left out for the items of a list. */
export function electionNameField(text: string, field?: string): ElectionName {
  return parsed(parseElectionName, text, field);
}

/** Empty stands for no election. */
export function optionalElectionName(text: string, field: string): ElectionName | undefined {
  return text === '' ? undefined : electionNameField(text, field);
}

/** `field` is left out for the items of a list. */
export function addressField(text: string, field?: string): Address {
  return parsed(parseAddress, text, field);
}

/** A revision of etcd: 0 to 2^63 − 1. */
export function revisionField(decimal: string, field: string): bigint {
  const value = BigInt(decimal);
  if (value > wireBounds.revisionMax) {
    throw new WireError('INVALID_VALUE', field, `must be at most 2^63 - 1, got ${decimal}`);
  }
  return value;
}

/** An unsigned 64-bit counter that the domain keeps in a number: 0 to 2^53 − 1. */
export function safeIntegerField(decimal: string, field: string): number {
  const value = Number(decimal);
  if (!Number.isSafeInteger(value)) {
    throw new WireError('INVALID_VALUE', field, `must be at most 2^53 - 1, got ${decimal}`);
  }
  return value;
}

/** When a life of a member began; not so far ahead of this machine's clock that nobody could outbid it. */
export function generationField(decimal: string, field: string): number {
  const value = safeIntegerField(decimal, field);
  const { clockMsMin, generationAheadMsMax } = wireBounds;
  // It tells the lives of one member apart; no times of two machines are compared for who was first.
  // eslint-disable-next-line no-restricted-properties
  const latest = Math.max(Date.now(), clockMsMin) + generationAheadMsMax;
  if (value <= latest) return value;
  throw new WireError('LIMIT_EXCEEDED', field, `is of the future, got ${decimal}`);
}

/** A span of time or another measure: a finite number from 0 to `max`. */
export function measureField(value: number, max: number, field: string): number {
  if (!(value >= 0)) {
    throw new WireError('INVALID_VALUE', field, `must be a number of at least 0, got ${value}`);
  }
  if (value > max) {
    throw new WireError('LIMIT_EXCEEDED', field, `must be at most ${max}, got ${value}`);
  }
  return value;
}

export function versionFromRaw(raw: Version__Output): Version {
  return {
    lineage: raw.lineage,
    epoch: revisionField(raw.epoch, 'epoch'),
    sequence: revisionField(raw.sequence, 'sequence'),
    renewal: raw.renewal,
  };
}

// What a decoder leaves where the bytes were not UTF-8, and halves of a character, which UTF-8
// cannot carry: neither survives a round trip.
const notUtf8 = /[\uFFFD\p{Cs}]/u;
const notPrintable = /[\uFFFD\p{Cs}\p{Cc}\p{Zl}\p{Zp}]/u;
const notPrintableAll = new RegExp(notPrintable, 'gu');

/** Free text of at most `bytesMax` bytes of UTF-8. */
export function textField(text: string, bytesMax: number, field: string): string {
  // UTF-8 takes at most three bytes for each UTF-16 unit: mostly there is nothing to count.
  if (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax) {
    throw new WireError('LIMIT_EXCEEDED', field, `must be at most ${bytesMax} bytes long`);
  }
  if (notUtf8.test(text)) throw new WireError('INVALID_VALUE', field, 'must be valid UTF-8');
  return text;
}

/** Free text that is safe on one line of a log or a terminal: no control characters, no line ends. */
export function printableField(text: string, bytesMax: number, field: string): string {
  textField(text, bytesMax, field);
  if (notPrintable.test(text)) {
    throw new WireError('INVALID_VALUE', field, 'must not hold control characters or line ends');
  }
  return text;
}

/**
 * `text` as it may travel in a free-text field: what is not printable becomes a space, and what goes
 * beyond `bytesMax` bytes is cut off at a character's end. For text that we did not choose ourselves,
 * such as the message of an error or the proposal of a foreign candidate.
 */
export function printableText(text: string, bytesMax: number = limits.detailBytesMax): string {
  const clean = text.replace(notPrintableAll, ' ');
  if (Buffer.byteLength(clean) <= bytesMax) return clean;
  const { read } = new TextEncoder().encodeInto(clean, new Uint8Array(bytesMax));
  return clean.slice(0, read);
}

/** Has no prototype, so that a key such as `__proto__` or `constructor` is a key like any other. */
export function metadataFields(
  raw: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const entries = Object.entries(raw);
  if (entries.length > limits.metadataEntriesMax) {
    const rule = `must have at most ${limits.metadataEntriesMax} entries, got ${entries.length}`;
    throw new WireError('LIMIT_EXCEEDED', 'metadata', rule);
  }
  const metadata = Object.create(null) as Record<string, string>;
  for (const [key, value] of entries) {
    if (key === '') throw new WireError('INVALID_VALUE', 'metadata', 'must not have an empty key');
    printableField(key, limits.metadataKeyBytesMax, 'metadata');
    metadata[key] = textField(value, limits.metadataValueBytesMax, 'metadata');
  }
  return metadata;
}
