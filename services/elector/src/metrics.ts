/** What an elector's `/metrics` shows. Counted where it happens; everything else is read when scraped. */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import type { ElectionName } from '@herald/core';
import type { Member, MemberStats } from '@herald/member';
import { exposeCounts } from '@herald/process';
import type { Candidacy } from './candidacy.ts';
import type { History } from './history/history.ts';
import type { ElectorKeys } from './keys.ts';
import type { Meter } from './meter.ts';

/** From a loopback round trip to the timeout of a renewal. */
const durationBucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Counts renewals and calls to etcd. */
export function createMeter(registry: Registry): Meter {
  const registers = [registry];
  const renewals = new Counter({
    name: 'herald_elector_renewals_total',
    help: 'Lease renewals, confirmed by a linearizable read, by outcome',
    labelNames: ['election', 'outcome'],
    registers,
  });
  const duration = new Histogram({
    name: 'herald_elector_renewal_duration_seconds',
    help: 'From asking for a renewal to its confirmation, or to its failure',
    labelNames: ['election'],
    buckets: durationBucketsSeconds,
    registers,
  });
  const calls = new Counter({
    name: 'herald_elector_etcd_calls_total',
    help: 'Calls to etcd, by connection and outcome',
    labelNames: ['connection', 'outcome'],
    registers,
  });
  return {
    renewed(election: ElectionName, outcome, durationMs) {
      renewals.inc({ election, outcome });
      duration.observe({ election }, durationMs / 1_000);
    },
    etcdCall(connection, outcome) {
      calls.inc({ connection, outcome });
    },
  };
}

/** Shows how each candidacy stands at the moment of the scrape. */
export function exposeCandidacies(registry: Registry, candidacies: readonly Candidacy[]): void {
  const show = (name: string, help: string, valueOf: (candidacy: Candidacy) => number): void => {
    new Gauge({
      name: `herald_elector_${name}`,
      help,
      labelNames: ['election'],
      registers: [registry],
      collect() {
        for (const candidacy of candidacies) {
          this.set({ election: candidacy.election }, valueOf(candidacy));
        }
      },
    });
  };
  show('leading', '1 while this elector leads, by its own deadline', (each) =>
    Number(each.isLeader()),
  );
  show('waiting', '1 while this elector stands in line', (each) =>
    Number(each.state === 'waiting'),
  );
  show('epoch', "Create revision of this elector's key, 0 without one", (each) =>
    Number(each.epoch),
  );
  show('deadline_seconds', 'How long it leads if no further renewal succeeds', (each) => {
    return each.leadingForMs() / 1_000;
  });
  show('trouble', '1 while something is wrong; Status says what', (each) =>
    Number(each.trouble !== ''),
  );
}

/** Shows which keys are in force, which is what a rotation waits for, and what was refused for want of one. */
export function exposeKeys(
  registry: Registry,
  member: Member,
  keys: Pick<ElectorKeys, 'signer' | 'trust'> | undefined,
): void {
  const registers = [registry];
  new Counter({
    name: 'herald_elector_records_refused_total',
    help: 'Records that no trusted key has signed, by reason',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(member.stats().recordsRefused)) {
        this.inc({ reason }, count);
      }
    },
  });
  if (keys === undefined) return;
  const show = (name: string, help: string, keyIds: () => readonly string[]): void => {
    new Gauge({
      name: `herald_elector_${name}`,
      help,
      labelNames: ['key_id'],
      registers,
      collect() {
        this.reset();
        for (const keyId of keyIds()) this.set({ key_id: keyId }, 1);
      },
    });
  };
  show('signing_key', '1 for the key that records are signed with', () => [keys.signer.keyId]);
  show('trusted_key', '1 for each key whose records are believed', () => keys.trust.keyIds);
}

/** Shows who was not let in, and who asked for too much; the log has their addresses. */
export function exposeRefusals(registry: Registry, member: Member): void {
  const copy = (
    name: string,
    help: string,
    label: string,
    read: (stats: MemberStats) => Readonly<Record<string, number>>,
  ): void => {
    const described = { name: `herald_elector_${name}_total`, help, label };
    exposeCounts(registry, described, () => read(member.stats()));
  };
  copy('turned_away', 'Connections and calls without the right certificate', 'reason', (stats) => {
    return stats.turnedAway;
  });
  copy(
    'peers_limited',
    'Connections and links refused or closed because a peer asked too much',
    'what',
    (stats) => ({ connections: stats.connectionsRefused, links: stats.peersLimited }),
  );
}

/** Shows which of etcd's histories this elector goes by, and whether it refuses what etcd holds. */
export function exposeHistory(
  registry: Registry,
  { history }: { readonly history: Pick<History, 'lineage' | 'refusal'> },
): void {
  const registers = [registry];
  new Gauge({
    name: 'herald_elector_lineage',
    help: "Lineage: counter of etcd's histories, raised by an operator",
    registers,
    collect() {
      this.set(history.lineage);
    },
  });
  new Gauge({
    name: 'herald_elector_history_lost',
    help: "1 while this elector refuses: etcd's history was lost; Status says why",
    registers,
    collect() {
      this.set(Number(history.refusal !== undefined));
    },
  });
}
