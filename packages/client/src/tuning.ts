/**
 * Every delay and bound of the client, named once, with its reason. What a user may want to change
 * is in `defaults` and can be given to `createClient`; the rest are limits.
 */
export const defaults = {
  /**
   * How long a call may take. A leader that is killed is replaced after at most the TTL of its
   * lease and one election; with a TTL of 3 s a call that began at the worst moment still succeeds.
   */
  timeoutMs: 5_000,
  /** For how long an answer is reused without asking again. Any record lives longer than this. */
  cacheMs: 1_000,
  /** When one question is given up: many round trips and a garbage collection at the other end. */
  attemptTimeoutMs: 1_000,
  /**
   * When a second node is asked as well. Well above the p99 of a healthy node, so that hedges stay
   * rare; well below what a person notices.
   */
  hedgeDelayMs: 50,
  /** First back-off: waits a uniform random time up to this, then up to twice this, and so on. */
  backoffBaseMs: 20,
  /**
   * Longest back-off. Its half is the average delay between an election and the client's notice,
   * and twice its inverse the questions per second of each waiting client: 250 ms and 4/s.
   */
  backoffCapMs: 500,
} as const;

export const clientLimits = {
  /** Hints followed per call. A chain of nodes that each know a little more is shorter than this. */
  redirectsMax: 5,
  /** Attempts kept for a result or an error. */
  attemptsKeptMax: 32,
  /** Questions of one lookup, hedges, retries and redirects included. */
  asksPerLookupMax: 8,
  /** Questions of one lookup that are open at the same time: the first and two hedges. */
  asksAtOnceMax: 3,
  /**
   * Unanswered questions on one stream of lookups; what comes beyond is asked by calls. A lookup has
   * three open at once, and a node answers in a millisecond: more than a few are a node that hangs.
   */
  lookupsPerStreamMax: 64,
  /** Seeds given to `createClient`. */
  seedsMax: 64,
  /** Endpoints remembered beside the seeds. Enough to survive them, few enough to list. */
  learntEndpointsMax: 32,
  /** Patterns of allowed targets given to `createClient`. */
  allowTargetsMax: 64,
  /** (address, version) pairs remembered while a leader is looked for. */
  visitedMax: 256,
  /** Calls that wait at the same time; more than this is a program gone wrong. */
  waitingCallsMax: 100_000,
  /** Watches open at the same time. */
  watchesMax: 10_000,
  /** Longest time-out and cache time that may be asked for: a timer of the platform takes 2^31 ms. */
  durationMsMax: 86_400_000,
  /** Back-off never waits less: a generator that draws zeros must not make a busy loop. */
  backoffMinMs: 2,
  /** Connections kept open to nodes and electors. */
  channelsMax: 64,
} as const;

/** What is known of other nodes, and for how long one that failed is left alone. */
export const endpointTuning = {
  /** After the first failure; doubles with each further one. */
  ejectBaseMs: 500,
  ejectCapMs: 30_000,
  /** Ejections are spread by this share, so that clients do not return together. */
  ejectJitter: 0.2,
  /** Weight of a new round trip in the smoothed one. */
  roundTripWeight: 0.2,
  /** How often the list of members is asked for, at the earliest; always beside a lookup. */
  discoverEveryMs: 300_000,
  /**
   * And this, while somebody is named who is not on it: who has just joined is followed a moment later,
   * and a node that names strangers without end costs its clients one small question a second.
   */
  discoverAgainMs: 1_000,
} as const;

export const lookupStreamTuning = {
  /**
   * A question that follows another one within this opens a stream; one that was not used for so long
   * is closed. Twice the default cache time, so that a client which is asked all the time keeps its
   * stream; short, because a stream keeps the process of a client that nobody closed alive.
   */
  standMs: 2_000,
  /** How long a node that does not serve streams is asked by calls: until it may have been updated. */
  callsOnlyMs: 60_000,
} as const;

/** Token bucket for questions beyond the first: hedges and immediate retries, not paced ones. */
export const retryBudgetTuning = {
  /** Survives a burst: all seeds failing at once. */
  tokensMax: 10,
  /** Each lookup that succeeds earns this: at most one extra question in five is the steady state. */
  tokensPerSuccess: 0.2,
  /** A client that asks rarely must not stay without a hedge. */
  tokensPerSecond: 0.5,
} as const;

export const watchTuning = {
  /**
   * A call that waits this long is told by a watch from then on. Longer than any round trip, so that
   * calls which only wait for an answer open none; short beside a failover.
   */
  standByAfterMs: 100,
  /**
   * Calls that are told by a watch also ask other nodes, about this often: the watched one may be cut
   * off. Not more often, because a thousand clients that wait for a successor ask the same few nodes.
   */
  askMeanwhileMs: 1_000,
  /** A watch that was opened must bring the present answer within this. */
  firstAnswerTimeoutMs: 1_000,
  /** A node whose answer is not a current leader is left for another one after this. */
  withoutLeaderMs: 1_000,
  /**
   * After a watch that lasted this long the back-off begins anew: it paced itself. A little less than
   * `withoutLeaderMs`, so that to leave a node for its lack of a leader does not add up to deafness.
   */
  stableAfterMs: 900,
  /** Longest back-off between two watches. */
  backoffCapMs: 2_000,
} as const;
