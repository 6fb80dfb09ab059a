/**
 * Leader records to bytes and back. A record is encoded once, by the elector that issues it; whoever
 * forwards it carries those very bytes, so nothing here ever encodes a record that arrived.
 */
import { limits } from '@herald/core';
import type { Leader, LeaderRecord, SealedRecord, Version } from '@herald/core';
import { wireBounds } from './bounds.ts';
import { WireError } from './errors.ts';
import {
  addressField,
  electionNameField,
  measureField,
  metadataFields,
  nested,
  nodeIdField,
  printableField,
  versionFromRaw,
} from './fields.ts';
import type {
  CarriedRecord as RawCarried,
  CarriedRecord__Output,
} from './generated/herald/v1/CarriedRecord.ts';
import type { Leader as RawLeader, Leader__Output } from './generated/herald/v1/Leader.ts';
import type { LeaderRecord__Output } from './generated/herald/v1/LeaderRecord.ts';
import type { SignedRecord__Output } from './generated/herald/v1/SignedRecord.ts';
import type { Version as RawVersion } from './generated/herald/v1/Version.ts';
import { messages } from './proto.ts';
import { RecentlyDecoded } from './recently-decoded.ts';
import type { CarriedRecord } from './record-messages.ts';
import type { RecordSigner } from './signing/record-signer.ts';

const noSignature = Buffer.alloc(0);
const recentRecords = new RecentlyDecoded<SealedRecord>(wireBounds.recentRecordsMax);

/**
 * Encodes a record, once, and seals it. The sealed record holds what everyone will decode from these
 * bytes, e.g. whole milliseconds of validity, rounded down.
 *
 * @param signer Signs the bytes; without one the record is believed only where no keys are trusted.
 * @throws WireError when the record breaks a rule or a limit that its readers would refuse it for.
 */
export function encodeRecord(record: LeaderRecord, signer?: RecordSigner): SealedRecord {
  checkVersion(record.version);
  const bytes = messages.leaderRecord.encode({
    election: record.election,
    version: versionToRaw(record.version),
    issuer: record.issuer,
    ...(record.kind === 'leader'
      ? { leader: leaderToRaw(record.leader), validityMs: validityToRaw(record.validityMs) }
      : { vacancy: {} }),
  });
  if (signer === undefined) return decodeRecord(bytes, '', noSignature);
  return decodeRecord(bytes, signer.keyId, signer.sign(bytes));
}

/**
 * The record in `bytes`, all its parts checked. The sealed record holds a copy of the bytes, so that
 * keeping a record does not keep the network buffer that it came in. Whether the signature is one is not
 * looked at here: that is for a `RecordCheck` to say, before anybody believes the record.
 *
 * @param bytes at most `limits.recordBytesMax`
 * @param keyId at most `limits.nameBytesMax` bytes; empty when the record is not signed
 * @param signature at most 64 bytes; empty when the record is not signed
 * @throws WireError
 */
export function decodeRecord(
  bytes: Uint8Array,
  keyId: string,
  signature: Uint8Array,
): SealedRecord {
  checkLength(bytes, limits.recordBytesMax, 'record');
  checkLength(signature, wireBounds.signatureBytesMax, 'signature');
  // Beside its signature, so that a forged copy of a record does not take the place of the true one.
  const known = recentRecords.find(bytes, signature);
  if (known?.keyId === keyId && known.signature.byteLength === signature.byteLength) return known;
  const sealed = decodeAnew(bytes, keyId, signature);
  recentRecords.add(sealed, sealed.bytes, sealed.signature);
  return sealed;
}

function decodeAnew(bytes: Uint8Array, keyId: string, signature: Uint8Array): SealedRecord {
  return {
    record: nested(bytes, 'record', (present) =>
      recordFromRaw(messages.leaderRecord.decode(present)),
    ),
    bytes: copyOf(bytes),
    keyId: printableField(keyId, limits.nameBytesMax, 'key_id'),
    signature: signature.byteLength === 0 ? noSignature : copyOf(signature),
  };
}

