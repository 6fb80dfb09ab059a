/**
 * A simulated cluster under watch: what must hold at every step is checked at every step, and how
 * changes spread, what frames cost and who is wrong about whom is measured. Tests and scenarios look
 * at clusters through this.
 */
import {
  assert,
  compareVersions,
  defaultTuning,
  isSameChange,
  limits,
  seededRandom,
} from '@herald/core';
import type { PushMode } from '@herald/core';

import { Agreement } from './checks/agreement.ts';
import { BoundsCheck } from './checks/bounds-check.ts';
import { EndpointStatesCheck } from './checks/endpoint-states-check.ts';
import { HeldRecordsCheck } from './checks/held-records-check.ts';
import { Spread } from './measures/spread.ts';
import { WireMeter } from './measures/wire-meter.ts';
import { simulatedElection } from './records.ts';
import { SimulatedEtcd } from './simulated-etcd.ts';
import { Simulation } from './simulation.ts';
import type { SimulationOptions } from './simulation.ts';

/** Members 0 to 2 are electors, as in the main job. */
export const electors: readonly number[] = [0, 1, 2];

const pushModes = ['eager', 'lazy', 'repair'] as const;

export type ClusterOptions = Pick<SimulationOptions, 'nodes' | 'seed'> & Partial<SimulationOptions>;

/** One change of leader, as it spread. */
export interface ChangeSpread {
  /** When each member applied it, milliseconds after it was published. */
  readonly afterMs: ReadonlyMap<number, number>;
  /** Hops of all copies that were news, ascending. */
  readonly hops: readonly number[];
  /** Pushes of this very change, not of its renewals, per live member. */
  readonly pushesPerMember: Readonly<Record<PushMode, number>>;
}

export class ObservedCluster {
  readonly simulation: Simulation;
  readonly etcd: SimulatedEtcd;
  readonly wire = new WireMeter();
  readonly spread: Spread;
  readonly agreement = new Agreement();
  readonly seed: number;
  readonly #startOverMs: number;
  readonly #expected: number;

  constructor(options: ClusterOptions) {
    this.seed = options.seed;
    this.#expected = options.nodes + electors.length;
    this.#startOverMs = options.startOverMs ?? 2000;
    const now = (): number => this.simulation.nowMs;
    const heldRecords = new HeldRecordsCheck();
    this.spread = new Spread(now);
    this.simulation = new Simulation({
      electors: electors.length,
      ...options,
      startOverMs: this.#startOverMs,
      observers: [
        heldRecords,
        new BoundsCheck(options.tuning, now),
        this.spread,
        this.agreement,
        new EndpointStatesCheck(now, () => this.simulation.corruption !== undefined),
        this.wire,
        ...(options.observers ?? []),
      ],
    });
    this.etcd = new SimulatedEtcd(this.simulation, electors);
    heldRecords.watch(this.simulation, this.etcd);
    this.agreement.watch(this.simulation);
  }

  /** A cluster whose members all started, and had time to find their links. */
  static started(options: ClusterOptions): ObservedCluster {
    const cluster = new ObservedCluster(options);
    cluster.wait(cluster.#startOverMs + 4000);
    return cluster;
  }

  /** A started cluster whose tree was found: one change by every elector, renewals by the leader. */
  static settled(options: ClusterOptions): ObservedCluster {
    const cluster = ObservedCluster.started(options);
    cluster.change(electors);
    for (let renewals = 0; renewals < 3; renewals++) cluster.renew(0);
    return cluster;
  }

  /** Members that were to be started at the beginning. */
  get expected(): number {
    return this.#expected;
  }

  wait(ms: number): void {
    this.simulation.run(this.simulation.nowMs + ms);
  }

  /** These electors publish a new leader at once, as each of them sees it in etcd; a second passes. */
  change(publishers: readonly number[], waitMs = 1000): ChangeSpread {
    const atMs = this.simulation.nowMs;
    this.etcd.change(publishers);
    this.wait(waitMs);
    const applied = [...this.spread.appliedAtMs];
    return {
      afterMs: new Map(applied.map(([member, ms]) => [member, ms - atMs])),
      hops: this.spread.hops,
      pushesPerMember: this.#pushesOfChange(),
    };
  }

  /** The leader renews; a second passes. Returns the pushes per live member. */
  renew(leader: number): Readonly<Record<PushMode, number>> {
    const before = this.#pushesPerMember();
    this.etcd.renew(leader);
    this.wait(1000);
    return this.#pushesPerMember(before);
  }

  /** Kills about 30 % of the nodes, and no elector. Returns which. */
  killThird(what: 'process' | 'machine' = 'process'): number[] {
    const random = seededRandom(this.seed);
    const nodes = this.simulation.members.slice(electors.length);
    const killed = nodes.filter(() => random() < 0.3).map(({ index }) => index);
    for (const index of killed) this.simulation.kill(index, what);
    return killed;
  }

  /** Live members that hold less than what was published last. */
  behind(): number[] {
    const newest = this.etcd.version;
    return this.simulation
      .alive()
      .filter(({ engine }) => {
        const held = engine.held(simulatedElection)?.sealed.record.version;
        return held === undefined || compareVersions(held, newest) < 0;
      })
      .map(({ index }) => index);
  }

  /** Live members that can be reached from the electors over links that stand. */
  connected(): Set<number> {
    const { members } = this.simulation;
    const byId = new Map(members.map((member) => [member.contact.nodeId, member]));
    const seen = new Set(electors.filter((index) => members[index]?.alive === true).slice(0, 1));
    for (const index of seen) {
      for (const { peer } of members[index]?.engine.links() ?? []) {
        const other = byId.get(peer.nodeId);
        if (other?.alive === true) seen.add(other.index);
      }
    }
    return seen;
  }

  /** Bounded degree both ways, electors linked to each other, one link per pair, one component. */
  checkOverlay(): void {
    const alive = this.simulation.alive();
    for (const { contact, engine } of alive) {
      const links = engine.links();
      const outbound = links.filter(({ direction }) => direction === 'outbound').length;
      const pairs = links.filter(({ peer }) => peer.role === 'elector').length;
      const extra = contact.role === 'elector' ? pairs : 0;
      const about = `${contact.nodeId}, seed ${this.seed}: ${outbound} of ${links.length}`;
      assert(outbound <= defaultTuning.fanout + 2 + extra, about);
      assert(outbound - extra >= defaultTuning.fanout - 2, about);
      assert(links.length - outbound <= defaultTuning.inboundLinks + extra, about);
      assert(extra <= 2 * limits.electorLinksMax, about);
      assert(contact.role !== 'elector' || pairs === electors.length - 1, about);
    }
    assert(this.connected().size === alive.length, `seed ${this.seed}: one component`);
  }

  #pushesOfChange(): Record<PushMode, number> {
    const sum = { eager: 0, lazy: 0, repair: 0 };
    const alive = this.simulation.alive();
    for (const { engine } of alive) {
      const trace = engine.trace(simulatedElection);
      if (trace === undefined || !isSameChange(trace.version, this.etcd.version)) continue;
      for (const mode of pushModes) sum[mode] += trace.pushesSent[mode] / alive.length;
    }
    return sum;
  }

  #pushesPerMember(before?: Readonly<Record<PushMode, number>>): Record<PushMode, number> {
    const alive = this.simulation.alive();
    const since = (mode: PushMode): number =>
      alive.reduce((sum, { engine }) => sum + engine.counters.pushesSent[mode], 0) / alive.length -
      (before?.[mode] ?? 0);
    return { eager: since('eager'), lazy: since('lazy'), repair: since('repair') };
  }
}
