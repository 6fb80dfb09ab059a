/**
 * Bounds that only the wire knows; those of the protocol itself stand in core's `limits`. Each says
 * what it protects and how it was reckoned.
 */
import { limits } from '@herald/core';

/** An answer about one election: a record, and at most `contactsPerFrameMax` addresses to ask. */
const leaderAnswerBytesMax =
  limits.recordBytesMax + limits.contactsPerFrameMax * (limits.addressBytesMax + 3) + 1024;

export const wireBounds = {
  /** A request is two names, a version and flags, at most 128 + 128 + 40 bytes, or a name and a reason. */
  requestBytesMax: 1024,
  leaderAnswerBytesMax,
  /** What is found of a history: two texts for people, a name, an id and numbers. */
  raiseAnswerBytesMax: 2 * limits.detailBytesMax + 1024,
  /** The same on a stream of lookups: an id, a tag and a length more, or a reason instead. */
  lookupAnswerBytesMax: leaderAnswerBytesMax + 16,
  /** Members in one list: the largest fleet that is planned for. */
  membersMax: limits.membersMax,
  /**
   * 1 024 elections × (answer 9.4 kB + trouble 0.5 kB), or 20 000 members × 0.6 kB (contact 0.45, a
   * zone, a build, a few applied changes): 12 MB. Whoever lists more leaves metadata out.
   */
  answerBytesMax: 16_000_000,
  /** How far a change has come: two names, a version, and a name and a version for each that is behind. */
  convergenceBytesMax: 1024 + limits.behindMax * (limits.nameBytesMax + 64),
  /** Members to ask instead, in one answer. */
  askMax: limits.contactsPerFrameMax,
  /**
   * The trailers of a call, as they stand in its metadata: what most implementations of gRPC accept
   * unless told otherwise. A refusal with the largest record, 4.3 kB, takes 7.6 kB in base64.
   */
  trailersBytesMax: 8192,
  /** Ed25519 signatures are 64 bytes. */
  signatureBytesMax: 64,
  /** Keys trusted at once: one for each elector, twice that while they are replaced, and room. */
  trustedKeysMax: 64,
  /** etcd revisions are signed 64-bit integers. */
  revisionMax: 2n ** 63n - 1n,
  /** Records found again by their bytes: the news of a moment. At worst 256 × 2 × 4 KiB: 2 MiB. */
  recentRecordsMax: 256,
  /** The same for what members say of themselves; mostly 150 bytes each, at worst 1024 × 2 × 4 KiB: 8 MiB. */
  recentStatesMax: 1024,
  uint32Max: 2 ** 32 - 1,
  /**
   * A generation is the time of day at which a life began, in milliseconds. One that is further ahead of
   * the own clock than ten years was made up: to claim a member's name for ever, its rightful owner would
   * have to outbid it. Below the bound the owner does, by one, which the bound lets through a millisecond
   * later. Ten years, since clocks are wrong by hours and, after a flat battery, by decades: a clock that
   * shows a time before 2026 is taken for one that shows 2026.
   */
  generationAheadMsMax: 10 * 365 * 24 * 3_600_000,
  clockMsMin: Date.UTC(2026, 0, 1),
} as const;
