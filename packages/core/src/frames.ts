/**
 * What members say to each other on a link, in the domain's types. `@herald/wire` turns these into
 * bytes and back, and is the only place that checks them against the limits.
 */
import type { Contact } from './contact.ts';
import type { CarriedState, StateVersion } from './endpoint-state.ts';
import type { ClusterName, ElectionName, NodeId } from './ids.ts';
import type { SealedRecord } from './record.ts';
import type { Version } from './version.ts';

export interface ProtocolRange {
  readonly min: number;
  readonly max: number;
}

/** The protocol versions that this build speaks. 1 is the leader plane alone; 2 adds the membership. */
export const protocolVersions: ProtocolRange = { min: 1, max: 2 };

/** From this version on a link carries endpoint states, and something at least every `beatMs`. */
export const membershipProtocol = 2;

export type { Contact, Role } from './contact.ts';

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
  /** "I only want to know whether you answer": welcomed, and ended. */
  readonly probe: boolean;
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
  /** What the sender knows of the members; absent where the link does not carry the membership. */
  readonly members: MembersSummary | undefined;
  /** The sender says something on this link again within this time, milliseconds; 0 promises nothing. */
  readonly beatMs: number;
}

/** The hash of all (node id, generation, version) held of members that did not leave, and how many. */
export interface MembersSummary {
  readonly hash: StateHash;
  readonly count: number;
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

/**
 * "We differ: these are the hashes of what I hold, by bucket." Members fall into buckets by the first
 * bits of the hash of their node id; how many there are is a power of two.
 */
export interface MemberHashesFrame {
  readonly kind: 'member-hashes';
  readonly hashes: readonly StateHash[];
}

export interface MemberDigestEntry extends StateVersion {
  readonly nodeId: NodeId;
}

/** "In these buckets, out of `bucketCount`, this is all I hold: send what is newer, ask for the rest." */
export interface MemberDigestFrame {
  readonly kind: 'member-digest';
  readonly bucketCount: number;
  readonly buckets: readonly number[];
  readonly entries: readonly MemberDigestEntry[];
  /** No further digest follows the hashes that this answers. */
  readonly last: boolean;
}

/** States, as a push or in answer to a digest; and whose states are asked for in turn. */
export interface MemberDeltaFrame {
  readonly kind: 'member-delta';
  readonly states: readonly CarriedState[];
  readonly wants: readonly NodeId[];
  /** This ends the answer to a digest. */
  readonly done: boolean;
}

/**
 * A member that others find unreachable, as of one state of it. Members go by 32 bits of the hashes of their node ids here,
 * since hundreds of them may be told of at once: who cannot be told apart by that is told of by states alone.
 */
export interface Accused {
  readonly idHash: number;
  /** Of (node id, generation, version), signed halves: it is the state that the receiver holds, or means nothing. */
  readonly state: StateHash;
  readonly observers: readonly number[];
}

/** Who is found unreachable, and by whom: ahead of the states that say so, and for a fraction of their cost. */
export interface AccusationsFrame {
  readonly kind: 'accusations';
  readonly accused: readonly Accused[];
}

/** "Of these I know that they are unreachable, as far as a frame holds them. Who else?" Answered by accusations. */
export interface WhoElseFrame {
  readonly kind: 'who-else';
  readonly known: readonly number[];
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
  | WantFrame
  | MemberHashesFrame
  | MemberDigestFrame
  | MemberDeltaFrame
  | AccusationsFrame
  | WhoElseFrame;
