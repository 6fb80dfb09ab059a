/** What the membership plane asks of, and tells, the other parts of a member. */
import type { Contact } from './contact.ts';
import type { LinkId, NodeId } from './ids.ts';
import type { Entry } from './member-table.ts';

export interface MembershipListener {
  isEager(link: LinkId): boolean;
  isLinked(nodeId: NodeId): boolean;
  /** Where a member is to be found in its present life. */
  memberKnown(contact: Contact, restarted: boolean): void;
  /** A state of another member was added or replaced. */
  stateChanged(entry: Entry, nowMs: number): void;
  /** Another member became unreachable, or is reachable again. */
  standingChanged(entry: Entry, nowMs: number): void;
  /** Another member was removed. */
  forgotten(nodeId: NodeId, nowMs: number): void;
}
