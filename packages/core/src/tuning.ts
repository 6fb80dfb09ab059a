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

  /**
   * Off: the leader plane alone. No states, no beats, no verdicts; the member greets with protocol 1. For
   * simulations of ten thousand, and for fleets that have a membership of their own.
   */
  readonly membership: boolean;
  /** An urgent change waits up to this long for others to travel with. Longer: fewer frames, later news. */
  readonly batchMs: number;
  /**
   * Other changes (joins, applied versions, metadata) wait up to this long, and go along the tree. At
   * a change of leader every state changes: a frame then carries what came within this time.
   */
  readonly bulkBatchMs: number;
  /**
   * While many change at once (a mass failure, a fleet that starts), all changes wait up to this long, urgent ones
   * too: what a frame costs, not what is in it, is what keeps a fleet busy then.
   */
  readonly burstBatchMs: number;
  /**
   * Who is found unreachable goes to `accusedLinks` links within `batchMs`, and again within this time when more have found
   * it; later where this member is behind itself. Longer: fewer frames in a mass failure, `accusedBatchMs` more per hop.
   */
  readonly accusedBatchMs: number;
  /** And to this many links each time, those of the tree first. An epidemic of three reaches all but e^-3 of a fleet, each time. */
  readonly accusedLinks: number;
  /**
   * But to this many while several are lost at once: each survivor finds some of them then, and neighbours are asked for
   * what is missing. One: a third of the frames of three, for half a second more.
   */
  readonly accusedLinksInMass: number;
  /**
   * The state that says whom a member finds unreachable follows after up to members × `accusedDelayMsPerMember` (at
   * most `accusedDelayMsMax`): those who come later need it, nobody waits for it.
   */
  readonly accusedDelayMsPerMember: number;
  readonly accusedDelayMsMax: number;
  /**
   * Between two words of a member about itself at least max(`wordGapMs`, members × `wordGapMsPerMember`),
   * at most `wordGapMsMax`: so the fleet hears of 1000 / `wordGapMsPerMember` words per second, however many
   * members find however many others gone. A first word is never held back. Longer: a mass failure costs
   * less, and takes a little longer to be agreed on.
   */
  readonly wordGapMs: number;
  readonly wordGapMsPerMember: number;
  readonly wordGapMsMax: number;
  /**
   * A member tells which leader changes it has applied after max(`appliedDelayMsMin`, members ×
   * `appliedDelayMsPerMember`) ± 50 %, at most `appliedDelayMsMax`: so the fleet hears of
   * 1000 / `appliedDelayMsPerMember` states per second at most, whatever its size. Shorter:
   * convergence shows sooner, and competes with the clients that follow the leader.
   */
  readonly appliedDelayMsMin: number;
  readonly appliedDelayMsPerMember: number;
  readonly appliedDelayMsMax: number;
  /** A round that finds the members different does not compare while news came within this time: it races pushes. */
  readonly syncGraceMs: number;
  /** But it compares at least this often, however much is going on. */
  readonly syncEveryMs: number;
  /** A comparison that got no answer for this long is given up, and another link may serve. */
  readonly syncTimeoutMs: number;

  /**
   * A member says something at least this often on the links that it dialled: the members at their other
   * ends, `fanout` of them, watch it. Idle cost is up to `fanout` / `beatMs` frames per second. A
   * silent death is noticed after about `beatMs` + 5.2 × `phiDeviationMsMin` (see `phiThreshold`).
   */
  readonly beatMs: number;
  /**
   * And this often on the links that others dialled, so that nobody stands on a link for ever whose other
   * end is gone. Shorter: more watch each member, at some degree / `slowBeatMs` frames per second.
   */
  readonly slowBeatMs: number;
  /**
   * With so many links or fewer a member asks the other ends whenever they are silent for longer than `beatMs`. All of its
   * links may lead to the dead, and it would be the last to know. More: more members ask, two frames per link and 3.5 s each.
   */
  readonly lonelyLinks: number;
  /**
   * Suspicion at which the other end of a link is called unreachable:
   * phi = −log10 P(a beat comes later than now). 8 is one wrong verdict in 10^8 silences, were they normal. With the
   * smallest deviation that is `beatMs` + 5.2 × `phiDeviationMsMin` of silence. Lower: sooner, and
   * more that is refuted.
   */
  readonly phiThreshold: number;
  /** Suspicion at which the other end is asked whether it is there; one lost beat is no verdict then. */
  readonly phiDoubt: number;
  /** How often it is asked, until it answers or the threshold is crossed. */
  readonly pingEveryMs: number;
  /** Late beats that the deviation is taken from. More: slower to forget a bad minute. */
  readonly phiWindow: number;
  /** The deviation of beats is taken for at least this: what a busy machine and a network add now and then. */
  readonly phiDeviationMsMin: number;
  /** Woken this much later than asked for, we take it that we were paused, and judge nobody by that time. */
  readonly pauseMs: number;
  /**
   * Woken this much later than asked for, we are too busy to tell others' slowness from our own: dials that
   * time out are no evidence for a while. Above what timers and a collector of garbage take now and then.
   */
  readonly sluggishMs: number;
  /**
   * Observers that must find a member unreachable until everybody takes it for that. More: a few broken
   * machines or links convince nobody; but more of the fleet must be asked when most observers died too.
   */
  readonly quorum: number;
  /**
   * While many are lost at once, a member that finds another one unreachable waits for others' words: at random up
   * to members × `patienceMsPerMember`, within the bounds given. It says nothing then of those that a quorum has named. Longer: fewer words in a mass failure, each of which goes to all; but each
   * silence takes longer to be told from an end.
   */
  readonly patienceMsMin: number;
  readonly patienceMsMax: number;
  readonly patienceMsPerMember: number;
  /**
   * While too few observers doubt a member, others dial it: this many per second in the whole
   * fleet, each member by chance `probesPerSecond` / live members. More: a quorum sooner, and more dials at a member in trouble.
   */
  readonly probesPerSecond: number;
  /**
   * Each death that is declared makes this many members, in the whole fleet, look after one that nobody doubts and that
   * has said nothing since: who died with all its observers is found so. With D deaths among N survivors a forgotten
   * one is missed with probability e^(−`probesPerDeath` × D / N) at the most.
   */
  readonly probesPerDeath: number;
  /** How long a probe may take: one lost SYN is sent again after a second. */
  readonly probeTimeoutMs: number;
  /**
   * Lost members, and seeds behind which nobody live is known, are dialled for ever: each of them this many times
   * per second in the whole fleet, but by no member more often than every `retryMs` (± 50 %). So one dead
   * machine is not dialled by thousands, and of a fleet cut in half somebody notices the healing at
   * once. Lower: a small island waits longer, about 1 / `retriesPerSecond`.
   */
  readonly retriesPerSecond: number;
  readonly retryMs: number;
  /** An observer that was refuted dials again after this, doubled at each refutation, up to the maximum. */
  readonly recheckMs: number;
  readonly recheckMsMax: number;
  /** A member that has found nobody for this long is the first one, and is up. */
  readonly joinMs: number;
  /** A member that left is listed this long, and no late message revives it. */
  readonly tombstoneMs: number;
  /** An unreachable member is forgotten after this. Longer than any partition that is to heal by itself. */
  readonly forgetUnreachableMs: number;
  /** Who was forgotten is not taken back at the same or a lower version for this long. */
  readonly quarantineMs: number;
  /**
   * A process whose node id another one claims takes it back after this, doubled each time up to the
   * maximum: so the two are heard of, and do not take turns all day.
   */
  readonly reclaimMs: number;
  readonly reclaimMsMax: number;
  /** Breaks one rule, so that a checker can show that it notices. Never set outside of such a test. */
  readonly brokenRule: BrokenRule | undefined;
}

