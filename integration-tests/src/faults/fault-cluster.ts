/**
 * What the rows of the fault matrix are made on: an etcd of three members, electors with a service beside
 * them that writes, gossip nodes and a client under load, each in a process and on a line of its own.
 * Decides when all is well (one leader, every node says so, everybody is in line, writes come through),
 * and how everything is brought back after whatever was done.
 */
import { randomBytes } from 'node:crypto';
import { createOperator, HeraldClientError } from '@herald/client';
import { takeFreePorts, waitUntil } from '@herald/lab';
import type { EtcdCluster } from '@herald/lab';
import { monotonicNowMs } from '@herald/process';
import { connectEtcdPersistently } from '../fixtures/etcd-client.ts';
import type { EtcdClient, EtcdUser } from '../fixtures/etcd-client.ts';
import { demandUsers, etcdUser } from '../fixtures/etcd-users.ts';
import type { SeenLeadership } from '../fixtures/sampling-protocol.ts';
import { FaultNode } from '../support/fault-node.ts';
import type { FixtureProcess } from '../support/fixture-process.ts';
import { LoadClient } from '../support/load-client.ts';
import { startOwnEtcd } from '../support/own-etcd.ts';
import { SamplingElector } from '../support/sampling-elector.ts';
import { Switchboard } from './switchboard.ts';
import { Witness } from './witness.ts';

/** The least that etcd grants with its own election timeouts. */
export const ttlSeconds = 2;
export const ttlMs = ttlSeconds * 1_000;
/** For what takes seconds on an idle machine, and a minute where ten others want its two cores. */
const patienceMs = 120_000;
const askMs = 2_000;
const election = 'payments';
/** Filled in a second, and far more than all rows write. */
const etcdQuotaBytes = 16 * 1024 * 1024;

export interface FaultClusterOptions {
  readonly electors?: number;
  readonly nodes?: number;
  /** Whether etcd wants to know who calls; it asks nobody unless given. */
  readonly etcdUsers?: boolean;
}

export interface Recovery {
  /** Since when time is counted, on CLOCK_MONOTONIC. */
  readonly sinceMs: number;
  /** The leader of before: another one is waited for, under a later epoch. Without, any will do. */
  readonly after?: SeenLeadership;
  /** Nodes that need not know. */
  readonly except?: ReadonlySet<string>;
}

interface Place {
  readonly port: number;
  readonly linePort: number;
}

interface ElectorPlace extends Place {
  readonly ledgerPort: number;
}

export class FaultCluster implements AsyncDisposable {
  readonly etcd: EtcdCluster;
  readonly network: Switchboard;
  readonly witness: Witness;
  readonly electionName = election;
  readonly #askEtcd: EtcdClient;
  readonly #etcdUser: EtcdUser | undefined;
  readonly #name: string;
  readonly #prefix: string;
  readonly #electorPlaces = new Map<string, ElectorPlace>();
  readonly #nodePlaces = new Map<string, Place>();
  readonly #electors = new Map<string, SamplingElector>();
  readonly #nodes = new Map<string, FaultNode>();
  /** Of electors that are no more. */
  readonly #buried: SamplingElector[] = [];
  #client: LoadClient | undefined;

