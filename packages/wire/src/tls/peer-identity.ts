/**
 * Decides who a certificate speaks for: the one URI `herald://CLUSTER/ROLE[/NAME]` among its subject
 * alternative names. Host names and addresses in it mean nothing here, since members are dialled at
 * addresses that change; that a trusted authority signed it has been checked before.
 *
 * Elector and node certificates name the one member that may use them. Without a name any member of
 * that role may: one certificate for a fleet, and whoever takes it can be any of them.
 */
import { InvalidValueError, parseClusterName, parseNodeId } from '@herald/core';
import type { ClusterName, NodeId, Vouched } from '@herald/core';

/** What the holder of a certificate is: members are electors and nodes, all others only ask. */
export const peerRoles = ['elector', 'node', 'client', 'operator'] as const;
export type PeerRole = (typeof peerRoles)[number];

/** Who is at the other end of a connection, by its certificate. */
export interface PeerIdentity {
  readonly cluster: ClusterName;
  readonly role: PeerRole;
  /** The node id of a member, or how a client or operator wants to be called. */
  readonly name?: NodeId;
}

/** Why a certificate speaks for nobody here; for counters. */
export type IdentityRefusal =
  'no-identity' | 'several-identities' | 'malformed-identity' | 'wrong-cluster' | 'wrong-role';

export type IdentityReading =
  | { readonly kind: 'identity'; readonly identity: PeerIdentity }
  | { readonly kind: 'refused'; readonly reason: IdentityRefusal; readonly detail: string };

/** Names of a sane certificate are a few hundred bytes; TLS itself would allow some 100 kB. */
const alternativeNamesBytesMax = 16_384;
/** `herald://` + two names of 128 + a role + slashes. */
const uriBytesMax = 280;

/**
 * Reads the subject alternative names as Node writes them: `URI:…, DNS:…`, and a name with anything in
 * it that could be mistaken (a comma, a quote, a control character) as a JSON string.
 */
export function readIdentity(alternativeNames: string | undefined): IdentityReading {
  const text = alternativeNames ?? '';
  if (text.length > alternativeNamesBytesMax) {
    return refused('malformed-identity', 'the names in the certificate are too long');
  }
  const uris = heraldUris(text);
  const [uri] = uris;
  if (uri === undefined) {
    return refused(
      'no-identity',
      'the certificate has no URI herald://CLUSTER/ROLE/NAME among its subject alternative names',
    );
  }
  if (uris.length > 1) {
    return refused('several-identities', 'the certificate has more than one herald: URI');
  }
  const identity = parsePeerIdentity(uri);
  if (identity === undefined) {
    return refused(
      'malformed-identity',
      `the herald: URI of the certificate is none: ${JSON.stringify(uri.slice(0, uriBytesMax))}`,
    );
  }
  return { kind: 'identity', identity };
}

/** Whether this identity belongs to `cluster` and has one of `roles`; else why not. */
export function refusalOf(
  identity: PeerIdentity,
  cluster: ClusterName,
  roles: readonly PeerRole[],
): Extract<IdentityReading, { kind: 'refused' }> | undefined {
  const own = formatPeerIdentity(identity);
  if (identity.cluster !== cluster) {
    return refused('wrong-cluster', `the certificate is ${own}, and this is cluster "${cluster}"`);
  }
  if (roles.includes(identity.role)) return undefined;
  return refused(
    'wrong-role',
    `a certificate of role ${roles.join(' or ')} is needed, and this one is ${own}`,
  );
}

/** @returns undefined unless `uri` is exactly `herald://CLUSTER/ROLE` or `herald://CLUSTER/ROLE/NAME`. */
export function parsePeerIdentity(uri: string): PeerIdentity | undefined {
  if (uri.length > uriBytesMax) return undefined;
  const match = /^herald:\/\/([^/]+)\/([^/]+)(?:\/([^/]+))?$/.exec(uri);
  const [, cluster = '', word, name] = match ?? [];
  const role = peerRoles.find((known) => known === word);
  if (match === null || role === undefined) return undefined;
  try {
    return {
      cluster: parseClusterName(cluster),
      role,
      ...(name === undefined ? {} : { name: parseNodeId(name) }),
    };
  } catch (thrown) {
    if (thrown instanceof InvalidValueError) return undefined;
    throw thrown;
  }
}

export function formatPeerIdentity({ cluster, role, name }: PeerIdentity): string {
  return `herald://${cluster}/${role}${name === undefined ? '' : `/${name}`}`;
}

/** What a certificate vouches for of the member that shows it; undefined when it is no member's. */
export function vouchedBy({ role, name }: PeerIdentity): Vouched | undefined {
  if (role !== 'elector' && role !== 'node') return undefined;
  return { role, ...(name === undefined ? {} : { nodeId: name }) };
}

/** All URIs of our scheme; one that Node had to quote counts, and can then be nothing valid. */
function heraldUris(alternativeNames: string): readonly string[] {
  const uris: string[] = [];
  for (const [, type, value = ''] of alternativeNames.matchAll(
    /(?:^|, )([^:,"]+):("(?:[^"\\]|\\.)*"|[^,]*)/g,
  )) {
    const isOurs = type === 'URI' && /^"?herald:/i.test(value);
    if (isOurs) uris.push(value);
  }
  return uris;
}

function refused(
  reason: IdentityRefusal,
  detail: string,
): Extract<IdentityReading, { kind: 'refused' }> {
  return { kind: 'refused', reason, detail };
}
