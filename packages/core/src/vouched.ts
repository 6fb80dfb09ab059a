/**
 * Decides whether a member is who its certificate says. The shell reads certificates; what it found of
 * the other end of a link stands here in the domain's words.
 */
import type { Contact, Role } from './contact.ts';
import type { NodeId } from './ids.ts';

/** What a certificate says of the other end of a link. Without a node id it may go by any. */
export interface Vouched {
  readonly role: Role;
  readonly nodeId?: NodeId;
}

/** What is wrong when `member` greets on a link of which `vouched` is known; undefined when nothing is. */
export function impostureOf(vouched: Vouched | undefined, member: Contact): string | undefined {
  if (vouched === undefined) return undefined;
  const { role, nodeId = member.nodeId } = vouched;
  if (role === member.role && nodeId === member.nodeId) return undefined;
  const certified = `${role}/${vouched.nodeId ?? '*'}`;
  return `the certificate is that of ${certified}, the greeting that of ${member.role}/${member.nodeId}`;
}
