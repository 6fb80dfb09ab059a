/**
 * The gossip nodes of a lab: many full members in each of a few worker processes. Decides which
 * worker hosts which node, who is whose seed, and when the tier counts as linked.
 */
import { pickSome } from '@herald/core';
import { LabError } from './lab-error.ts';
import type { WorkerArrivals } from './measure/change.ts';
import { waitUntil } from './process/wait-until.ts';
import type {
  LinkCounts,
  MembersSeen,
  NodePlan,
  NodeWorkerCalls,
  TierPlan,
  TrafficCounters,
} from './worker/node-worker-protocol.ts';
import { WorkerProcess } from './worker/worker-process.ts';

/** Nodes by which electors join. */
const electorSeedsMax = 3;
/**
 * Nodes started by one call, and the nodes among those that run already which they are given as seeds,
 * drawn anew for each call: as where a DNS name stands for the whole tier. With the same few seeds
 * for all, hundreds of nodes would queue before three doors.
 */
const nodesPerStart = 10;
const seedsPerStart = 8;
const startTimeoutMs = 60_000;
const askTimeoutMs = 10_000;
/** A link over TLS costs both ends some 15 ms of CPU, and each node has eight ends of them. */
const linkTimeoutMs = 60_000;
const linkTimeoutMsPerNode = 200;
const linkPollMs = 100;
const membersPollMs = 100;
/** Links count as settled when their number stays the same for this long. */
const calmMs = 400;
/** A link is replaced now and then for good, so that a large tier is never quite calm. */
const calmTimeoutMs = 15_000;

export interface LabNode {
  readonly nodeId: string;
  readonly address: string;
  /** Index of its worker. */
  readonly worker: number;
}

export interface NodeTierOptions {
  readonly tier: TierPlan;
  readonly nodes: number;
  readonly nodesPerProcess: number;
  /** Port of the first node, the others follow; 0 lets the system choose each. */
  readonly firstPort: number;
  readonly onWorkerEnd: (worker: NodeWorker, how: string) => void;
  readonly onLine: (line: string) => void;
}

/** One worker process with its nodes. */
export interface NodeWorker {
  readonly process: WorkerProcess<NodeWorkerCalls>;
  readonly nodes: readonly LabNode[];
}

