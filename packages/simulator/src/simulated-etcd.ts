/**
 * etcd and the electors' campaigns, as far as the tier can tell: decides who leads, and which electors
 * publish what they saw. etcd itself never fails here and stands at home (`network.ts`). An elector
 * that is dead, paused or on another side sees nothing and cannot lead.
 */
import { formatVersion } from '@herald/core';
import type { LeaderRecord, SealedRecord, Version } from '@herald/core';
import { home } from './network.ts';
import { simulatedLeaseMs, simulatedRecord } from './records.ts';
import type { Simulation } from './simulation.ts';

/** A leader renews every third of its lease. */
const renewEveryMs = simulatedLeaseMs / 3;

/** Electors are notified by their watches within so much of each other. */
const watchSpreadMs = 5;

export class SimulatedEtcd {
  readonly #simulation: Simulation;
  readonly #electors: readonly number[];
  /** All that was ever sealed, by version and issuer. */
  readonly #sealed = new Map<string, SealedRecord>();
  /** The epoch that each elector, in its present life, has published. */
  readonly #toldEpoch = new Map<string, number>();
  #epoch = 0;
  #renewal = 0;
  #leader: number | undefined;
  #renewedAtMs = -Infinity;
  #changedAtMs = 0;

  constructor(simulation: Simulation, electors: readonly number[]) {
    this.#simulation = simulation;
    this.#electors = electors;
  }

  /** The elector beside the leader; undefined until somebody won. */
  get leader(): number | undefined {
    return this.#leader;
  }

  get version(): Version {
    return this.#seal(0).record.version;
  }

  /** When the present epoch began. */
  get changedAtMs(): number {
    return this.#changedAtMs;
  }

  /** What was sealed at this version by this issuer, if anything was. */
  sealedAs(record: LeaderRecord): SealedRecord | undefined {
    return this.#sealed.get(keyOf(record));
  }

  /** A new leader, which these electors publish at this instant. */
  change(publishers: readonly number[], leader = publishers[0]): void {
    this.#win(leader);
    for (const elector of publishers) this.#publish(elector);
  }

  renew(leader: number): void {
    this.#renewal++;
    this.#renewedAtMs = this.#simulation.nowMs;
    this.#publish(leader);
  }

  /**
   * From now on the campaigns run by themselves: leaders renew, leases expire, the next in line wins,
   * and whoever comes back reads and publishes what it missed.
   */
  runCampaigns(): void {
    const everyMs = renewEveryMs;
    const step = (): void => {
      this.#campaign();
      this.#simulation.at(this.#simulation.nowMs + everyMs, step);
    };
    step();
  }

  #campaign(): void {
    const { nowMs } = this.#simulation;
    const able = this.#electors.filter((elector) => this.#seesEtcd(elector));
    const [next] = able;
    if (this.#leader !== undefined && able.includes(this.#leader)) this.renew(this.#leader);
    else if (next !== undefined && nowMs - this.#renewedAtMs >= simulatedLeaseMs) this.#win(next);
    for (const elector of able) {
      const life = this.#lifeOf(elector);
      if (this.#epoch === 0 || this.#toldEpoch.get(life) === this.#epoch) continue;
      const delayMs = watchSpreadMs * (able.indexOf(elector) / able.length);
      this.#simulation.at(nowMs + delayMs, () => {
        if (this.#seesEtcd(elector) && this.#lifeOf(elector) === life) this.#publish(elector);
      });
    }
  }

  #win(leader: number | undefined): void {
    this.#leader = leader;
    this.#epoch++;
    this.#renewal = 0;
    this.#renewedAtMs = this.#simulation.nowMs;
    this.#changedAtMs = this.#simulation.nowMs;
  }

  #seesEtcd(elector: number): boolean {
    const member = this.#simulation.members[elector];
    if (member?.alive !== true) return false;
    const paused = member.pausedUntilMs > this.#simulation.nowMs;
    return !paused && this.#simulation.network.sideOf(elector) === home;
  }

  #lifeOf(elector: number): string {
    return `${elector} ${this.#simulation.members[elector]?.contact.generation ?? 0}`;
  }

  #publish(elector: number): void {
    this.#toldEpoch.set(this.#lifeOf(elector), this.#epoch);
    const ageMs = this.#simulation.nowMs - this.#renewedAtMs;
    this.#simulation.publish(elector, this.#seal(elector), ageMs);
  }

  #seal(elector: number): SealedRecord {
    const issuer = `elector-${elector}`;
    const leader = `service-${this.#leader ?? 0}`;
    const sealed = simulatedRecord(this.#epoch, { issuer, leader, renewal: this.#renewal });
    const known = this.#sealed.get(keyOf(sealed.record));
    if (known !== undefined) return known;
    this.#sealed.set(keyOf(sealed.record), sealed);
    return sealed;
  }
}

function keyOf({ version, issuer }: LeaderRecord): string {
  return `${formatVersion(version)} by ${issuer}`;
}
