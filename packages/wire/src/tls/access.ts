/**
 * Decides who may call what, by the role in the caller's certificate: members link to each other, all
 * may ask, and only operators change anything. The one table of it; what is not in it and not one of
 * the standard services is for operators, so that a new method is closed until somebody opens it.
 */
import type { ClusterName } from '@herald/core';
import { electorService, gossipService, nodeService } from '../services.ts';
import { peerRoles, refusalOf } from './peer-identity.ts';
import type { IdentityReading, PeerRole } from './peer-identity.ts';

const members = ['elector', 'node'] as const satisfies readonly PeerRole[];
const operators = ['operator'] as const satisfies readonly PeerRole[];

const rolesByPath = new Map<string, readonly PeerRole[]>([
  [gossipService.link.path, members],
  ...Object.values(nodeService).map(({ path }) => [path, peerRoles] as const),
  [electorService.confirm.path, peerRoles],
  [electorService.status.path, peerRoles],
  [electorService.stepDown.path, operators],
]);

/** Health and reflection: balancers and tools ask them, and they tell no secret. */
const isStandard = /^\/grpc\.(health|reflection)\./;

/** The roles that may call the method at `path`, e.g. `/herald.v1.Elector/StepDown`. */
export function rolesFor(path: string): readonly PeerRole[] {
  return rolesByPath.get(path) ?? (isStandard.test(path) ? peerRoles : operators);
}

/** Why the peer must not call the method at `path` of a member of `cluster`; undefined when it may. */
export function accessRefusal(
  path: string,
  peer: IdentityReading,
  cluster: ClusterName,
): Extract<IdentityReading, { kind: 'refused' }> | undefined {
  const refusal =
    peer.kind === 'refused' ? peer : refusalOf(peer.identity, cluster, rolesFor(path));
  if (refusal === undefined) return undefined;
  return { ...refusal, detail: `${path.slice(path.lastIndexOf('/') + 1)}: ${refusal.detail}` };
}