  private constructor(etcd: EtcdCluster, name: string, user: EtcdUser | undefined) {
    this.etcd = etcd;
    this.#etcdUser = user;
    this.#askEtcd = connectEtcdPersistently(etcd.endpoints, user);
    this.network = new Switchboard();
    this.#name = name;
    this.#prefix = `herald-test/${name}`;
    this.witness = new Witness(this.#askEtcd, this.#prefix);
    for (const { name: member, clientEndpoint } of etcd.members)
      this.network.assign(Number(new URL(clientEndpoint).port), member);
  }

  static async start(options: FaultClusterOptions = {}): Promise<FaultCluster> {
    const { electors = 3, nodes = 6, etcdUsers = false } = options;
    const etcd = await startOwnEtcd(3, { quotaBytes: etcdQuotaBytes });
    const name = `faults-${randomBytes(4).toString('hex')}`;
    const cluster = new FaultCluster(etcd, name, etcdUsers ? etcdUser : undefined);
    try {
      if (etcdUsers) await demandUsers(etcd.endpoints);
      await cluster.#layOut(electors, nodes);
      await Promise.all(cluster.nodeIds.map((id) => cluster.startNode(id)));
      await Promise.all(cluster.electorIds.map((id) => cluster.startElector(id)));
      await cluster.#startClient();
      await cluster.settled();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get electorIds(): readonly string[] {
    return [...this.#electorPlaces.keys()];
  }

  get nodeIds(): readonly string[] {
    return [...this.#nodePlaces.keys()];
  }

  /** Every process that is not etcd, by its name. */
  get processes(): readonly FixtureProcess<never>[] {
    const client = this.#client === undefined ? [] : [this.#client];
    return [...this.#electors.values(), ...this.#nodes.values(), ...client];
  }

  elector(id: string): SamplingElector {
    return known(this.#electors, id);
  }

  node(id: string): FaultNode {
    return known(this.#nodes, id);
  }

  addressOf(nodeId: string): string {
    return addressAt(known(this.#nodePlaces, nodeId));
  }

  isEtcd(name: string): boolean {
    return this.etcd.members.some((member) => member.name === name);
  }

  /** Under its name and at its place, also when it was there before. */
  async startElector(id: string): Promise<void> {
    const place = known(this.#electorPlaces, id);
    const plan = {
      ...{ id, cluster: this.#name, prefix: this.#prefix, ttlSeconds, ...place },
      elections: [election],
      etcdEndpoints: this.etcd.endpoints,
      ...(this.#etcdUser !== undefined && { etcdUser: this.#etcdUser }),
      join: this.#seeds(),
    };
    const before = this.#electors.get(id);
    if (before !== undefined) this.#buried.push(before);
    const elector = await SamplingElector.start(plan, (applied) => {
      this.witness.judge.note(`${id} at ${String(place.port)}`, applied);
    });
    this.#electors.set(id, elector);
  }

  /** @param descriptorsMax how many files and sockets it may have open */
  async startNode(id: string, descriptorsMax?: number): Promise<void> {
    const place = known(this.#nodePlaces, id);
    const plan = { id, cluster: this.#name, election, join: this.#seeds(), ...place };
    const life = `${id}, started at ${monotonicNowMs().toFixed(0)}`;
    const { judge } = this.witness;
    const listener = {
      applied: (applied: Parameters<typeof judge.note>[1]) => {
        judge.note(life, applied);
      },
      told: ({ record }: { readonly record: Parameters<typeof judge.note>[1] | undefined }) => {
        if (record !== undefined) judge.note(`watch of ${life}`, record);
      },
    };
    this.#nodes.set(id, await FaultNode.start(plan, listener, descriptorsMax));
  }

  /** All that any elector ever saw of its own leadership. */
  leaderships(): readonly SeenLeadership[] {
    return [...this.#buried, ...this.#electors.values()].flatMap(({ leaderships }) => leaderships);
  }

  leading(): readonly SeenLeadership[] {
    return [...this.#electors.values()].flatMap((elector) => elector.leading(election) ?? []);
  }

  /** Asks whoever leads to step down, as an operator would; returns the leadership of before. */
  stepDown(): Promise<SeenLeadership> {
    return this.until('a leader to step down', async () => {
      const leader = await this.settled();
      await using operator = createOperator({
        ...{ insecure: true, elector: this.elector(leader.electorId).address },
      });
      const asked = operator.stepDown({ election, reason: 'the test', timeoutMs: askMs });
      return (await answerOf(asked)) && leader;
    });
  }

  /** Waits until one elector leads whom all nodes name; returns its leadership. */
  settled(): Promise<SeenLeadership> {
    return this.until('one leader whom all nodes name', () => this.agreedLeader());
  }

  /** The leader whom all nodes name, if there is one; later than that one, if it is given. */
  agreedLeader(after?: SeenLeadership): SeenLeadership | undefined {
    return this.#agreed({ sinceMs: 0, ...(after !== undefined && { after }) });
  }

  /** Candidates whose keys are in etcd, which is as long as their leases live. */
  async countCandidates(): Promise<number> {
    return this.#askEtcd((etcd) => etcd.getAll().prefix(`${this.#prefix}/${election}/`).count());
  }

  /** Waits until all agree on a leader and a write came through since; returns how long that took. */
  async recovered(recovery: Recovery): Promise<number> {
    await this.until('all to agree on a leader, and a write', () => {
      const leader = this.#agreed(recovery);
      return leader !== undefined && this.witness.hasWrittenSince(recovery.sinceMs, leader.epoch);
    });
    return Math.max(0, monotonicNowMs() - recovery.sinceMs);
  }

  /** Waits until nobody leads, and every node says that what it knows is not to be believed. */
  async leaderless(): Promise<void> {
    await this.until('nobody to lead, and all nodes to say so', () => {
      const isDoubted = this.#awakeNodes().every(({ told }) => told?.status !== 'current');
      return this.leading().length === 0 && isDoubted;
    });
  }

  /** Undoes all that can have been done, and waits until everybody is back in place. */
  async heal(): Promise<void> {
    this.network.clear();
    for (const fixture of this.processes) {
      if (fixture.isPaused) fixture.resume();
      if (!fixture.isRunning) continue;
      fixture.order({ kind: 'release-descriptors' });
      fixture.order({ kind: 'set-wall-clock', offByMs: 0 });
    }
    await Promise.all(
      this.etcd.members.map(async (member) => {
        if (member.pid === undefined) await member.start();
        else await member.resume();
      }),
    );
    const gone = (fixtures: ReadonlyMap<string, FixtureProcess<never>>): readonly string[] =>
      [...fixtures].filter(([, { isRunning }]) => !isRunning).map(([id]) => id);
    await Promise.all(gone(this.#nodes).map((id) => this.startNode(id)));
    await Promise.all(gone(this.#electors).map((id) => this.startElector(id)));
    await this.recovered({ sinceMs: monotonicNowMs() });
    await this.#untilAllWereInLine();
  }

  /** Waits for `condition`; a failure says how things stand. */
  async until<T>(
    what: string,
    condition: () => Promise<T | undefined | false> | T | undefined | false,
  ): Promise<T> {
    try {
      return await waitUntil(what, condition, { timeoutMs: patienceMs });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${message}\n${this.#describe()}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.network.clear();
    await Promise.all(this.processes.map((fixture) => fixture[Symbol.asyncDispose]()));
    await this.network[Symbol.asyncDispose]();
    await this.etcd.stop();
  }

  /** Ports are taken from below those that are given to whoever dials, so that they can be had again. */
  async #layOut(electors: number, nodes: number): Promise<void> {
    const ports = await takeFreePorts(2 * electors + nodes);
    const next = (): number => ports.pop() ?? 0;
    for (let number = 1; number <= electors; number++) {
      const id = `elector-${number}`;
      const place = { port: next(), ledgerPort: next(), linePort: await this.network.line(id) };
      this.#electorPlaces.set(id, place);
      for (const port of [place.port, place.ledgerPort]) this.network.assign(port, id);
    }
    for (let number = 1; number <= nodes; number++) {
      const id = `node-${number}`;
      const place = { port: next(), linePort: await this.network.line(id) };
      this.#nodePlaces.set(id, place);
      this.network.assign(place.port, id);
    }
  }

  async #startClient(): Promise<void> {
    const seeds = this.#seeds();
    const linePort = await this.network.line('client');
    this.#client = await LoadClient.start({ id: 'client', election, seeds, linePort }, (report) => {
      this.witness.hear(report);
    });
  }

  #seeds(): readonly string[] {
    return [...this.#nodePlaces.values()].slice(0, 3).map(addressAt);
  }

  #awakeNodes(except: ReadonlySet<string> = new Set()): readonly FaultNode[] {
    return [...this.#nodes.values()].filter(({ id, isAwake }) => isAwake && !except.has(id));
  }

  #agreed({ after, except }: Recovery): SeenLeadership | undefined {
    const [leader, ...others] = this.leading();
    if (leader === undefined || others.length > 0) return undefined;
    if (after !== undefined && leader.epoch <= after.epoch) return undefined;
    const isNamed = this.#awakeNodes(except).every(
      ({ told }) =>
        told?.status === 'current' &&
        told.record?.version.epoch === leader.epoch &&
        told.record.leaderId === leader.electorId,
    );
    return isNamed ? leader : undefined;
  }

  /**
   * Each for itself: with the shortest of leases on a machine that has too much to do, one or the other has
   * always just lost its own.
   */
  async #untilAllWereInLine(): Promise<void> {
    const missing = new Set(this.#electors.values());
    await this.until('every elector to lead or to stand in line', async () => {
      await Promise.all(
        [...missing].map(async (elector) => {
          if (await isInLine(elector.address)) missing.delete(elector);
        }),
      );
      return missing.size === 0;
    });
  }

  #describe(): string {
    const electors = [...this.#electors.values()].flatMap((elector) => {
      const led = elector.leaderships.map(
        ({ epoch, hasEnded }) => `${epoch}${hasEnded ? '' : ' (goes on)'}`,
      );
      return [`${stateOf(elector)}, led ${led.join(', ')}`, ...elector.lastLines];
    });
    const nodes = [...this.#nodes.values()].map((node) => {
      const { status, record } = node.told ?? {};
      return `${stateOf(node)}, says ${String(status)} at ${String(record?.version.epoch)}`;
    });
    return ['how things stood:', ...electors, ...nodes].join('\n');
  }
}

async function isInLine(address: string): Promise<boolean> {
  await using operator = createOperator({ insecure: true, elector: address });
  const status = await answerOf(operator.status({ election, timeoutMs: askMs }));
  const state = status?.elections[0]?.state;
  return state === 'waiting' || state === 'leading';
}

/** Undefined when there was no answer in time: whoever asks for a state asks again. */
async function answerOf<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof HeraldClientError) return undefined;
    throw error;
  }
}

function known<Value>(map: ReadonlyMap<string, Value>, id: string): Value {
  const value = map.get(id);
  if (value === undefined) throw new Error(`there is no ${id}`);
  return value;
}

function addressAt({ port }: Place): string {
  return `127.0.0.1:${port}`;
}

function stateOf({ id, isAwake, isRunning }: FixtureProcess<never>): string {
  return `${id} ${isAwake ? 'runs' : isRunning ? 'is stopped' : 'is gone'}`;
}
