/**
 * Gossip nodes in the test's own process, each with a port and links of its own. Whatever they are
 * given or would answer is judged at once (P2).
 */
import { parseAddress, parseClusterName, parseElectionName, parseNodeId } from '@herald/core';
import type { ElectionName } from '@herald/core';
import { createGossipNode } from '@herald/gossip-node';
import type { GossipNode } from '@herald/gossip-node';
import type { LeaderAnswer } from '@herald/wire';
import { appliedOf } from '../fixtures/sampling-protocol.ts';
import type { ForwardOnly } from './forward-only.ts';

export interface NodeGroupPlan {
  readonly cluster: string;
  readonly election: string;
  readonly count: number;
  readonly judge: ForwardOnly;
}

export class NodeGroup implements AsyncDisposable {
  readonly #nodes: GossipNode[] = [];
  readonly #watches: Promise<void>[] = [];
  readonly #watched = new Map<string, LeaderAnswer>();
  readonly #plan: NodeGroupPlan;
  readonly #election: ElectionName;

  private constructor(plan: NodeGroupPlan) {
    this.#plan = plan;
    this.#election = parseElectionName(plan.election);
  }

  static async start(plan: NodeGroupPlan): Promise<NodeGroup> {
    const group = new NodeGroup(plan);
    try {
      for (let index = 1; index <= plan.count; index++) await group.#startNode(`node-${index}`);
      return group;
    } catch (error) {
      await group[Symbol.asyncDispose]();
      throw error;
    }
  }

  get addresses(): readonly string[] {
    return this.#nodes.map(({ address }) => address);
  }

  /** What each of them would answer now. */
  answers(election: string = this.#election): LeaderAnswer[] {
    return this.#nodes.map(({ member }) => {
      const answer = member.answer(parseElectionName(election));
      this.#plan.judge.noteAnswer(`question to ${member.nodeId}`, election, answer);
      return answer;
    });
  }

  /** What the watch of each of them gave last. */
  get watched(): readonly LeaderAnswer[] {
    return [...this.#watched.values()];
  }

  /** Whether one of them has a link to that member. */
  know(nodeId: string): boolean {
    return this.#nodes.some(({ member }) =>
      member.members().members.some(({ contact, linked }) => linked && contact.nodeId === nodeId),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.close()));
    await Promise.all(this.#watches);
  }

  async #startNode(name: string): Promise<void> {
    const { judge, cluster } = this.#plan;
    const node = await createGossipNode({
      cluster: parseClusterName(cluster),
      nodeId: parseNodeId(name),
      listen: { host: '127.0.0.1', port: 0 },
      seeds: this.addresses.slice(0, 3).map((address) => parseAddress(address)),
      observer: {
        applied: ({ sealed }) => {
          judge.note(name, appliedOf(sealed.record));
        },
      },
    });
    this.#nodes.push(node);
    this.#watches.push(this.#watch(node));
  }

  /** Ends with the node. */
  async #watch({ member }: GossipNode): Promise<void> {
    for await (const answer of member.watch(this.#election)) {
      this.#watched.set(member.nodeId, answer);
      this.#plan.judge.noteAnswer(`watch of ${member.nodeId}`, this.#election, answer);
    }
  }
}
