/**
 * A tier of nodes in memory whose leader a test chooses, so that a program can be tested against a
 * failover without etcd, electors or ports. Decides what a real tier would: epochs grow, every node is told
 * at once, the elector beside a leader is a member that confirms it.
 */
import { parseAddress, parseElectionName, parseNodeId } from '@herald/core';
import type { Address, ElectionName, LeaderRecord, Version } from '@herald/core';
import { createClientOver } from '../client.ts';
import type { Client } from '../client.ts';
import type { ClientOptions } from '../client-options.ts';
import { systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { MemoryNetwork } from './memory-network.ts';

export interface TestTierOptions {
  readonly election: string;
  /** How many nodes there are, at `node-1.test:7400` and so on; 3 unless given. */
  readonly nodes?: number;
  /** The platform's unless given; a `VirtualClock` for tests that wait for nothing. */
  readonly clock?: Clock;
}

export interface TestLeader {
  /** `host:port` of the service that leads. */
  readonly address: string;
  /** Its name; made from the epoch unless given. */
  readonly id?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** For how long it is believed without a renewal, in milliseconds; an hour unless given. */
  readonly validityMs?: number;
}

const hourMs = 3_600_000;
const nodesMax = 64;

export class TestTier {
  readonly election: ElectionName;
  /** What the nodes do: let some hang, refuse, or be slow. */
  readonly network: MemoryNetwork;
  readonly seeds: readonly string[];
  readonly #clock: Clock;
  #version: Version = { lineage: 0, epoch: 0n, sequence: 0n, renewal: 0 };
  #elector: Address | undefined;

  constructor({ clock = systemClock, election, nodes = 3 }: TestTierOptions) {
    if (!Number.isInteger(nodes) || nodes < 1 || nodes > nodesMax) {
      throw new RangeError(`nodes: must be 1 to ${String(nodesMax)}, got ${String(nodes)}`);
    }
    this.election = parseElectionName(election);
    this.#clock = clock;
    this.network = new MemoryNetwork(clock);
    this.seeds = Array.from({ length: nodes }, (_, index) => `node-${String(index + 1)}.test:7400`);
  }

  /** A client of this tier; it is the caller's to close. */
  createClient(options: Partial<Omit<ClientOptions, 'election' | 'transport'>> = {}): Client {
    return createClientOver({
      seeds: this.seeds,
      clock: this.#clock,
      ...options,
      election: this.election,
      transport: this.network.transport(),
    });
  }

  /**
   * Elects `leader`, in place of whoever leads, and tells all nodes.
   *
   * @returns The epoch, one higher than that of the leader before.
   */
  elect({ address, id, metadata = {}, validityMs = hourMs }: TestLeader): bigint {
    const epoch = this.#version.epoch + 1n;
    this.#depose();
    const elector = parseAddress(`elector-${String(epoch)}.test:7400`);
    this.#elector = elector;
    this.#version = { ...this.#version, epoch, sequence: epoch, renewal: 0 };
    const name = parseNodeId(id ?? `leader-${String(epoch)}`);
    const leader = { id: name, address, metadata, electorAddress: elector };
    const { election } = this;
    const version = this.#version;
    this.#tell({ kind: 'leader', election, version, issuer: name, leader, validityMs });
    this.network.at(elector).leadsUntilMs = this.#clock.nowMs() + validityMs;
    return epoch;
  }

  /** The leader resigns, or dies, and nobody follows; all nodes are told. */
  vacate(): void {
    this.#depose();
    this.#version = { ...this.#version, sequence: this.#version.sequence + 1n, renewal: 0 };
    const { election } = this;
    const issuer = parseNodeId('elector');
    this.#tell({ kind: 'vacancy', election, version: this.#version, issuer });
  }

  /** The elector beside the leader no longer confirms it; the nodes do not know that yet. */
  #depose(): void {
    if (this.#elector !== undefined) this.network.at(this.#elector).leadsUntilMs = 0;
  }

  #tell(record: LeaderRecord): void {
    const elector = this.#elector === undefined ? [] : [this.#elector];
    for (const address of [...this.seeds, ...elector]) this.network.at(address).hold(record);
  }
}

/** @throws InvalidValueError when the election's name, or later an address, breaks its rule. */
export function createTestTier(options: TestTierOptions): TestTier {
  return new TestTier(options);
}
