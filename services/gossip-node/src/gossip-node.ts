/**
 * A gossip node: a member that answers questions. Decides which services stand on its server, and the
 * order in which it goes: first balancers are told, then watches end, then links and the server.
 */
import { createMember, nodeServiceHandlers } from '@herald/member';
import type { Member, MemberOptions, NodeServiceOptions } from '@herald/member';
import type { Address, NodeId } from '@herald/core';
import { addNodeService } from '@herald/wire';
import { NodeHealth } from './health.ts';
import { addReflection } from './reflection.ts';

export interface GossipNodeOptions
  extends Omit<MemberOptions, 'role' | 'addServices'>, NodeServiceOptions {
  /** The standard health service; true unless given. */
  readonly health?: boolean;
  /** The standard reflection service; true unless given. */
  readonly reflection?: boolean;
}

export interface GossipNode extends AsyncDisposable {
  readonly nodeId: NodeId;
  /** Where clients and members reach it. */
  readonly address: Address;
  readonly member: Member;
  /** Says NOT_SERVING, ends watches with UNAVAILABLE, then links and the server. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a node: it answers when the promise resolves, and joins from then on.
 *
 * @throws MemberError `ADDRESS_IN_USE` or `LISTEN_FAILED`.
 */
export async function createGossipNode(options: GossipNodeOptions): Promise<GossipNode> {
  const { health: withHealth = true, reflection: withReflection = true, ...rest } = options;
  const health = withHealth ? new NodeHealth() : undefined;
  let answering: Member | undefined = undefined;
  const member = await createMember({
    ...rest,
    role: 'node',
    addServices: (server) => {
      addNodeService(
        server,
        nodeServiceHandlers(() => answering, rest),
      );
      health?.addTo(server);
      if (withReflection) addReflection(server);
    },
  });
  answering = member;
  health?.follow(() => member.isIsolated());
  const close = async (): Promise<void> => {
    health?.stop();
    await member.close();
  };
  return {
    nodeId: member.nodeId,
    address: member.address,
    member,
    close,
    [Symbol.asyncDispose]: close,
  };
}
