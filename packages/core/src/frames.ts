/**
 * What members say to each other on a link, in the domain's types. `@herald/wire` turns these into
 * bytes and back, and is the only place that checks them against the limits.
 */
import type { Address, ClusterName, ElectionName, NodeId } from './ids.ts';
import type { SealedRecord } from './record.ts';
import type { Version } from './version.ts';

/** The protocol versions that this build speaks. */
export const protocolVersions = { min: 1, max: 1 } as const;

export type Role = 'node' | 'elector';

/** How to reach a member, and which of its lives is meant. */
export interface Contact {
  readonly nodeId: NodeId;
  /** Grows with each restart of the same node id. */
  readonly generation: number;
  readonly address: Address;
  readonly role: Role;
}

/** Hash of all versions held; two unsigned 32-bit halves. */
export interface StateHash {
  readonly high: number;
  readonly low: number;
}

export type RefuseReason =
  | 'full'
  | 'cluster-mismatch'
  | 'protocol-mismatch'
  | 'self'
  | 'duplicate'
  | 'superseded'
  | 'invalid';

export type PushMode = 'eager' | 'lazy' | 'repair';

/** The dialer's first word. */
export interface HelloFrame {
  readonly kind: 'hello';
  readonly cluster: ClusterName;
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly member: Contact;
}

/** The acceptor's answer: the link stands. */
export interface WelcomeFrame {
  readonly kind: 'welcome';
  readonly protocol: number;
  readonly member: Contact;
  readonly contacts: readonly Contact[];
}

/** The acceptor's other answer: no link, and whom to try instead. */
export interface RefuseFrame {
  readonly kind: 'refuse';
  readonly reason: RefuseReason;
  readonly detail: string;
  readonly contacts: readonly Contact[];
}

/** A record, with its age and the hops it made up to the sender. */
export interface PushFrame {
  readonly kind: 'push';
  readonly mode: PushMode;
  readonly sealed: SealedRecord;
  readonly ageMs: number;
  readonly hops: number;
}

/** "Your eager push was a duplicate: push lazily from here on." */
export interface PruneFrame {
  readonly kind: 'prune';
}

/** "Your lazy push or repair was news: push eagerly from here on." */
export interface GraftFrame {
  readonly kind: 'graft';
}

/** Opens the periodic exchange; the other end answers with digests where the hashes differ. */
export interface RoundFrame {
  readonly kind: 'round';
  /** To be sent back at once, so that the round trip can be measured; 0 when that is not wanted. */
  readonly nonce: number;
  readonly hash: StateHash;
  readonly contacts: readonly Contact[];
}

/** Sends the nonce of a round back. */
export interface RoundReplyFrame {
  readonly kind: 'round-reply';
  readonly nonce: number;
}

export interface DigestEntry {
  readonly election: ElectionName;
  readonly version: Version;
}

/** Versions held for all elections with a name in (after, upTo]; `undefined` leaves that end open. */
export interface DigestFrame {
  readonly kind: 'digest';
  readonly after: ElectionName | undefined;
  readonly upTo: ElectionName | undefined;
  readonly entries: readonly DigestEntry[];
}

/** Asks for the records of these elections. */
export interface WantFrame {
  readonly kind: 'want';
  readonly elections: readonly ElectionName[];
}

export type Frame =
  | HelloFrame
  | WelcomeFrame
  | RefuseFrame
  | PushFrame
  | PruneFrame
  | GraftFrame
  | RoundFrame
  | RoundReplyFrame
  | DigestFrame
  | WantFrame;
