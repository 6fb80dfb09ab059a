/**
 * Decides who does not come back: a member that was forgotten is remembered by its last version, so
 * that no late message revives it. Only what it said after that counts.
 */
import { compareStateVersions } from './endpoint-state.ts';
import type { StateVersion } from './endpoint-state.ts';
import type { NodeId } from './ids.ts';
import { limits } from './limits.ts';

export class Quarantine {
  /** In the order in which they end: all last equally long. */
  readonly #held = new Map<NodeId, StateVersion & { readonly untilMs: number }>();

  get size(): number {
    return this.#held.size;
  }

  add(nodeId: NodeId, last: StateVersion, untilMs: number): void {
    this.#held.delete(nodeId);
    this.#held.set(nodeId, { generation: last.generation, version: last.version, untilMs });
    if (this.#held.size <= limits.quarantineMax) return;
    const [oldest] = this.#held.keys();
    if (oldest !== undefined) this.#held.delete(oldest);
  }

  /** Whether this was said before the member was forgotten. */
  blocks(nodeId: NodeId, offered: StateVersion): boolean {
    const last = this.#held.get(nodeId);
    return last !== undefined && compareStateVersions(offered, last) <= 0;
  }

  release(nodeId: NodeId): void {
    this.#held.delete(nodeId);
  }

  expire(nowMs: number): void {
    for (const [nodeId, { untilMs }] of this.#held) {
      if (untilMs > nowMs) return;
      this.#held.delete(nodeId);
    }
  }
}
