/** Between the overlay, which has the links, and the planes that run over them. */
import type { Contact } from './contact.ts';
import type { CloseCause } from './effects.ts';
import type { LinkId } from './ids.ts';
import type { Link } from './links.ts';

/** What the overlay needs from the planes that run over its links, and tells them. */
export interface OverlayListener {
  /** Whether losing this link would cut a branch of the tree. */
  isEager(link: LinkId): boolean;
  linkUp(link: Link, nowMs: number): void;
  /** `cause` is undefined where we ended the link ourselves. */
  linkDown(link: Link, cause: CloseCause | undefined, nowMs: number): void;
  /** The member that we dialled answered, whatever it said; or did not, or another one did in its place. */
  dialAnswered(target: Contact, nowMs: number): void;
  /** At its address somebody accepted a connection, which was all that was asked for. */
  dialAccepted(target: Contact, nowMs: number): void;
  dialFailed(target: Contact, cause: 'refused' | 'lost', nowMs: number): void;
  /** Another process has our node id: it greeted us, or we are refused because of it. */
  namesake(theirs: Contact, nowMs: number): void;
}
