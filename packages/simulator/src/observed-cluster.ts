/**
 * A simulated cluster under watch: what must hold at every step is checked at every step, and how a
 * change spreads is measured. Tests and `npm run sim` look at clusters through this.
 */
import {
  assert,
  compareVersions,
  defaultTuning,
  isNewer,
  limits,
  seededRandom,
} from '@herald/core';
import type { PushMode, Version } from '@herald/core';

import { simulatedElection, simulatedRecord } from './records.ts';
import { Simulation } from './simulation.ts';
import type { SimulatedMember, SimulationOptions } from './simulation.ts';

/** Three electors, the first members of the simulation. */
export const electors: readonly number[] = [0, 1, 2];

/** One change of leader, as it spread. */
export interface Spread {
  /** When each member applied it, milliseconds after it was published. */
  readonly afterMs: ReadonlyMap<number, number>;
  /** Hops of all copies that were news, ascending. */
  readonly hops: readonly number[];
  /** Pushes of all kinds while it spread, per live member. */
  readonly pushesPerMember: Readonly<Record<PushMode, number>>;
}

export class ObservedCluster {
  readonly simulation: Simulation;
  readonly seed: number;
  readonly #startOverMs: number;
  #epoch = 0;
  #renewal = 0;
  /** The newest version that each member, in its present life, was seen to hold. */
  readonly #newest = new Map<string, Version>();
  #applied = new Map<number, number>();
  #hops: number[] = [];

  constructor(options: Pick<SimulationOptions, 'nodes' | 'seed'> & Partial<SimulationOptions>) {
    this.seed = options.seed;
    this.#startOverMs = options.startOverMs ?? 2000;
    this.simulation = new Simulation({
      electors: electors.length,
      ...options,
      startOverMs: this.#startOverMs,
      onApplied: (member, held, isChange, atMs) => {
        if (!isChange) return;
        this.#applied.set(member.index, atMs);
        this.#hops.push(held.hops);
      },
      onStep: (member, input) => {
        this.#checkForward(member, input.kind);
      },
    });
  }

  /** A cluster whose members all started, and had time to find their links. */
  static started(options: ConstructorParameters<typeof ObservedCluster>[0]): ObservedCluster {
    const cluster = new ObservedCluster(options);
    cluster.wait(cluster.#startOverMs + 4000);
    return cluster;
  }

  /** A started cluster whose tree was found: one change by every elector, renewals by the leader. */
  static settled(options: ConstructorParameters<typeof ObservedCluster>[0]): ObservedCluster {
    const cluster = ObservedCluster.started(options);
    cluster.change(electors);
    for (let renewals = 0; renewals < 3; renewals++) cluster.renew(0);
    return cluster;
  }

  wait(ms: number): void {
    this.simulation.run(this.simulation.nowMs + ms);
  }

  /** These electors publish a new leader at once, as each of them sees it in etcd; a second passes. */
  change(publishers: readonly number[], waitMs = 1000): Spread {
    this.#epoch++;
    this.#renewal = 0;
    this.#applied = new Map();
    this.#hops = [];
    const atMs = this.simulation.nowMs;
    const before = this.#pushesPerMember();
    for (const publisher of publishers) this.#publish(publisher);
    this.wait(waitMs);
    return {
      afterMs: new Map([...this.#applied].map(([member, ms]) => [member, ms - atMs])),
      hops: this.#hops.toSorted((a, b) => a - b),
      pushesPerMember: this.#pushesPerMember(before),
    };
  }

  /** The leader renews; a second passes. Returns the pushes per live member. */
  renew(leader: number): Readonly<Record<PushMode, number>> {
    this.#renewal++;
    const before = this.#pushesPerMember();
    this.#publish(leader);
    this.wait(1000);
    return this.#pushesPerMember(before);
  }

  /** Kills about 30 % of the nodes, and no elector. */
  killThird(options: { readonly noticedAfterMs?: number } = {}): void {
    const random = seededRandom(this.seed);
    for (const { index } of this.simulation.members.slice(electors.length)) {
      if (random() < 0.3) this.simulation.kill(index, options);
    }
  }

  /** Live members that hold less than what was published last. */
  behind(): number[] {
    const newest = this.#record(0).record.version;
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
      const peers = new Set(links.map(({ peer }) => peer.nodeId));
      assert(peers.size === links.length, about);
      assert(contact.role !== 'elector' || pairs === electors.length - 1, about);
    }
    assert(this.connected().size === alive.length, `seed ${this.seed}: one component`);
  }

  #pushesPerMember(before?: Readonly<Record<PushMode, number>>): Record<PushMode, number> {
    const members = this.simulation.alive().length;
    const since = (mode: PushMode): number =>
      this.simulation.pushesSent(mode) / members - (before?.[mode] ?? 0);
    return { eager: since('eager'), lazy: since('lazy'), repair: since('repair') };
  }

  #publish(elector: number): void {
    this.simulation.publish(elector, this.#record(elector));
  }

  #record(elector: number): ReturnType<typeof simulatedRecord> {
    const parts = { renewal: this.#renewal, issuer: `elector-${elector}` };
    return simulatedRecord(this.#epoch, parts);
  }

  #checkForward({ contact, engine }: SimulatedMember, input: string): void {
    const life = `${contact.nodeId} ${contact.generation}`;
    const held = engine.held(simulatedElection)?.sealed.record.version;
    const before = this.#newest.get(life);
    if (held === before) return;
    assert(
      held !== undefined && isNewer(held, before),
      `P2: ${life} went back on ${input}, seed ${this.seed}`,
    );
    this.#newest.set(life, held);
  }
}

/** The value that this share of the sorted values do not exceed. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
