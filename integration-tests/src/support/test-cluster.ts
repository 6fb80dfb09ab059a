/**
 * What most tests stand on: elector processes that sample themselves, a few gossip nodes in the test's
 * own process, an election of its own in an etcd that tests may share. Decides when all is well again
 * after a fault (one leader, and every node knows it), and holds all that was seen against P1 and P2.
 */
import { randomBytes } from 'node:crypto';
import { createOperator } from '@herald/client';
import { waitUntil } from '@herald/lab';
import type { ElectionStatus, LeaderAnswer } from '@herald/wire';
import type { SeenLeadership } from '../fixtures/sampling-protocol.ts';
import { ForwardOnly } from './forward-only.ts';
import { assertOneLeaderAtATime } from './leaderships.ts';
import { NodeGroup } from './node-group.ts';
import { SamplingElector } from './sampling-elector.ts';

/** The least that etcd grants with its own election timeouts. */
export const ttlSeconds = 2;
export const ttlMs = ttlSeconds * 1_000;

/** For what takes a few seconds at most on an idle machine; a busy one may need as long to start a process. */
export const patienceMs = 60_000;

export const defaultElection = 'payments';

export interface TestClusterOptions {
  readonly etcdEndpoints: readonly string[];
  readonly nodes?: number;
  readonly electors?: number;
  readonly elections?: readonly string[];
  /** Where that elector finds etcd, if not at `etcdEndpoints`. They are `elector-1` and so on. */
  readonly endpointsOf?: (electorId: string) => readonly string[];
}

