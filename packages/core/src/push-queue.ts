/**
 * Decides which changes of members travel together: each link has the members whose state it is to be
 * sent and one moment at which they go, so that a burst becomes a few frames. What the other end
 * shows meanwhile is taken off. It holds names, not states: what goes out is what is newest then.
 */
import type { LinkId, NodeId } from './ids.ts';

interface LinkQueue {
  readonly members: Set<NodeId>;
  dueMs: number;
}

export class PushQueue {
  readonly #links = new Map<LinkId, LinkQueue>();
  #nextMs = Infinity;

  /** When something is due, or sooner. */
  get nextMs(): number {
    return this.#nextMs;
  }

  linkUp(link: LinkId): void {
    this.#links.set(link, { members: new Set(), dueMs: Infinity });
  }

  linkDown(link: LinkId): void {
    this.#links.delete(link);
  }

  links(): IterableIterator<LinkId> {
    return this.#links.keys();
  }

  has(link: LinkId): boolean {
    return this.#links.has(link);
  }

  /** An earlier moment hastens all that waits for this link. */
  add(link: LinkId, member: NodeId, dueMs: number): void {
    const queue = this.#links.get(link);
    if (queue === undefined) return;
    queue.members.add(member);
    this.#due(queue, dueMs);
  }

  /** The other end has it. */
  drop(link: LinkId, member: NodeId): void {
    this.#links.get(link)?.members.delete(member);
  }

  /** Hands what is due to `send`, which says when to come back for what it could not take. */
  flush(nowMs: number, send: (link: LinkId, members: Set<NodeId>) => number): void {
    if (nowMs < this.#nextMs) return;
    this.#nextMs = Infinity;
    for (const [link, queue] of this.#links) {
      if (queue.dueMs > nowMs) {
        this.#nextMs = Math.min(this.#nextMs, queue.dueMs);
        continue;
      }
      queue.dueMs = Infinity;
      if (queue.members.size > 0) this.#due(queue, send(link, queue.members));
    }
  }

  #due(queue: LinkQueue, dueMs: number): void {
    queue.dueMs = Math.min(queue.dueMs, dueMs);
    this.#nextMs = Math.min(this.#nextMs, queue.dueMs);
  }
}