/**
 * `accept-older`: a state replaces any other, newer ones too. `revive-left`: who left comes back by a
 * late message. `never-refute`: a member that reads that it is unreachable lets it stand.
 */
export type BrokenRule = 'accept-older' | 'revive-left' | 'never-refute';

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
  membership: true,
  batchMs: 20,
  bulkBatchMs: 250,
  burstBatchMs: 500,
  accusedBatchMs: 250,
  accusedLinks: 3,
  accusedLinksInMass: 1,
  accusedDelayMsPerMember: 40,
  accusedDelayMsMax: 60_000,
  wordGapMs: 250,
  wordGapMsPerMember: 1,
  wordGapMsMax: 1000,
  appliedDelayMsMin: 2000,
  appliedDelayMsPerMember: 40,
  appliedDelayMsMax: 300_000,
  syncGraceMs: 400,
  syncEveryMs: 10_000,
  syncTimeoutMs: 2000,
  beatMs: 3000,
  slowBeatMs: 12_000,
  lonelyLinks: 5,
  phiThreshold: 8,
  phiDoubt: 1,
  pingEveryMs: 500,
  phiWindow: 16,
  phiDeviationMsMin: 400,
  pauseMs: 200,
  sluggishMs: 60,
  quorum: 3,
  patienceMsMin: 100,
  patienceMsMax: 500,
  patienceMsPerMember: 1,
  probesPerSecond: 12,
  probesPerDeath: 8,
  probeTimeoutMs: 1500,
  retriesPerSecond: 0.5,
  retryMs: 4000,
  recheckMs: 10_000,
  recheckMsMax: 300_000,
  joinMs: 5000,
  tombstoneMs: 3_600_000,
  forgetUnreachableMs: 24 * 3_600_000,
  quarantineMs: 24 * 3_600_000,
  reclaimMs: 10_000,
  reclaimMsMax: 600_000,
  brokenRule: undefined,
};
