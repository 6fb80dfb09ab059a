/**
 * Every number that trades one thing for another, with the trade beside it. Bounds that protect
 * (`limits.ts`) are not tuned; these are.
 */
export interface EngineTuning {
  /**
   * Links a member dials. The overlay is then a random graph of average degree 2 × fan-out, whose
   * diameter is about ln N / ln(2 × fan-out): 3 to 4 for 500 members at 4. More links mean fewer hops
   * when every link pushes and more survivors of a mass failure, at the price of idle traffic and memory.
   */
  readonly fanout: number;
  /** Inbound links accepted before a dialler is sent elsewhere. Bounds the burst that one member pays for a push. */
  readonly inboundLinks: number;
  /**
   * A lazy link pushes a change after this delay, plus up to half as much at random, unless the
   * other end has shown it by then; the end that accepted the link waits 1.75 times as long, so that
   * one push per lazy link is the rule. Longer: fewer needless pushes on a slow network. Shorter: a
   * broken tree is by-passed sooner.
   */
  readonly lazyDelayMs: number;
  /**
   * What the tree is given to deliver a renewal before anti-entropy repairs it. Above the time that a
   * push takes through the whole tree, so that a round does not race the tree.
   */
  readonly treeGraceMs: number;
  /**
   * A duplicate that made this many hops fewer than the copy which came first takes the first one's
   * place in the tree. Lower: a flatter tree, and more grafts and prunes while it settles.
   */
  readonly flattenHops: number;
  /** Time between anti-entropy rounds. A lost message is repaired within about one. */
  readonly roundMs: number;
  /** Links compared in one round while all is well; and when a record seems to be missed. */
  readonly roundLinks: number;
  readonly roundLinksWhenStale: number;
  /** How long a dialled or accepted link may take to greet. */
  readonly handshakeMs: number;
  /** First re-dial delay; doubled at each failure up to the maximum, with full jitter. */
  readonly redialMs: number;
  readonly redialMsMax: number;
  /** How long a member that said "full" is left alone (±50 %). */
  readonly fullBackoffMs: number;
  /** An outbound link is replaced about this often, so that the graph stays random; 0 never. */
  readonly rotationMs: number;
  /** Without a link for this long, a member that knows of others is isolated: an alarm. */
  readonly isolationMs: number;
}

export const defaultTuning: EngineTuning = {
  fanout: 4,
  inboundLinks: 16,
  lazyDelayMs: 40,
  treeGraceMs: 250,
  flattenHops: 2,
  roundMs: 1000,
  roundLinks: 1,
  roundLinksWhenStale: 3,
  handshakeMs: 5000,
  redialMs: 200,
  redialMsMax: 10_000,
  fullBackoffMs: 5000,
  rotationMs: 120_000,
  isolationMs: 5000,
};
