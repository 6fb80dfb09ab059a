/**
 * Decides who in a cluster holds what: which certificates, by which of two authorities, and which keys. Each
 * holder has a folder of its own, under the same names, so that nobody has to be given what is another's.
 *
 * etcd has an authority of its own, as whoever it lets in decides who leads: a node's or a client's
 * certificate, which Herald's authority signs, opens nothing there.
 */
import type { ClusterName, NodeId } from '@herald/core';
import { formatPeerIdentity } from '@herald/wire';
import type { PeerRole } from '@herald/wire';
import type { CertificateRequest } from './certificate-authority.ts';

export interface ClusterPlan {
  readonly cluster: ClusterName;
  readonly electors: readonly NodeId[];
  /** Members of etcd, by the host names that others dial them by; none when etcd is somebody else's. */
  readonly etcd: readonly string[];
}

/** Whose word a certificate is taken on. */
export type AuthorityName = 'herald' | 'etcd';

/** Names of the files in which a certificate, its key and its authority lie. */
export interface CertificateNames {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface HeldCertificate {
  readonly authority: AuthorityName;
  readonly names: CertificateNames;
  readonly request: CertificateRequest;
}

export interface Holding {
  /** Whose it is, and what its folder is called. */
  readonly holder: string;
  readonly certificates: readonly HeldCertificate[];
  /** Has a key to sign records with. */
  readonly signs: boolean;
  /** Has the public halves of all electors' keys. */
  readonly verifies: boolean;
}

const own: CertificateNames = { ca: 'ca.pem', cert: 'cert.pem', key: 'cert.key' };
const forEtcd: CertificateNames = { ca: 'etcd-ca.pem', cert: 'etcd.pem', key: 'etcd.key' };

/** What electors sign with, and what everybody verifies with. */
export const keyNames = { signing: 'signing.key', trusted: 'trusted-keys.pem' } as const;

/** The folder of the authorities themselves; nobody but the next run needs it. */
export const authorityFolder = 'authority';

/** Held once for the role: certificates without a name. */
const sharedRoles = ['node', 'client', 'operator'] as const satisfies readonly PeerRole[];

/** By this name members of etcd know each other, so that an elector, whom etcd also lets in, is none of them. */
export const etcdMemberName = 'etcd';
/** From within its own container or machine, as health checks ask. */
const loopback = ['localhost', '127.0.0.1'];

/** Why the names of a plan cannot be folders side by side, or undefined. */
export function planProblem({ electors, etcd }: ClusterPlan): string | undefined {
  const taken = new Set<string>([...sharedRoles, authorityFolder]);
  for (const name of [...electors, ...etcd]) {
    if (taken.has(name)) return `${name} is the name of two, or of a role`;
    taken.add(name);
  }
  return undefined;
}

export function holdingsOf({ cluster, electors, etcd }: ClusterPlan): readonly Holding[] {
  const identified = (role: PeerRole, name?: NodeId): HeldCertificate => {
    const identity = { cluster, role, ...(name === undefined ? {} : { name }) };
    const request = { uris: [formatPeerIdentity(identity)] };
    return { authority: 'herald', names: own, request };
  };
  return [
    ...electors.map((elector) => ({
      holder: elector,
      // etcd looks up host names in what callers show it, so there are none in this one.
      certificates: [
        identified('elector', elector),
        ...(etcd.length === 0 ? [] : [certificateForEtcd(elector)]),
      ],
      signs: true,
      verifies: true,
    })),
    ...sharedRoles.map((role) => ({
      holder: role,
      certificates: [identified(role)],
      signs: false,
      verifies: true,
    })),
    ...etcd.map((member) => ({
      holder: member,
      certificates: [certificateOfEtcd(member)],
      signs: false,
      verifies: false,
    })),
  ];
}

function certificateForEtcd(elector: NodeId): HeldCertificate {
  return { authority: 'etcd', names: forEtcd, request: { commonName: elector } };
}

function certificateOfEtcd(member: string): HeldCertificate {
  const request = { commonName: etcdMemberName, hosts: [member, ...loopback] };
  return { authority: 'etcd', names: own, request };
}
