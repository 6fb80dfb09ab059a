/**
 * Frames of a link to bytes and back. Decides what becomes of a frame that is not understood: one
 * from a newer protocol is `unknown`, to be ignored and counted; one that breaks a rule is an error.
 */
import { limits } from '@herald/core';
import type {
  Contact,
  DigestEntry,
  DigestFrame,
  Frame,
  HelloFrame,
  PushFrame,
  RefuseFrame,
  RoundFrame,
  WantFrame,
  WelcomeFrame,
} from '@herald/core';
import { contactFromRaw, contactToRaw } from './contact-codec.ts';
import { pushModes, refuseReasonFromRaw, refuseReasons } from './enums.ts';
import { WireError } from './errors.ts';
import {
  clusterNameField,
  electionNameField,
  listOf,
  nested,
  optional,
  optionalElectionName,
  printableField,
  printableText,
  versionFromRaw,
} from './fields.ts';
import type { Contact__Output } from './generated/herald/v1/Contact.ts';
import type { Digest__Output } from './generated/herald/v1/Digest.ts';
import type { DigestEntry__Output } from './generated/herald/v1/DigestEntry.ts';
import type { Frame as RawFrame, Frame__Output } from './generated/herald/v1/Frame.ts';
import type { Hello__Output } from './generated/herald/v1/Hello.ts';
import type { Push__Output } from './generated/herald/v1/Push.ts';
import type { Refuse__Output } from './generated/herald/v1/Refuse.ts';
import type { Round__Output } from './generated/herald/v1/Round.ts';
import type { Want__Output } from './generated/herald/v1/Want.ts';
import type { Welcome__Output } from './generated/herald/v1/Welcome.ts';
import {
  accusationsFromRaw,
  accusationsToRaw,
  deltaFromRaw,
  deltaToRaw,
  hashFromRaw,
  hashesFromRaw,
  hashesToRaw,
  memberDigestFromRaw,
  memberDigestToRaw,
  summaryFromRaw,
  whoElseFromRaw,
  whoElseToRaw,
} from './member-frame-codec.ts';
import { messages } from './proto.ts';
import { carriedFromRaw, carriedToRaw, versionToRaw } from './record-codec.ts';

/** A frame of a kind that this build does not know: to be ignored and counted. */
export interface UnknownFrame {
  readonly kind: 'unknown';
}

/** What arrived is no valid frame: the link is to be closed with the reason. */
export interface MalformedFrame {
  readonly kind: 'malformed';
  readonly error: WireError;
}

/** What a link delivers. */
export type IncomingFrame = Frame | UnknownFrame | MalformedFrame;

const unknownFrame: UnknownFrame = { kind: 'unknown' };

/** @throws WireError `LIMIT_EXCEEDED` when the frame is larger than `limits.frameBytesMax`. */
export function encodeFrame(frame: Frame): Buffer {
  if (lastEncoded?.frame === frame) return lastEncoded.bytes;
  const bytes = messages.frame.encode(frameToRaw(frame));
  if (bytes.byteLength > limits.frameBytesMax) throw oversized(frame.kind, bytes.byteLength);
  lastEncoded = { frame, bytes };
  return bytes;
}

/** News goes to several links as one and the same frame, one right after the other. */
let lastEncoded: { readonly frame: Frame; readonly bytes: Buffer } | undefined;

/** @throws WireError when the bytes are no frame, or one that breaks a rule. */
export function decodeFrame(bytes: Uint8Array): Frame | UnknownFrame {
  if (bytes.byteLength > limits.frameBytesMax) throw oversized(undefined, bytes.byteLength);
  const raw = messages.frame.decode(bytes);
  if (raw.frame === undefined) return unknownFrame;
  // Besides the kind's own key there is one more, `frame`, that names it.
  if (Object.keys(raw).length > 2) {
    throw new WireError('MALFORMED', undefined, 'a frame must be of one kind only');
  }
  return frameFromRaw(raw, raw.frame);
}

/**
 * As `decodeFrame`, but never throws: grpc-js would end the stream with INTERNAL and keep the reason
 * from both ends, while the member wants to say why it closes the link.
 */
export function decodeIncomingFrame(bytes: Uint8Array): IncomingFrame {
  try {
    return decodeFrame(bytes);
  } catch (error) {
    return { kind: 'malformed', error: WireError.from(error) };
  }
}

function oversized(field: string | undefined, length: number): WireError {
  const rule = `a frame must be at most ${limits.frameBytesMax} bytes long, got ${length}`;
  return new WireError('LIMIT_EXCEEDED', field, rule);
}

function frameToRaw(frame: Frame): RawFrame {
  switch (frame.kind) {
    case 'hello':
      return {
        hello: {
          cluster: frame.cluster,
          protocolMin: frame.protocolMin,
          protocolMax: frame.protocolMax,
          member: contactToRaw(frame.member),
          probe: frame.probe,
        },
      };
    case 'welcome':
      return {
        welcome: {
          protocol: frame.protocol,
          member: contactToRaw(frame.member),
          contacts: frame.contacts.map(contactToRaw),
        },
      };
    case 'refuse':
      return {
        refuse: {
          reason: refuseReasons.toRaw(frame.reason),
          detail: printableText(frame.detail, limits.detailBytesMax),
          contacts: frame.contacts.map(contactToRaw),
        },
      };
    case 'push':
      return { push: { mode: pushModes.toRaw(frame.mode), record: carriedToRaw(frame) } };
    case 'prune':
      return { prune: {} };
    case 'graft':
      return { graft: {} };
    case 'round':
      return {
        round: {
          nonce: frame.nonce,
          hash: frame.hash,
          contacts: frame.contacts.map(contactToRaw),
          members: frame.members ?? null,
          beatMs: Math.floor(frame.beatMs),
        },
      };
    case 'round-reply':
      return { roundReply: { nonce: frame.nonce } };
    case 'digest':
      return {
        digest: {
          after: frame.after ?? '',
          upTo: frame.upTo ?? '',
          entries: frame.entries.map((entry) => ({
            election: entry.election,
            version: versionToRaw(entry.version),
          })),
        },
      };
    case 'want':
      return { want: { elections: [...frame.elections] } };
    case 'member-hashes':
      return { memberHashes: hashesToRaw(frame) };
    case 'member-digest':
      return { memberDigest: memberDigestToRaw(frame) };
    case 'member-delta':
      return { memberDelta: deltaToRaw(frame) };
    case 'accusations':
      return { accusations: accusationsToRaw(frame) };
    case 'who-else':
      return { whoElse: whoElseToRaw(frame) };
  }
}

