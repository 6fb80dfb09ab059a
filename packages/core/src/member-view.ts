/** A member as others may see it: what it says of itself, and what this member makes of it. */
import type { EndpointState, StateVersion } from './endpoint-state.ts';
import type { ElectionName, NodeId } from './ids.ts';
import type { Version } from './version.ts';

/** Unreachable: enough of the live observers say so, or it left. */
export type Reachability = 'reachable' | 'unreachable';

export interface MemberView {
  readonly state: EndpointState;
  readonly reachability: Reachability;
  /** Live members that find it unreachable, as of its present state. */
  readonly suspectedBy: number;
  /** Since when it is what it is: reachable, unreachable, or gone; this member's clock, milliseconds. */
  readonly sinceMs: number;
  /** This member holds a link to it now. */
  readonly linked: boolean;
  readonly self: boolean;
}

/** How many members there are of each kind; this member is one of the live. */
export interface MemberCounts {
  readonly live: number;
  readonly unreachable: number;
  readonly left: number;
}

/** A live member that has not applied the newest change, as far as this member knows. */
export interface BehindMember extends StateVersion {
  readonly nodeId: NodeId;
  /** The change that it told of last; undefined when it told of none. */
  readonly applied: Version | undefined;
}

/** "498 of 500 at epoch 17, and these are behind." */
export interface Convergence {
  readonly election: ElectionName;
  /** The newest change that any live member knows; undefined when nobody knows of this election. */
  readonly newest: Version | undefined;
  /** Live members that have applied it; they tell it with some delay. */
  readonly applied: number;
  readonly live: number;
  /** Those that have not, the farthest behind first; at most `limits.behindMax`. */
  readonly behind: readonly BehindMember[];
}
