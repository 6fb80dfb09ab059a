/**
 * A real Herald cluster on one machine: etcd, electors as processes, gossip nodes by the hundred.
 * Decides what can be asked of it and done to it, and in what order it ends. How it begins is
 * `start-lab.ts`.
 */
import { createClient, createOperator } from '@herald/client';
import type { Client, ClientOptions } from '@herald/client';
import { monotonicNowMs } from '@herald/process';
import type { LabSecurity } from './authority/lab-security.ts';
import type { ElectorTier, ElectorTierEvent } from './elector-tier.ts';
import type { ElectorProcess } from './elector/elector-process.ts';
import type { Leadership, LeadershipLedger } from './elector/leadership-ledger.ts';
import { readLeaderKey } from './elector/leader-key.ts';
import type { LeaderKey } from './elector/leader-key.ts';
import type { EtcdCluster } from './etcd/etcd-cluster.ts';
import { countClientConnections } from './etcd/etcd-load.ts';
import type { EventQueue } from './event-queue.ts';
import { LabError } from './lab-error.ts';
import { labNames } from './lab-options.ts';
import { awaitChange } from './measure/await-change.ts';
import type { AwaitChangeOptions } from './measure/await-change.ts';
import type { Change } from './measure/change.ts';
import { measureIdle } from './measure/idle.ts';
import type { IdleUsage } from './measure/idle.ts';
import { totalUsage } from './measure/usage.ts';
import type { LabNode, NodeTier, NodeWorker } from './node-tier.ts';
import type { Notifier } from './notifier.ts';
import { waitUntil } from './process/wait-until.ts';

const settlePollMs = 250;
const convergedPollMs = 500;
/** Nodes that a client is given to begin with. */
const clientSeedsMax = 3;

export type LabEvent =
  | ElectorTierEvent
  | { readonly kind: 'worker-ended'; readonly worker: NodeWorker; readonly how: string };

export interface LabParts {
  readonly security: LabSecurity;
  readonly etcd: EtcdCluster;
  /** Whether the etcd was started for this lab, and ends with it. */
  readonly ownsEtcd: boolean;
  /** Under which the election's keys lie in etcd. */
  readonly electionPrefix: string;
  readonly nodes: NodeTier;
  readonly electors: ElectorTier;
  readonly events: EventQueue<LabEvent>;
  /** Notified of whatever electors log and whichever process ends. */
  readonly notifier: Notifier;
}

/** A leader that was asked to step down, and when. */
export interface StepDownRequested {
  readonly electorId: string;
  readonly epoch: bigint;
  /** When it was asked, on the machine's monotonic clock. */
  readonly requestedMs: number;
}

/** How the lab came up. */
export interface LabStart {
  /** The first election, as the nodes heard of it. */
  readonly elected: Change;
  /** From the start to the moment when the last node knew the leader. */
  readonly readyMs: number;
  /** When the last member had come up, on the machine's monotonic clock. */
  readonly allUpMs: number;
}

/** A running lab. Made by `startLab`. */
export class Lab implements AsyncDisposable {
  readonly elected: Change;
  readonly readyMs: number;
  readonly allUpMs: number;
  readonly #parts: LabParts;
  #closing: Promise<void> | undefined;

  constructor(parts: LabParts, { elected, readyMs, allUpMs }: LabStart) {
    this.#parts = parts;
    this.allUpMs = allUpMs;
    this.elected = elected;
    this.readyMs = readyMs;
  }

  get etcd(): EtcdCluster {
    return this.#parts.etcd;
  }

  get electors(): readonly ElectorProcess[] {
    return this.#parts.electors.electors;
  }

  get workers(): readonly NodeWorker[] {
    return this.#parts.nodes.workers;
  }

  get nodes(): readonly LabNode[] {
    return this.#parts.nodes.nodes;
  }

  /** What its own clients and operators prove themselves with. */
  get security(): LabSecurity {
    return this.#parts.security;
  }

  /** Who led when, by the electors' logs. */
  get ledger(): LeadershipLedger {
    return this.#parts.electors.ledger;
  }

  /** Who leads now, by the electors' logs. */
  leader(): Leadership | undefined {
    return this.ledger.current();
  }

  /** The process of the elector that leads now. */
  leadingElector(): ElectorProcess | undefined {
    const leader = this.leader();
    return this.electors.find(({ id }) => id === leader?.electorId);
  }

