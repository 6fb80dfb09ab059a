/**
 * Decides what a worker notes when one of its nodes applies a record: for each change the moment and
 * the hops of the first record that told of it, be it the change itself or a renewal, and nothing
 * more, so that measuring costs the measured next to nothing. The lab asks once things are quiet.
 */

/** When a node first knew of a change, and over how many links the news came. */
export interface Arrival {
  readonly atMs: number;
  readonly hops: number;
}

/** Changes kept; the lab asks for one within seconds, so that older ones are of no use. */
export const changesKeptMax = 64;

export class ArrivalTable {
  /** By change, in the order in which the changes were first seen, and by the place of the node. */
  readonly #byChange = new Map<string, Map<number, Arrival>>();

  note(node: number, change: string, arrival: Arrival): void {
    let row = this.#byChange.get(change);
    if (row === undefined) {
      row = new Map();
      this.#byChange.set(change, row);
      this.#forgetOldest();
    }
    if (!row.has(node)) row.set(node, arrival);
  }

  /** One place for each of the first `nodes` nodes, null for one that has not heard of the change. */
  arrivals(change: string, nodes: number): readonly (Arrival | null)[] {
    const row = this.#byChange.get(change);
    return Array.from({ length: nodes }, (_, node) => row?.get(node) ?? null);
  }

  #forgetOldest(): void {
    if (this.#byChange.size <= changesKeptMax) return;
    const [oldest] = this.#byChange.keys();
    if (oldest !== undefined) this.#byChange.delete(oldest);
  }
}
