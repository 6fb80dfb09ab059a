/** Who a member is and how to reach it: the part of its identity that every frame may carry. */
import type { Address, NodeId } from './ids.ts';

export type Role = 'node' | 'elector';

/** How to reach a member, and which of its lives is meant. */
export interface Contact {
  readonly nodeId: NodeId;
  /** Grows with each restart of the same node id. */
  readonly generation: number;
  readonly address: Address;
  readonly role: Role;
}