/** Age and hops can outgrow what may be said of them, e.g. after a month of vacancy: they stop there. */
export function carriedToRaw(carried: CarriedRecord): RawCarried {
  const { bytes, keyId, signature } = carried.sealed;
  return {
    record: { record: bytes as Buffer, keyId, signature: signature as Buffer },
    ageMs: Math.min(carried.ageMs, limits.ageMsMax),
    hops: Math.min(carried.hops, limits.hopsMax),
  };
}

export function carriedFromRaw(raw: CarriedRecord__Output): CarriedRecord {
  return {
    sealed: nested(raw.record, 'record', sealedFromRaw),
    ageMs: measureField(raw.ageMs, limits.ageMsMax, 'age_ms'),
    hops: measureField(raw.hops, limits.hopsMax, 'hops'),
  };
}

export function versionToRaw(version: Version): RawVersion {
  return {
    lineage: version.lineage,
    epoch: version.epoch.toString(),
    sequence: version.sequence.toString(),
    renewal: version.renewal,
  };
}

function sealedFromRaw(raw: SignedRecord__Output): SealedRecord {
  return decodeRecord(raw.record, raw.keyId, raw.signature);
}

// Every hop runs the next three functions; object literals are several times quicker than spreads.
function recordFromRaw(raw: LeaderRecord__Output): LeaderRecord {
  const election = electionNameField(raw.election, 'election');
  const version = nested(raw.version, 'version', versionFromRaw);
  const issuer = nodeIdField(raw.issuer, 'issuer');
  // Decoders differ in which of two claims they would see; a record must read the same to all.
  if (raw.leader && raw.vacancy) throw new WireError('MALFORMED', 'claim', 'is made twice');
  if (raw.vacancy) return { kind: 'vacancy', election, version, issuer };
  const leader = nested(raw.leader, 'leader', leaderFromRaw);
  const validityMs = measureField(raw.validityMs, limits.validityMsMax, 'validity_ms');
  return { kind: 'leader', election, version, issuer, leader, validityMs };
}

function leaderFromRaw(raw: Leader__Output): Leader {
  const id = nodeIdField(raw.id, 'id');
  const address = printableField(raw.address, limits.addressBytesMax, 'address');
  const metadata = metadataFields(raw.metadata);
  if (raw.electorAddress === '') return { id, address, metadata };
  const electorAddress = addressField(raw.electorAddress, 'elector_address');
  return { id, address, electorAddress, metadata };
}

function leaderToRaw(leader: Leader): RawLeader {
  return {
    id: leader.id,
    address: leader.address,
    electorAddress: leader.electorAddress ?? '',
    metadata: leader.metadata,
  };
}

/** Rounded down: a validity must never be overstated. */
function validityToRaw(validityMs: number): number {
  return Math.floor(measureField(validityMs, limits.validityMsMax, 'record.validity_ms'));
}

/** What protobuf would wrap around silently; all else shows when the record is decoded once. */
function checkVersion(version: Version): void {
  for (const part of ['lineage', 'renewal'] as const) {
    const value = version[part];
    if (!Number.isInteger(value) || value < 0 || value > wireBounds.uint32Max) {
      const rule = `must be a whole number from 0 to 2^32 - 1, got ${value}`;
      throw new WireError('INVALID_VALUE', `record.version.${part}`, rule);
    }
  }
  for (const part of ['epoch', 'sequence'] as const) {
    const value = version[part];
    if (value < 0n || value > wireBounds.revisionMax) {
      const rule = `must be a whole number from 0 to 2^63 - 1, got ${value}`;
      throw new WireError('INVALID_VALUE', `record.version.${part}`, rule);
    }
  }
}

function checkLength(bytes: Uint8Array, bytesMax: number, field: string): void {
  if (bytes.byteLength <= bytesMax) return;
  const rule = `must be at most ${bytesMax} bytes long, got ${bytes.byteLength}`;
  throw new WireError('LIMIT_EXCEEDED', field, rule);
}

function copyOf(bytes: Uint8Array): Uint8Array {
  return Buffer.from(bytes);
}