/** Starts the nodes, and then all electors at once. */
export async function startTestCluster(options: TestClusterOptions): Promise<TestCluster> {
  const name = `test-${randomBytes(4).toString('hex')}`;
  const judge = new ForwardOnly();
  const nodes = await NodeGroup.start({
    cluster: name,
    election: options.elections?.[0] ?? defaultElection,
    count: options.nodes ?? 4,
    judge,
  });
  const cluster = new TestCluster(name, nodes, judge, options);
  try {
    const electors = Array.from({ length: options.electors ?? 3 }, () => cluster.addElector());
    await Promise.all(electors);
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

export class TestCluster implements AsyncDisposable {
  readonly name: string;
  readonly nodes: NodeGroup;
  readonly judge: ForwardOnly;
  /** All that ever were, the dead ones too. */
  readonly electors: SamplingElector[] = [];
  readonly #options: TestClusterOptions;
  #named = 0;

  constructor(name: string, nodes: NodeGroup, judge: ForwardOnly, options: TestClusterOptions) {
    this.name = name;
    this.nodes = nodes;
    this.judge = judge;
    this.#options = options;
  }

  /** Under which its elections lie in etcd. */
  get prefix(): string {
    return `herald-test/${this.name}`;
  }

  get elections(): readonly string[] {
    return this.#options.elections ?? [defaultElection];
  }

  /** Starts another elector; resolves when it campaigns. */
  async addElector(): Promise<SamplingElector> {
    const id = `elector-${++this.#named}`;
    const { etcdEndpoints, endpointsOf } = this.#options;
    const elector = await SamplingElector.start(
      {
        id,
        cluster: this.name,
        elections: this.elections,
        etcdEndpoints: endpointsOf?.(id) ?? etcdEndpoints,
        prefix: this.prefix,
        ttlSeconds,
        join: this.nodes.addresses.slice(0, 2),
      },
      (applied) => {
        this.judge.note(id, applied);
      },
    );
    this.electors.push(elector);
    return elector;
  }

  elector(id: string): SamplingElector {
    const elector = this.electors.find((each) => each.id === id);
    if (elector === undefined) throw new Error(`there is no elector ${id}`);
    return elector;
  }

  /** All that any elector saw of its own leadership. */
  leaderships(election = defaultElection): readonly SeenLeadership[] {
    return this.electors
      .flatMap(({ leaderships }) => leaderships)
      .filter((seen) => seen.election === election);
  }

  /** Electors that say now, of themselves, that they lead. */
  leading(election = defaultElection): readonly SeenLeadership[] {
    return this.electors.flatMap((elector) => elector.leading(election) ?? []);
  }

  /**
   * Waits until exactly one elector leads, under an epoch above `afterEpoch`, and every node names it.
   */
  async untilAllKnowOneLeader(
    options: {
      readonly afterEpoch?: bigint;
      readonly election?: string;
      readonly timeoutMs?: number;
    } = {},
  ): Promise<SeenLeadership> {
    const { afterEpoch = 0n, election = defaultElection, timeoutMs = patienceMs } = options;
    return this.until(
      `one leader of ${election} after epoch ${afterEpoch}, known by all nodes`,
      () => {
        assertOneLeaderAtATime(this.leaderships(election));
        const [leader, ...others] = this.leading(election);
        if (leader === undefined || others.length > 0 || leader.epoch <= afterEpoch)
          return undefined;
        return this.nodes.answers(election).every((answer) => names(answer, leader))
          ? leader
          : undefined;
      },
      timeoutMs,
    );
  }

  /** Waits for `condition`; a failure says how things stand. */
  async until<T>(
    what: string,
    condition: () => Promise<T | undefined | false> | T | undefined | false,
    timeoutMs = patienceMs,
  ): Promise<T> {
    try {
      return await waitUntil(what, condition, { timeoutMs });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${message}\n${this.#describe()}`, { cause: error });
    }
  }

  /** What the elector says of itself over gRPC. */
  async status(elector: SamplingElector, election = defaultElection): Promise<ElectionStatus> {
    await using operator = createOperator({ insecure: true, elector: elector.address });
    const { elections } = await operator.status({ election });
    const [status] = elections;
    if (status === undefined) throw new Error(`${elector.id} says nothing of ${election}`);
    return status;
  }

  /** Waits until that elector stands in line behind another. */
  async untilWaiting(elector: SamplingElector): Promise<void> {
    await this.until(
      `${elector.id} to stand in line`,
      async () => (await this.status(elector)).state === 'waiting',
    );
  }

  /** Asks the elector to step down, as an operator would. */
  async stepDown(
    elector: SamplingElector,
    election = defaultElection,
  ): Promise<bigint | undefined> {
    await using operator = createOperator({ insecure: true, elector: elector.address });
    const { steppedDown, epoch } = await operator.stepDown({ election, reason: 'the test' });
    return steppedDown ? epoch : undefined;
  }

  /** Holds all that was seen since the start against P1 and P2. */
  assertPromisesHeld(): void {
    for (const election of this.elections) assertOneLeaderAtATime(this.leaderships(election));
    this.judge.assertHeld();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.electors.map((elector) => elector[Symbol.asyncDispose]()));
    await this.nodes[Symbol.asyncDispose]();
  }

  #describe(): string {
    const electors = this.electors.flatMap((elector) => {
      const state = elector.isAwake ? 'runs' : elector.isRunning ? 'is stopped' : 'is gone';
      const led = elector.leaderships.map(
        ({ election, epoch, hasEnded }) => `${election}@${epoch}${hasEnded ? '' : ' (goes on)'}`,
      );
      return [`${elector.id} ${state}, led ${led.join(', ')}`, ...elector.lastLines];
    });
    const nodes = this.elections.map((election) => {
      const told = this.nodes.answers(election).map(describeAnswer);
      return `nodes on ${election}: ${told.join(', ')}`;
    });
    return ['how things stood:', ...electors, ...nodes].join('\n');
  }
}

/** Whether the answer names that leader, and believes it. */
export function names(answer: LeaderAnswer, leader: SeenLeadership): boolean {
  const record = answer.carried?.sealed.record;
  return (
    answer.status === 'current' &&
    record?.kind === 'leader' &&
    record.version.epoch === leader.epoch &&
    record.leader.id === leader.electorId
  );
}

function describeAnswer({ status, carried }: LeaderAnswer): string {
  const epoch = carried?.sealed.record.version.epoch;
  return epoch === undefined ? status : `${status}@${epoch}`;
}