export class NodeTier implements AsyncDisposable {
  readonly #options: NodeTierOptions;
  readonly #workers: {
    process: WorkerProcess<NodeWorkerCalls>;
    nodes: LabNode[];
  }[] = [];

  constructor(options: NodeTierOptions) {
    this.#options = options;
  }

  get workers(): readonly NodeWorker[] {
    return this.#workers;
  }

  get nodes(): readonly LabNode[] {
    return this.#workers.flatMap(({ nodes }) => nodes);
  }

  /** Nodes whose process runs. */
  get liveNodes(): number {
    return this.#live.reduce((sum, { nodes }) => sum + nodes.length, 0);
  }

  /** Addresses by which electors join. */
  get seeds(): readonly string[] {
    return this.nodes.slice(0, electorSeedsMax).map(({ address }) => address);
  }

  /** Starts all processes and nodes; resolves when every node listens. */
  async start(signal?: AbortSignal): Promise<void> {
    const plans = planNodes(this.#options);
    plans.forEach((_, index) => {
      this.#workers.push({ process: this.#startWorker(index), nodes: [] });
    });
    // The very first nodes have nobody to join by; all others have them.
    const first = plans[0]?.splice(0, nodesPerStart) ?? [];
    await this.#startNodes(0, first.splice(0, 1));
    await this.#startNodes(0, first);
    await Promise.all(
      plans.map(async (plan, worker) => {
        while (plan.length > 0) {
          signal?.throwIfAborted();
          await this.#startNodes(worker, plan.splice(0, nodesPerStart));
        }
      }),
    );
  }

  /** Ends a worker process as a machine that loses power does; its nodes say nothing any more. */
  async kill(worker: NodeWorker): Promise<void> {
    worker.process.signal('SIGKILL');
    await worker.process.exited;
  }

  /** Starts a worker that has ended again, with the same nodes: new lives of the same ids. */
  async restart(worker: NodeWorker, signal?: AbortSignal): Promise<void> {
    const index = this.#workers.findIndex((each) => each === worker);
    const place = this.#workers[index];
    const plan = planNodes(this.#options)[index];
    if (place === undefined || plan === undefined || worker.process.isRunning) {
      throw new LabError('unsupported', `${worker.process.name} has not ended`);
    }
    place.nodes = [];
    place.process = this.#startWorker(index);
    while (plan.length > 0) {
      signal?.throwIfAborted();
      await this.#startNodes(index, plan.splice(0, nodesPerStart));
    }
  }

  /** What the nodes that run make of the members, the most frequent view first. */
  async members(): Promise<readonly MembersSeen[]> {
    const seen = new Map<string, MembersSeen>();
    for (const one of (await this.#ask('members', {})).flat()) {
      const key = `${String(one.live)} ${String(one.gone)}`;
      seen.set(key, { ...one, nodes: one.nodes + (seen.get(key)?.nodes ?? 0) });
    }
    return [...seen.values()].sort((a, b) => b.nodes - a.nodes);
  }

  /**
   * Resolves when every node that runs counts `live` members and no more than `goneMax` that are gone.
   * @throws LabError `timeout` that says how the nodes see it instead.
   */
  async untilAgreed(
    live: number,
    { goneMax, timeoutMs, signal }: { goneMax: number; timeoutMs: number; signal?: AbortSignal },
  ): Promise<void> {
    let seen: readonly MembersSeen[] = [];
    try {
      await waitUntil(
        `all nodes to count ${String(live)} members`,
        async () => {
          seen = await this.members();
          return seen.length > 0 && seen.every((one) => one.live === live && one.gone <= goneMax);
        },
        { timeoutMs, pollMs: membersPollMs, signal },
      );
    } catch (error) {
      if (!(error instanceof LabError) || error.code !== 'timeout') throw error;
      const views = seen
        .slice(0, 4)
        .map(
          (one) => `${String(one.nodes)} count ${String(one.live)} and ${String(one.gone)} gone`,
        );
      throw new LabError('timeout', `${error.message}; ${views.join(', ')}`, { cause: error });
    }
  }

  /** Nodes that run and know of all live members that they have applied the newest change. */
  async converged(): Promise<number> {
    return (await this.#ask('converged', {})).reduce((sum, count) => sum + count, 0);
  }

  /** Resolves when every node has a link to another member. */
  async untilLinked(progress: (linkedNodes: number) => void, signal?: AbortSignal): Promise<void> {
    const timeoutMs = linkTimeoutMs + linkTimeoutMsPerNode * this.#options.nodes;
    await waitUntil(
      `all ${String(this.liveNodes)} nodes to have a link`,
      async () => {
        const { linkedNodes } = await this.links();
        progress(linkedNodes);
        return linkedNodes === this.liveNodes;
      },
      { timeoutMs, pollMs: linkPollMs, signal },
    );
  }

  /** Resolves when no links come or go any more, or after a while in any case. */
  async untilCalm(signal?: AbortSignal): Promise<void> {
    const deadlineMs = performance.now() + calmTimeoutMs;
    let before: number | undefined;
    await waitUntil(
      'the links to settle',
      async () => {
        const { linkEnds } = await this.links();
        const isCalm = linkEnds === before;
        before = linkEnds;
        return isCalm || performance.now() > deadlineMs;
      },
      { timeoutMs: 2 * calmTimeoutMs, pollMs: calmMs, signal },
    );
  }

  async links(): Promise<LinkCounts> {
    let linkedNodes = 0;
    let linkEnds = 0;
    for (const reply of await this.#ask('links', {})) {
      linkedNodes += reply.linkedNodes;
      linkEnds += reply.linkEnds;
    }
    return { linkedNodes, linkEnds };
  }

  /** How many nodes hold which change. */
  async held(): Promise<ReadonlyMap<string, number>> {
    const total = new Map<string, number>();
    for (const reply of await this.#ask('held', {})) {
      for (const [change, nodes] of Object.entries(reply)) {
        total.set(change, (total.get(change) ?? 0) + nodes);
      }
    }
    return total;
  }

  arrivals(change: string): Promise<readonly WorkerArrivals[]> {
    return this.#ask('arrivals', { change });
  }

  async traffic(): Promise<TrafficCounters> {
    let framesSent = 0;
    let bytesSent: number | null = 0;
    for (const reply of await this.#ask('traffic', {})) {
      framesSent += reply.framesSent;
      bytesSent =
        bytesSent === null || reply.bytesSent === null ? null : bytesSent + reply.bytesSent;
    }
    return { framesSent, bytesSent };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map(({ process }) => process.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #live(): readonly NodeWorker[] {
    return this.#workers.filter(({ process }) => process.isRunning);
  }

  #startWorker(index: number): WorkerProcess<NodeWorkerCalls> {
    const name = `worker-${String(index + 1)}`;
    const script = new URL('./worker/node-worker-main.js', import.meta.url);
    const process = new WorkerProcess<NodeWorkerCalls>({
      name,
      script,
      onLine: this.#options.onLine,
    });
    void process.exited.then((exit) => {
      const worker = this.#workers[index];
      if (worker?.process !== process) return;
      this.#options.onWorkerEnd(worker, exit.signal ?? `exit code ${String(exit.code)}`);
    });
    return process;
  }

  async #startNodes(index: number, plan: readonly NodePlan[]): Promise<void> {
    const worker = this.#workers[index];
    if (worker === undefined || plan.length === 0) return;
    const running = this.#live.flatMap(({ nodes }) => nodes).map(({ address }) => address);
    const seeds = pickSome(running, seedsPerStart, Math.random);
    const request = { tier: this.#options.tier, seeds, nodes: plan };
    const addresses = await worker.process.call('start', request, { timeoutMs: startTimeoutMs });
    plan.forEach(({ nodeId }, place) => {
      worker.nodes.push({ nodeId, address: addresses[place] ?? '', worker: index });
    });
  }

  /** Asks every worker that runs; one that dies meanwhile has no part in the answer. */
  async #ask<Name extends keyof NodeWorkerCalls>(
    name: Name,
    request: NodeWorkerCalls[Name]['request'],
  ): Promise<NodeWorkerCalls[Name]['reply'][]> {
    const asked = this.#live.map(async ({ process }) => {
      try {
        return [await process.call(name, request, { timeoutMs: askTimeoutMs })];
      } catch (error) {
        if (!process.isRunning && error instanceof LabError) return [];
        throw error;
      }
    });
    return (await Promise.all(asked)).flat();
  }
}

/** The nodes of each worker: as many as fit in each, the last ones evenly. */
export function planNodes(
  options: Pick<NodeTierOptions, 'nodes' | 'nodesPerProcess' | 'firstPort'>,
): NodePlan[][] {
  const { nodes, nodesPerProcess, firstPort } = options;
  const processes = Math.ceil(nodes / nodesPerProcess);
  const plans: NodePlan[][] = Array.from({ length: processes }, () => []);
  for (let index = 0; index < nodes; index++) {
    const worker = Math.floor((index * processes) / nodes);
    const port = firstPort === 0 ? 0 : firstPort + index;
    plans[worker]?.push({ nodeId: `node-${String(index + 1)}`, port });
  }
  return plans;
}
