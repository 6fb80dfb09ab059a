/** What a member says of the whole tier: decides how its own views become the list that it answers with. */
import type { ClusterName, Contact, LinkView, MemberView } from '@herald/core';
import type { MemberFacts, MemberInfo, MemberList } from '@herald/wire';

export interface KnownMembers {
  readonly self: Contact;
  /** Everybody that could be dialled. */
  readonly contacts: readonly Contact[];
  /** Everybody who has said something of itself, this member included. */
  readonly members: readonly MemberView[];
  readonly links: readonly LinkView[];
}

/** This member first, then those that said something of themselves, then mere contacts. */
export function listMembers(cluster: ClusterName, known: KnownMembers, nowMs: number): MemberList {
  const links = new Map(known.links.map((link) => [link.peer.nodeId, link]));
  const views = new Map(known.members.map((view) => [view.state.contact.nodeId, view]));
  const { self } = known;
  const info = (contact: Contact): MemberInfo => {
    const view = views.get(contact.nodeId);
    const link = links.get(contact.nodeId);
    return {
      contact: view?.state.contact ?? contact,
      linked: link !== undefined,
      self: contact.nodeId === self.nodeId,
      roundTripMs: link?.roundTripMs ?? 0,
      ...(view === undefined ? {} : { facts: factsOf(view, nowMs) }),
    };
  };
  const others = known.members
    .map(({ state }) => state.contact)
    .filter(({ nodeId }) => nodeId !== self.nodeId);
  const heardOf = known.contacts.filter(({ nodeId }) => !views.has(nodeId));
  return { cluster, members: [self, ...others, ...heardOf].map(info) };
}

function factsOf(
  { state, reachability, suspectedBy, sinceMs }: MemberView,
  nowMs: number,
): MemberFacts {
  const { status, application } = state;
  const { zone, build, metadata, applied } = application;
  const forMs = Math.max(0, nowMs - sinceMs);
  return { status, reachability, suspectedBy, sinceMs: forMs, zone, build, metadata, applied };
}