  /** Who leads now, by etcd itself. */
  leaderKey(): Promise<LeaderKey | undefined> {
    return readLeaderKey(this.etcd.endpoints, this.#parts.electionPrefix);
  }

  /**
   * Waits for the next leader and for the news of it to reach the nodes, and measures that.
   * @throws LabError `timeout` when no leader is published in time.
   */
  awaitChange(options: AwaitChangeOptions): Promise<Change> {
    return awaitChange(this.#parts, options);
  }

  /**
   * Asks the leader to step down, as an operator would.
   * @throws LabError `unsupported` when nobody leads, or the one asked did not.
   */
  async stepDown(reason = 'asked by the lab'): Promise<StepDownRequested> {
    const leader = this.leader();
    const elector = this.leadingElector();
    if (leader === undefined || elector === undefined) {
      throw new LabError('unsupported', 'nobody leads, so nobody can step down');
    }
    await using operator = createOperator({
      elector: elector.address,
      ...this.#parts.security.operator,
    });
    const requestedMs = monotonicNowMs();
    const { steppedDown } = await operator.stepDown({ election: labNames.election, reason });
    if (!steppedDown) throw new LabError('unsupported', `${elector.id} did not lead when asked`);
    return { electorId: elector.id, epoch: leader.epoch, requestedMs };
  }

  /** A client of this lab's election; whoever makes one closes it. */
  createClient(options: Partial<ClientOptions> = {}): Client {
    const seeds = this.#liveNodes()
      .slice(-clientSeedsMax)
      .map(({ address }) => address);
    const { client } = this.#parts.security;
    return createClient({ seeds, election: labNames.election, ...client, ...options });
  }

  /** Waits until all nodes hold the newest change, and do so still a moment later. */
  async settle(options: { timeoutMs: number; signal?: AbortSignal | undefined }): Promise<void> {
    const { electors, nodes } = this.#parts;
    let before: string | undefined;
    await waitUntil(
      'all nodes to hold the same record',
      async () => {
        const held = await nodes.held();
        const [change] = held.keys();
        const isNewest = change !== undefined && change === electors.newestAfter(0n)?.id;
        const isSame = held.size === 1 && isNewest;
        const isSettled = isSame && before === change;
        before = isSame ? change : undefined;
        return isSettled;
      },
      { ...options, pollMs: settlePollMs },
    );
  }

  /** Members that run: nodes and electors. */
  get liveMembers(): number {
    const { electors, nodes } = this.#parts;
    return nodes.liveNodes + electors.electors.filter(({ isRunning }) => isRunning).length;
  }

  /**
   * Waits until every node that runs counts exactly the members that run, and at most `goneMax` that
   * are gone; returns when that was.
   * @throws LabError `timeout` that says how the nodes see it instead.
   */
  async untilMembersAgree(options: {
    readonly goneMax: number;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  }): Promise<number> {
    await this.#parts.nodes.untilAgreed(this.liveMembers, options);
    return monotonicNowMs();
  }

  /**
   * Waits until every node knows of all others that they have applied the newest change. Members tell it
   * when the fleet has time, so that this takes seconds, and longer in a larger fleet.
   */
  async untilConverged(options: {
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  }): Promise<void> {
    const { nodes } = this.#parts;
    await waitUntil(
      'all nodes to know that all have applied the newest change',
      async () => (await nodes.converged()) === nodes.liveNodes,
      { ...options, pollMs: convergedPollMs },
    );
  }

  /** Kills a worker process, and all its nodes with it, without a word. */
  killWorker(worker: NodeWorker): Promise<void> {
    return this.#parts.nodes.kill(worker);
  }

  /** Starts a worker that has ended again: its nodes come back under their ids, in new lives. */
  restartWorker(worker: NodeWorker, signal?: AbortSignal): Promise<void> {
    return this.#parts.nodes.restart(worker, signal);
  }

  /** What everything together uses, over some seconds; meaningful once things have settled. */
  measureIdle(seconds: number, signal?: AbortSignal): Promise<IdleUsage> {
    const { nodes } = this.#parts;
    const sources = {
      nodes: () => nodes.liveNodes,
      traffic: () => nodes.traffic(),
      usage: () => totalUsage(this.#pids()),
    };
    return measureIdle(seconds, sources, signal);
  }

  /** Connections that etcd holds to others than itself; undefined where that cannot be known. */
  etcdConnections(): Promise<number | undefined> {
    return countClientConnections(this.etcd);
  }

  /** What happens from now on, until the signal aborts. */
  events(signal: AbortSignal): AsyncIterable<LabEvent> {
    return this.#parts.events.read(signal);
  }

  /** Ends everything that the lab started. Safe to call again. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #end(): Promise<void> {
    const { electors, nodes, etcd, ownsEtcd, security } = this.#parts;
    // Electors give back their leases, for which etcd must still be there.
    await Promise.all([electors.stop(), nodes.stop()]);
    if (ownsEtcd) await etcd.stop();
    await security[Symbol.asyncDispose]();
  }

  #liveNodes(): readonly LabNode[] {
    return this.workers.flatMap(({ process, nodes }) => (process.isRunning ? nodes : []));
  }

  /** Everything that runs for this lab, ourselves included. */
  #pids(): number[] {
    const { etcd, electors, nodes } = this.#parts;
    return [
      process.pid,
      ...etcd.members.flatMap(({ pid }) => pid ?? []),
      ...electors.electors.flatMap(({ pid }) => pid ?? []),
      ...nodes.workers.flatMap((worker) => (worker.process.isRunning ? worker.process.pid : [])),
    ];
  }
}
