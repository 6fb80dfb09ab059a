/** The public surface of the gossip node. */
export { createGossipNode } from './gossip-node.ts';
export type { GossipNode, GossipNodeOptions } from './gossip-node.ts';