function frameFromRaw(raw: Frame__Output, kind: NonNullable<Frame__Output['frame']>): Frame {
  switch (kind) {
    case 'hello':
      return nested(raw.hello, 'hello', helloFromRaw);
    case 'welcome':
      return nested(raw.welcome, 'welcome', welcomeFromRaw);
    case 'refuse':
      return nested(raw.refuse, 'refuse', refuseFromRaw);
    case 'push':
      return nested(raw.push, 'push', pushFromRaw);
    case 'prune':
      return { kind: 'prune' };
    case 'graft':
      return { kind: 'graft' };
    case 'round':
      return nested(raw.round, 'round', roundFromRaw);
    case 'roundReply':
      return nested(raw.roundReply, 'round_reply', ({ nonce }) => ({ kind: 'round-reply', nonce }));
    case 'digest':
      return nested(raw.digest, 'digest', digestFromRaw);
    case 'want':
      return nested(raw.want, 'want', wantFromRaw);
    case 'memberHashes':
      return nested(raw.memberHashes, 'member_hashes', hashesFromRaw);
    case 'memberDigest':
      return nested(raw.memberDigest, 'member_digest', memberDigestFromRaw);
    case 'memberDelta':
      return nested(raw.memberDelta, 'member_delta', deltaFromRaw);
    case 'accusations':
      return nested(raw.accusations, 'accusations', accusationsFromRaw);
    case 'whoElse':
      return nested(raw.whoElse, 'who_else', whoElseFromRaw);
  }
}

function helloFromRaw(raw: Hello__Output): HelloFrame {
  const { protocolMin, protocolMax } = raw;
  if (protocolMin > protocolMax) {
    const rule = `must not be above protocol_max, got ${protocolMin} and ${protocolMax}`;
    throw new WireError('INVALID_VALUE', 'protocol_min', rule);
  }
  return {
    kind: 'hello',
    cluster: clusterNameField(raw.cluster, 'cluster'),
    protocolMin,
    protocolMax,
    member: nested(raw.member, 'member', contactFromRaw),
    probe: raw.probe,
  };
}

function welcomeFromRaw(raw: Welcome__Output): WelcomeFrame {
  return {
    kind: 'welcome',
    protocol: raw.protocol,
    member: nested(raw.member, 'member', contactFromRaw),
    contacts: contactsFromRaw(raw.contacts),
  };
}

function refuseFromRaw(raw: Refuse__Output): RefuseFrame {
  return {
    kind: 'refuse',
    reason: refuseReasonFromRaw(raw.reason),
    detail: printableField(raw.detail, limits.detailBytesMax, 'detail'),
    contacts: contactsFromRaw(raw.contacts),
  };
}

function pushFromRaw(raw: Push__Output): PushFrame {
  const mode = pushModes.fromRaw(raw.mode, 'mode');
  const { sealed, ageMs, hops } = nested(raw.record, 'record', carriedFromRaw);
  return { kind: 'push', mode, sealed, ageMs, hops };
}

function roundFromRaw(raw: Round__Output): RoundFrame {
  return {
    kind: 'round',
    nonce: raw.nonce,
    hash: nested(raw.hash, 'hash', hashFromRaw),
    contacts: contactsFromRaw(raw.contacts),
    members: optional(raw.members, 'members', summaryFromRaw),
    beatMs: raw.beatMs,
  };
}

/** Whoever compares with a digest walks it in order, and takes what lies between for not held. */
function digestFromRaw(raw: Digest__Output): DigestFrame {
  const after = optionalElectionName(raw.after, 'after');
  const upTo = optionalElectionName(raw.upTo, 'up_to');
  const entries = listOf(raw.entries, limits.digestEntriesMax, 'entries', digestEntryFromRaw);
  let previous = after;
  for (const { election } of entries) {
    if (previous !== undefined && election <= previous) {
      throw new WireError('INVALID_VALUE', 'entries', 'must ascend by election, above `after`');
    }
    previous = election;
  }
  if (upTo !== undefined && previous !== undefined && previous > upTo) {
    throw new WireError('INVALID_VALUE', 'up_to', 'must not lie below an entry or `after`');
  }
  return { kind: 'digest', after, upTo, entries };
}

function digestEntryFromRaw(raw: DigestEntry__Output): DigestEntry {
  return {
    election: electionNameField(raw.election, 'election'),
    version: nested(raw.version, 'version', versionFromRaw),
  };
}

function wantFromRaw(raw: Want__Output): WantFrame {
  return {
    kind: 'want',
    elections: listOf(raw.elections, limits.wantElectionsMax, 'elections', (name) =>
      electionNameField(name),
    ),
  };
}

function contactsFromRaw(raw: readonly Contact__Output[]): Contact[] {
  return listOf(raw, limits.contactsPerFrameMax, 'contacts', contactFromRaw);
}
