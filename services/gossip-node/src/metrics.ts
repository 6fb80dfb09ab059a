/**
 * What a node's `/metrics` shows: what it holds, how records came to it, and what its links cost.
 * Counted where it happens; everything else is read when scraped. Labels are bounded by
 * `limits.electionsMax`.
 */
import { ageMs, recordStatus, validForMs } from '@herald/core';
import type { ElectionName, HeldRecord } from '@herald/core';
import type { Member, MemberObserver, MemberStats } from '@herald/member';
import { exposeCounts } from '@herald/process';
import type { TrustSet } from '@herald/wire';
import { Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

/** Trees are shallow; what takes longer than this is worth knowing exactly how much. */
const hopsBuckets = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16];
/** From one loopback hop to a repair by anti-entropy. */
const ageBucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Counts records as the node applies them; give it to the node as its observer. */
export function createArrivalMeter(registry: Registry): MemberObserver {
  const registers = [registry];
  const hops = new Histogram({
    name: 'herald_node_record_hops',
    help: 'Links that a record had crossed when this node applied it',
    labelNames: ['kind'],
    buckets: hopsBuckets,
    registers,
  });
  const age = new Histogram({
    name: 'herald_node_record_arrival_age_seconds',
    help: 'Age of a record when this node applied it, by its own reckoning',
    labelNames: ['kind'],
    buckets: ageBucketsSeconds,
    registers,
  });
  return {
    applied: (held, isChange) => {
      const kind = isChange ? 'change' : 'renewal';
      hops.observe({ kind }, held.hops);
      age.observe({ kind }, held.ageAtApplyMs / 1_000);
    },
  };
}

/** Shows how the node stands at the moment of the scrape. */
export function exposeNode(registry: Registry, member: Member): void {
  exposeRecords(registry, member);
  exposeMembers(registry, member);
  exposeLinks(registry, member);
}

/** Shows whose records are believed, which is what a rotation of keys waits for. */
export function exposeTrust(registry: Registry, trust: TrustSet): void {
  new Gauge({
    name: 'herald_node_trusted_key',
    help: '1 for each key whose records are believed',
    labelNames: ['key_id'],
    registers: [registry],
    collect() {
      this.reset();
      for (const keyId of trust.keyIds) this.set({ key_id: keyId }, 1);
    },
  });
}

function exposeRecords(registry: Registry, member: Member): void {
  const show = (name: string, help: string, valueOf: (held: HeldRecord) => number): void => {
    new Gauge({
      name: `herald_node_record_${name}`,
      help,
      labelNames: ['election'],
      registers: [registry],
      collect() {
        this.reset();
        for (const election of member.elections()) {
          const held = heldOf(member, election);
          if (held !== undefined) this.set({ election }, valueOf(held));
        }
      },
    });
  };
  show('epoch', 'Epoch of the record held', (held) => Number(versionOf(held).epoch));
  show('sequence', 'Sequence of the record held', (held) => Number(versionOf(held).sequence));
  show('renewal', 'Renewal of the record held', (held) => versionOf(held).renewal);
  show('age_seconds', 'Age of the record held', (held) => ageMs(held, member.nowMs()) / 1_000);
  show('valid_for_seconds', 'For how long the record held can still be true', (held) => {
    return validForMs(held, member.nowMs()) / 1_000;
  });
  show('current', '1 while the record held names a leader to be believed', (held) =>
    Number(recordStatus(held, member.nowMs()) === 'current'),
  );
}

function exposeMembers(registry: Registry, member: Member): void {
  const registers = [registry];
  new Gauge({
    name: 'herald_node_members',
    help: 'Members that this node knows of, itself included, by what they are',
    labelNames: ['state'],
    registers,
    collect() {
      const { live, unreachable, left } = member.memberCounts();
      this.set({ state: 'live' }, live);
      this.set({ state: 'unreachable' }, unreachable);
      this.set({ state: 'left' }, left);
    },
  });
  new Gauge({
    name: 'herald_node_convergence',
    help: 'Share of the live members that told of having applied the newest change, 0 to 1',
    labelNames: ['election'],
    registers,
    collect() {
      this.reset();
      for (const election of member.elections()) {
        const { applied, live } = member.convergence(election);
        if (live > 0) this.set({ election }, applied / live);
      }
    },
  });
}

function heldOf(member: Member, election: ElectionName): HeldRecord | undefined {
  return member.leader(election);
}

function versionOf(held: HeldRecord): HeldRecord['sealed']['record']['version'] {
  return held.sealed.record.version;
}

function exposeLinks(registry: Registry, member: Member): void {
  const registers = [registry];
  new Gauge({
    name: 'herald_node_links',
    help: 'Links to other members, by who dialled',
    labelNames: ['direction'],
    registers,
    collect() {
      const { inbound, outbound } = member.stats().links;
      this.set({ direction: 'inbound' }, inbound);
      this.set({ direction: 'outbound' }, outbound);
    },
  });
  const gauge = (name: string, help: string, read: (stats: MemberStats) => number): void => {
    new Gauge({
      name: `herald_node_${name}`,
      help,
      registers,
      collect() {
        this.set(read(member.stats()));
      },
    });
  };
  gauge('eager_links', 'Links that records are pushed on at once', ({ links }) => links.eager);
  gauge('watches', 'Open watches of clients', ({ watchers }) => watchers);
  new Gauge({
    name: 'herald_node_isolated',
    help: '1 while this node knows of other members and has no link to any',
    registers,
    collect() {
      this.set(Number(member.isIsolated()));
    },
  });
  exposeCounters(registry, member);
}

/** The member counts by itself; a scrape copies. */
function exposeCounters(registry: Registry, member: Member): void {
  const copy = (
    name: string,
    help: string,
    label: string,
    read: (stats: MemberStats) => Readonly<Record<string, number>>,
  ): void => {
    const described = { name: `herald_node_${name}_total`, help, label };
    exposeCounts(registry, described, () => read(member.stats()));
  };
  copy('frames', 'Frames on links', 'direction', ({ framesReceived, framesSent }) => ({
    received: framesReceived,
    sent: framesSent,
  }));
  copy('frames_refused', 'Frames that could not be used', 'reason', (stats) => ({
    malformed: stats.framesMalformed,
    unknown: stats.framesUnknown,
  }));
  copy('turned_away', 'Connections and calls without the right certificate', 'reason', (stats) => {
    return stats.turnedAway;
  });
  copy('records_refused', 'Records that no trusted key has signed', 'reason', (stats) => {
    return stats.recordsRefused;
  });
  copy(
    'peers_limited',
    'Connections and links refused or closed because a peer asked too much',
    'what',
    (stats) => ({
      connections: stats.connectionsRefused,
      links: stats.peersLimited,
    }),
  );
  copy('pushes_sent', 'Records pushed to others', 'mode', ({ pushes }) => pushes.pushesSent);
  copy('pushes_received', 'Records pushed by others', 'verdict', ({ pushes }) => ({
    news: pushes.news,
    duplicate: pushes.duplicates,
    stale: pushes.stale,
  }));
  copy('states', 'What members said of themselves', 'verdict', ({ membership }) => ({
    news: membership.news,
    duplicate: membership.duplicates,
    pushed: membership.pushed,
    refused: membership.membersRefused + membership.revivalsRefused,
  }));
}
