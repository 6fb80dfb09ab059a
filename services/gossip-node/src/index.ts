/** The public surface of the gossip node. */
export { createGossipNode } from './gossip-node.ts';
export type { GossipNode, GossipNodeOptions } from './gossip-node.ts';
export { addNodeRoutes } from './http/node-routes.ts';
export type { HttpMember } from './http/node-routes.ts';
