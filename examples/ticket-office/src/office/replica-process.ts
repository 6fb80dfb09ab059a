/**
 * One replica as a process, with its three lines to the world: to etcd, to the store and to its customers, each
 * through a proxy that can be told to misbehave. Decides what can be done to it.
 */
import { fileURLToPath } from 'node:url';
import { superviseProcess, TcpProxy, waitUntil } from '@herald/lab';
import type { NetworkCondition, SupervisedProcess } from '@herald/lab';
import type { ReplicaMessage, ReplicaState } from '../protocol/messages.ts';

/** Node's start, its modules, a look at etcd; on a machine that does much else at the time. */
const readyTimeoutMs = 90_000;

export interface ReplicaPlan {
  readonly id: string;
  readonly host: string;
  readonly electorPort: number;
  readonly ticketsPort: number;
  readonly storeAddress: string;
  readonly etcdEndpoints: readonly string[];
  /** Its arguments, but for those that follow from the above. */
  readonly args: readonly string[];
}

/** The lines that can be cut, together or one by one. */
export type Line = 'etcd' | 'store' | 'customers';

export class ReplicaProcess implements AsyncDisposable {
  readonly id: string;
  readonly #plan: ReplicaPlan;
  readonly #lines: Readonly<Record<Line, readonly TcpProxy[]>>;
  #process: SupervisedProcess | undefined;
  #state: ReplicaState = 'stopped';
  #epoch = 0n;
  #electorAddress = '';
  #isWell = false;

  private constructor(plan: ReplicaPlan, lines: Readonly<Record<Line, readonly TcpProxy[]>>) {
    this.id = plan.id;
    this.#plan = plan;
    this.#lines = lines;
  }

  /** Lays the lines; `start` starts the process. */
  static async create(plan: ReplicaPlan): Promise<ReplicaProcess> {
    const { host, ticketsPort, storeAddress, etcdEndpoints } = plan;
    const [customers, store, ...etcd] = await Promise.all(
      [`http://${host}:${String(ticketsPort)}`, `http://${storeAddress}`, ...etcdEndpoints].map(
        (endpoint) => TcpProxy.start(endpoint),
      ),
    );
    const one = (proxy: TcpProxy | undefined): TcpProxy[] => (proxy === undefined ? [] : [proxy]);
    return new ReplicaProcess(plan, { customers: one(customers), store: one(store), etcd });
  }

  /** Where customers reach it. */
  get address(): string {
    return hostPort(this.#lines.customers);
  }

  get electorAddress(): string {
    return this.#electorAddress;
  }

  /** Whether it stands in line and nothing is done to it, so that it can take over. */
  get standsInLine(): boolean {
    return this.#isWell && this.#state === 'waiting';
  }

  /** The epoch that it leads by, as far as it says itself; undefined when something is done to it. */
  get leadsBy(): bigint | undefined {
    return this.#isWell && this.#state === 'leading' ? this.#epoch : undefined;
  }

  /** @throws LabError `timeout` when it is not ready in time; Error with its last words when it ended */
  async start(signal?: AbortSignal): Promise<void> {
    const { id, host, electorPort, ticketsPort, args } = this.#plan;
    let isReady = false;
    const child = superviseProcess({
      name: id,
      command: process.execPath,
      args: [
        fileURLToPath(new URL('../replica/replica-main.js', import.meta.url)),
        ...['--id', id, '--elector-listen', `${host}:${String(electorPort)}`],
        ...['--listen', `${host}:${String(ticketsPort)}`, '--address', this.address],
        ...['--store', hostPort(this.#lines.store)],
        ...this.#lines.etcd.flatMap(({ endpoint }) => ['--etcd', endpoint]),
        ...args,
      ],
      onMessage: (message) => {
        if (this.#process !== child) return;
        const told = message as ReplicaMessage;
        isReady ||= told.kind === 'ready';
        this.#take(told);
      },
    });
    this.#process = child;
    await waitUntil(
      `${id} to be ready`,
      () => {
        if (child.exit === undefined) return isReady;
        throw new Error([`${id} did not come up:`, ...child.lastLines].join('\n'));
      },
      { timeoutMs: readyTimeoutMs, signal },
    );
    this.#isWell = true;
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#isWell = false;
    this.#state = 'stopped';
    this.#process?.signal('SIGKILL');
    await this.#process?.exited;
  }

  /** SIGSTOP: connections stay open and nothing is answered. */
  pause(): void {
    this.#isWell = false;
    this.#process?.signal('SIGSTOP');
  }

  resume(): void {
    this.#process?.signal('SIGCONT');
    this.#isWell = true;
  }

  /** Nothing passes on these lines any more, and nobody is told. */
  cutOff(lines: readonly Line[]): void {
    this.#isWell = false;
    this.#set(lines, { kind: 'black-hole' });
  }

  connect(): void {
    this.#set(['etcd', 'store', 'customers'], { kind: 'clear' });
    this.#isWell = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A farewell to etcd takes until a deadline when nothing passes.
    this.#set(['etcd', 'store', 'customers'], { kind: 'clear' });
    await this.#process?.stop();
    const proxies = Object.values(this.#lines).flat();
    await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }

  #set(lines: readonly Line[], condition: NetworkCondition): void {
    for (const proxy of lines.flatMap((line) => this.#lines[line])) proxy.set(condition);
  }

  #take(message: ReplicaMessage): void {
    switch (message.kind) {
      case 'ready':
        this.#electorAddress = message.electorAddress;
        break;
      case 'standing':
        this.#state = message.state;
        this.#epoch = BigInt(message.epoch);
        break;
    }
  }
}

function hostPort([proxy]: readonly TcpProxy[]): string {
  return proxy === undefined ? '' : new URL(proxy.endpoint).host;
}
