/** What clients ask a gossip member, and its answers, in the domain's types. */
import type {
  Address,
  AppliedChange,
  ClusterName,
  Contact,
  ElectionName,
  MemberStatus,
  NodeId,
  Reachability,
  Version,
} from '@herald/core';
import type { WireError } from './errors.ts';
import type { CarriedRecord } from './record-messages.ts';

export interface GetLeaderRequest {
  readonly election: ElectionName;
  /** The newest version the caller knows; a member that holds an older one answers `behind`. */
  readonly minVersion: Version | undefined;
}

export interface WatchLeaderRequest {
  readonly election: ElectionName;
  readonly minVersion: Version | undefined;
  /** Also send an answer for every renewal, so that age and validity stay fresh. */
  readonly includeRenewals: boolean;
}

/**
 * - `current`: a leader whose lease can still live.
 * - `expired`: the best address known, no longer to be believed.
 * - `vacant`: the newest record says that nobody leads.
 * - `unknown`: the member has never heard of the election.
 */
export type AnswerStatus = 'current' | 'expired' | 'vacant' | 'unknown';

export interface LeaderAnswer {
  readonly status: AnswerStatus;
  /** `undefined` exactly when `status` is `unknown`. */
  readonly carried: CarriedRecord | undefined;
  /** Milliseconds for which the claim can still be true; 0 unless `current`. */
  readonly validForMs: number;
  /** The caller knows a newer version; this member is pulling it. */
  readonly behind: boolean;
  /** Members to ask instead, best first, at most `limits.contactsPerFrameMax`; only when `behind`. */
  readonly ask: readonly Address[];
  /** Who answers. */
  readonly nodeId: NodeId;
}

/** One question on a stream of lookups. */
export interface LookupRequest {
  readonly kind: 'question';
  /** Chosen by the caller, 0 to 2^32 − 1; comes back with the answer. */
  readonly id: number;
  readonly question: GetLeaderRequest;
}

/** A question that breaks a rule: who asked can be told which, and the stream goes on. */
export interface InvalidLookup {
  readonly kind: 'invalid';
  readonly id: number;
  readonly error: WireError;
}

/** Bytes that are no question at all: there is no id to answer to, so that the stream is of no use. */
export interface MalformedLookup {
  readonly kind: 'malformed';
  readonly error: WireError;
}

/** What a stream of lookups delivers to the one that answers. */
export type IncomingLookup = LookupRequest | InvalidLookup | MalformedLookup;

/** What becomes of one question on a stream of lookups. */
export type LookupAnswer =
  | { readonly kind: 'answer'; readonly id: number; readonly answer: LeaderAnswer }
  /** The reason is for people, on one line; to ask the same again will not help. */
  | { readonly kind: 'refused'; readonly id: number; readonly reason: string };

/** Asks for everything: the request has no fields. */
export type ListMembersRequest = Readonly<Record<string, never>>;

export interface MemberInfo {
  readonly contact: Contact;
  /** The member that answers holds a link to it now. */
  readonly linked: boolean;
  /** It is the member that answers. */
  readonly self: boolean;
  /** Smoothed round trip of the link in milliseconds; 0 when not linked or not measured. */
  readonly roundTripMs: number;
  /** What it says of itself and what is made of it; absent for a contact that nobody heard more of. */
  readonly facts?: MemberFacts;
}

export interface MemberFacts {
  readonly status: MemberStatus;
  readonly reachability: Reachability;
  /** Live members that find it unreachable. */
  readonly suspectedBy: number;
  /** For how long it has been reachable, unreachable or gone, in milliseconds. */
  readonly sinceMs: number;
  readonly zone: string;
  readonly build: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly applied: readonly AppliedChange[];
}

export interface MemberList {
  readonly cluster: ClusterName;
  readonly members: readonly MemberInfo[];
}

export interface ConvergenceRequest {
  readonly election: ElectionName;
}

export interface BehindInfo {
  readonly nodeId: NodeId;
  /** The change that it has applied, as far as it has told; undefined when it told of none. */
  readonly applied: Version | undefined;
}

/** How many of the live members have applied the newest change, as far as one of them knows. */
export interface ConvergenceAnswer {
  readonly election: ElectionName;
  /** The newest change that any live member knows of; undefined when nobody knows the election. */
  readonly newest: Version | undefined;
  readonly applied: number;
  readonly live: number;
  /** Those that are behind, the farthest first, at most `limits.behindMax`. */
  readonly behind: readonly BehindInfo[];
  /** Who answers. */
  readonly nodeId: NodeId;
}
