/**
 * The fence in front of a store: decides whether a write of a leader is still in time, by the one rule
 * that whoever has seen a later leadership takes nothing from an earlier one.
 *
 * A guard looks before the work begins; a fence looks where the work takes effect, so that a leader
 * that was paused in between writes nothing. `docs/FENCING.md` says why both are needed, and how to do
 * the same in SQL.
 */
import { ElectorError } from '../errors.ts';

/** Names one leadership; every later one has a higher token. */
export interface FencingToken {
  /** Counter of etcd histories, raised only by an operator. */
  readonly lineage: number;
  /** etcd create revision of the leader's key. */
  readonly epoch: bigint;
}

/** Negative when `a` is the earlier leadership, positive when the later, 0 when they are the same. */
export function compareTokens(a: FencingToken, b: FencingToken): number {
  if (a.lineage !== b.lineage) return a.lineage < b.lineage ? -1 : 1;
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  return 0;
}

export class Fence {
  #highest: FencingToken | undefined;

  /** @param highest what was seen before, by a store that outlives its process; store it with the data */
  constructor(highest?: FencingToken) {
    this.#highest = highest;
  }

  /** The latest leadership that was admitted. */
  get highest(): FencingToken | undefined {
    return this.#highest;
  }

  /**
   * Admits a write of this leadership and remembers it. Do the write in the same turn, or in the same
   * transaction: what is admitted and written later could be overtaken.
   *
   * @throws ElectorError `STALE_EPOCH` when a later leadership was admitted before.
   */
  admit({ lineage, epoch }: FencingToken): void {
    const token = { lineage, epoch };
    const highest = this.#highest;
    if (highest !== undefined && compareTokens(token, highest) < 0) {
      const late = `epoch ${token.epoch} of lineage ${token.lineage} is over`;
      const since = `epoch ${highest.epoch} of lineage ${highest.lineage} has written since`;
      throw new ElectorError('STALE_EPOCH', `${late}: ${since}`);
    }
    this.#highest = token;
  }
}

/** A fence for one thing that is written to: a row, a file, a store. */
export function fence(highest?: FencingToken): Fence {
  return new Fence(highest);
}
