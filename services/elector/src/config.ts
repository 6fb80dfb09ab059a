/** Every number of an elector that is not the protocol's, named once, with its formula and its reason. */
import { limits } from '@herald/core';

const clamp = (value: number, min: number, max: number): number =>
  Math.min(max, Math.max(min, value));

export const electorLimits = {
  /**
   * etcd never grants less than 3/2 of its election timeout, 2 s as it is shipped; asking for 1 s
   * is allowed and yields those 2 s.
   */
  ttlSecondsMin: 1,
  /** A record must not claim to be valid for longer than the protocol allows. */
  ttlSecondsMax: limits.validityMsMax / 1_000,
  /** Keys of one election that are read at once: an elector tier is small, and a bound is a bound. */
  candidatesMax: 1_024,
  /**
   * The value of a key as JSON is longer than its fields in a record, so a value of this length
   * fits `recordBytesMax` with the election's name, the issuer and the version beside it.
   */
  candidateValueBytesMax: limits.recordBytesMax - 512,
  /** Deletions of keys whose revision is remembered, until the vacancy that needs it is published. */
  deletionsRememberedMax: 256,
  /** Elections of one elector: each costs a lease, a watch and two calls per renewal. */
  electionsPerElectorMax: limits.electionsMax,
} as const;

/** The pace of an elector; everything follows from the TTL that etcd granted. */
export const pace = {
  /**
   * Subtracted from the lease's end. Covers clocks that tick at different rates (10 % between two
   * renewals is far beyond any quartz) and the time between an `isLeader()` and what is done with
   * its answer. At least 100 ms, since the latter does not shrink with the TTL; at most 1 s.
   */
  marginMs: (ttlMs: number): number => clamp(ttlMs / 10, 100, 1_000),
  /** Two renewals can fail before the deadline is in danger. */
  renewIntervalMs: (ttlMs: number): number => ttlMs / 3,
  /**
   * How long each of the two calls of a renewal may hang. When both connections have just died, the
   * renewal that finds out (T/3 + T/5), the next one (+ T/12 of pause) and its read (+ T/5) end at
   * 0.82 T, before the deadline at 0.9 T: leadership survives the loss of the etcd members it spoke to.
   */
  renewTimeoutMs: (ttlMs: number): number => clamp(ttlMs / 5, 200, 5_000),
  /** Pause after a failed renewal: short beside the interval, since the deadline is running. */
  renewBackoff: (ttlMs: number) => ({
    firstDelayMsMax: clamp(ttlMs / 60, 20, 500),
    delayMsMax: clamp(ttlMs / 12, 100, 2_000),
  }),
  /**
   * How long a connection may take until its first answer, whatever calls wait for it, when so many in a row were given up
   * without one. None at first: a member of etcd that is dead must not cost a renewal more than its timeout. Then half a
   * second, doubled up to 4 s: a process that is short of CPU, and a slow line, take longer for a dial than a
   * renewal waits, and would dial for ever. Longer: a black hole that ends is noticed later.
   */
  openingPatienceMs: (unansweredCount: number): number =>
    unansweredCount === 0 ? 0 : Math.min(4_000, 500 * 2 ** Math.min(unansweredCount - 1, 30)),
  /** Pause between campaigns that could not get into line. */
  campaignBackoff: { firstDelayMsMax: 100, delayMsMax: 3_000 },
  /** Pause between watches that broke. */
  watchBackoff: { firstDelayMsMax: 50, delayMsMax: 2_000 },
  /**
   * How long a candidate that stepped down alone stays away: long enough for another one that is just
   * starting to get in line, short beside a lease.
   */
  holdBackMs: (ttlMs: number): number => clamp(ttlMs / 3, 200, 2_000),
  /**
   * How long one that stepped down while others stand in line stays away. It would be the last in
   * line anyway; and a lease, a key and the reads that the key gives rise to at every elector would
   * compete with the news of the successor, which has to reach the whole fleet just then.
   */
  rejoinMs: 300,
  /**
   * How long an elector that does not take over lets the successor tell the tier, before it reads the
   * election itself. The tier's pushes take some tens of milliseconds; a successor that dies within
   * them costs this much more.
   */
  bystanderDelayMs: 150,
  /** An election that nothing was read of for this long is read again, whatever its watch says. */
  rereadIntervalMs: (ttlMs: number): number => (ttlMs * 2) / 3,
  /** A health check that takes longer has failed: it must not outlast the interval it is asked at. */
  healthTimeoutMs: (ttlMs: number): number => clamp(ttlMs / 4, 200, 5_000),
  /**
   * Share of a record's validity after which others vouch for its leader, and the share over which
   * they spread at random, so that mostly one of them does.
   */
  vouchAfterShare: 0.5,
  vouchSpreadShare: 0.25,
  /** When etcd could not say whether the leader's lease lives: ask again after this and a back-off. */
  vouchRetryMs: 250,
  vouchBackoff: { firstDelayMsMax: 100, delayMsMax: 2_000 },
  /** When a caller of `Confirm` may ask again while a successor is taking over: it takes milliseconds. */
  retryVacantMs: 100,
} as const;

export const defaults = {
  ttlSeconds: 3,
  prefix: 'herald/elections',
  /** A call to etcd: many times what it takes, and short beside a failover. */
  etcdCallTimeoutMs: 2_000,
  /** How long the process waits for etcd at its start, and for its last words to etcd at its end. */
  etcdWaitMs: 10_000,
  /** How long a start that joins a tier waits for its first link, and then for what the tier knows. */
  linkWaitMs: 1_000,
  linkSyncMs: 100,
  /**
   * Who joins a tier and finds an etcd without a mark listens for this long before it marks it: one that was
   * wiped looks like one that is new. Costs the first start of a cluster as much, and no other.
   */
  foundingDelayMs: 500,
  closeTimeoutMs: 2_000,
} as const;
