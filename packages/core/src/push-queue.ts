/**
 * Decides which changes of members travel together: each link has the members whose state it is to be
 * sent, and there is one moment at which all of them go, so that a burst becomes a few frames. What
 * another end shows meanwhile is taken off. It holds names, not states: what goes out is what is
 * newest then.
 */
import type { LinkId, NodeId } from './ids.ts';

export class PushQueue {
  readonly #waiting = new Map<LinkId, Set<NodeId>>();
  #dueMs = Infinity;

  get dueMs(): number {
    return this.#dueMs;
  }

  linkUp(link: LinkId): void {
    this.#waiting.set(link, new Set());
  }

  linkDown(link: LinkId): void {
    this.#waiting.delete(link);
  }

  links(): IterableIterator<LinkId> {
    return this.#waiting.keys();
  }

  has(link: LinkId): boolean {
    return this.#waiting.has(link);
  }

  /** Goes with what waits already, whenever that is due. */
  join(link: LinkId, member: NodeId, dueMs: number): void {
    this.add(link, member, this.#dueMs === Infinity ? dueMs : this.#dueMs);
  }

  /** An earlier moment hastens all that waits. */
  add(link: LinkId, member: NodeId, dueMs: number): void {
    const members = this.#waiting.get(link);
    if (members === undefined) return;
    members.add(member);
    this.#dueMs = Math.min(this.#dueMs, dueMs);
  }

  /** All that waits goes no sooner than that. */
  postpone(untilMs: number): void {
    if (this.#dueMs !== Infinity) this.#dueMs = Math.max(this.#dueMs, untilMs);
  }

  /** The other end has it. */
  drop(link: LinkId, member: NodeId): void {
    this.#waiting.get(link)?.delete(member);
  }

  /** Hands what waits to `send` when it is due; what that leaves in the set is due at `againMs`. */
  flush(nowMs: number, againMs: number, send: (link: LinkId, members: Set<NodeId>) => void): void {
    if (nowMs < this.#dueMs) return;
    this.#dueMs = Infinity;
    for (const [link, members] of this.#waiting) {
      if (members.size === 0) continue;
      send(link, members);
      if (members.size > 0) this.#dueMs = againMs;
    }
  }
}
