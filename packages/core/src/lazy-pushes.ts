/**
 * Decides when a lazy link is looked at again: one appointment per link and election, however many
 * changes come meanwhile, so that the schedule never outgrows links × elections. When it is kept,
 * the newest record is what counts.
 */
import type { ElectionName, LinkId } from './ids.ts';

export interface LazyPush {
  readonly link: LinkId;
  readonly election: ElectionName;
}

export class LazyPushes {
  readonly #dueMs = new Map<LinkId, Map<ElectionName, number>>();
  #nextMs = Infinity;

  /** When the next one is due, or sooner. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** An appointment that stands already is kept: a later change must not put it off. */
  add(link: LinkId, election: ElectionName, dueMs: number): void {
    let ofLink = this.#dueMs.get(link);
    if (ofLink === undefined) {
      ofLink = new Map();
      this.#dueMs.set(link, ofLink);
    }
    if (ofLink.has(election)) return;
    ofLink.set(election, dueMs);
    this.#nextMs = Math.min(this.#nextMs, dueMs);
  }

  forget(link: LinkId): void {
    this.#dueMs.delete(link);
  }

  /** Removes and returns those that are due. */
  take(nowMs: number): LazyPush[] {
    if (nowMs < this.#nextMs) return [];
    this.#nextMs = Infinity;
    const due: LazyPush[] = [];
    for (const [link, ofLink] of this.#dueMs) {
      for (const [election, dueMs] of ofLink) {
        if (dueMs > nowMs) {
          this.#nextMs = Math.min(this.#nextMs, dueMs);
          continue;
        }
        ofLink.delete(election);
        due.push({ link, election });
      }
      if (ofLink.size === 0) this.#dueMs.delete(link);
    }
    return due;
  }
}
