/**
 * A ticket office that is open: etcd, gossip nodes, the store, three replicas, fifty customers, each of them
 * real processes on this machine. Decides in which order it opens; it closes in the reverse.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  insecureLab,
  lazyDelayMsFor,
  NodeTier,
  secureLab,
  startEtcd,
  superviseProcess,
  takeFreePorts,
  waitUntil,
  watchOver,
} from '@herald/lab';
import type { EtcdCluster, LabSecurity, SupervisedProcess } from '@herald/lab';
import type { CustomersMessage, GoHome } from '../protocol/messages.ts';
import { readTickets } from '../store/ticket-log.ts';
import type { SoldTicket } from '../store/ticket-log.ts';
import { ReplicaProcess } from './replica-process.ts';
import { Sales } from './sales.ts';

const host = '127.0.0.1';
const replicaIds = ['replica-1', 'replica-2', 'replica-3'] as const;
const nodesPerProcess = 3;
/** When to give up on what takes a few seconds on an idle machine, and much longer on one that starts a lab at the same time. */
const startTimeoutMs = 90_000;
/** Nodes that electors join by, and that customers begin with. */
const seedsMax = 3;
/** Beyond the most patient customer's patience: for the last words of fifty. */
const goHomeGraceMs = 10_000;

export const election = 'tickets';
const cluster = 'ticket-office';

export interface OfficeOptions {
  readonly customers: number;
  /** Gossip nodes. */
  readonly nodes: number;
  readonly ttlSeconds: number;
  /** How long patient customers wait for a ticket, and how long hasty ones do. */
  readonly patientMs: number;
  readonly hastyMs: number;
  /** Of the customers' dice. */
  readonly seed: number;
  /** Whether the store refuses those who were leaders once. */
  readonly isFenced: boolean;
  /** Whether Herald does without certificates and signatures. */
  readonly insecure: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly onNote: (label: string, text: string) => void;
}

/** What the opening of an office is done with: whatever comes up is owned, so that it ends. */
export type Own = <Owned extends AsyncDisposable>(name: string, resource: Owned) => Owned;

export interface OfficeParts {
  readonly etcd: EtcdCluster;
  readonly replicas: readonly ReplicaProcess[];
  readonly seeds: readonly string[];
  readonly logFile: string;
  /** What everybody proves themselves with. */
  readonly security: LabSecurity;
}

export class Office {
  readonly etcd: EtcdCluster;
  readonly replicas: readonly ReplicaProcess[];
  readonly sales = new Sales();
  readonly #options: OfficeOptions;
  readonly #parts: OfficeParts;
  #customers: SupervisedProcess | undefined;
  #haveGoneHome = false;

  constructor(parts: OfficeParts, options: OfficeOptions) {
    this.etcd = parts.etcd;
    this.replicas = parts.replicas;
    this.#parts = parts;
    this.#options = options;
  }

  get security(): LabSecurity {
    return this.#parts.security;
  }

  /** Lets the customers in; resolves when the first ticket was sold. */
  async letIn(own: Own): Promise<void> {
    const { customers, seed, patientMs, hastyMs, signal } = this.#options;
    this.#customers = own(
      'the customers',
      superviseProcess({
        name: 'customers',
        command: process.execPath,
        args: [
          script('../customers/customers-main.js'),
          ...['--customers', String(customers), '--seed', String(seed), '--election', election],
          ...['--patient-ms', String(patientMs), '--hasty-ms', String(hastyMs)],
          ...this.#parts.seeds.flatMap((seedAddress) => ['--join', seedAddress]),
          ...['--cluster', cluster, ...this.security.clientFlags],
        ],
        onMessage: (message) => {
          const told = message as CustomersMessage;
          this.sales.take(told);
          this.#haveGoneHome ||= told.kind === 'gone-home';
        },
      }),
    );
    const isOpen = (): boolean => this.sales.newestEpoch > 0n;
    await this.untilCustomers('the first ticket', isOpen, startTimeoutMs, signal);
  }

  /** Lets nobody draw any more; resolves when all draws have come to their end. */
  async close(): Promise<void> {
    const { patientMs, signal } = this.#options;
    this.#customers?.send({ kind: 'go-home' } satisfies GoHome);
    const timeoutMs = patientMs + goHomeGraceMs;
    await this.untilCustomers('all customers to go', () => this.#haveGoneHome, timeoutMs, signal);
  }

  /** All that was written down, in that order. */
  readTickets(): Promise<readonly SoldTicket[]> {
    return readTickets(this.#parts.logFile);
  }

  /** Waits for what only living customers bring about. */
  async untilCustomers<T>(
    what: string,
    condition: () => T | undefined | false,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<T> {
    return waitUntil(
      what,
      () => {
        const result = condition();
        if (result !== undefined && result !== false) return result;
        if (this.#customers?.exit === undefined) return undefined;
        throw new Error(['the customers are gone:', ...this.#customers.lastLines].join('\n'));
      },
      { timeoutMs, signal },
    );
  }
}

/** Opens the office; resolves when every replica stands in line or leads. */
export async function openOffice(options: OfficeOptions, own: Own): Promise<Office> {
  const { signal, onNote } = options;
  const folder = await makeFolder(own);
  const logFile = join(folder, 'tickets.log');
  const etcd = await startEtcd({
    ...{ signal, env: options.env },
    log: (text) => {
      onNote('etcd', text);
    },
  });
  own('etcd', etcd);
  const isPlain = options.insecure;
  const security = own('the keys', isPlain ? insecureLab : await secureLab(cluster, replicaIds));
  const nodes = await startNodes(options, security, own);
  const storeAddress = await startStore(options, logFile, own);
  const replicas = await layReplicas(options, { etcd, nodes, storeAddress, security }, own);
  await Promise.all(replicas.map((replica) => replica.start(signal)));
  await waitUntil(
    'all replicas to stand in line or to lead',
    () => replicas.every(({ standsInLine, leadsBy }) => standsInLine || leadsBy !== undefined),
    { timeoutMs: startTimeoutMs, signal },
  );
  const seeds = nodes.nodes.slice(-seedsMax).map(({ address }) => address);
  return new Office({ etcd, replicas, seeds, logFile, security }, options);
}

interface Surroundings {
  readonly etcd: EtcdCluster;
  readonly nodes: NodeTier;
  readonly storeAddress: string;
  readonly security: LabSecurity;
}

/** The replicas, before any of them is started. */
async function layReplicas(
  { ttlSeconds }: OfficeOptions,
  { etcd, nodes, storeAddress, security }: Surroundings,
  own: Own,
): Promise<readonly ReplicaProcess[]> {
  const replicas: ReplicaProcess[] = [];
  // All end at the same time: each may take a while to give back its lease.
  own('the replicas', {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(replicas.map((replica) => replica[Symbol.asyncDispose]()));
    },
  });
  const prefix = `ticket-office/${randomBytes(6).toString('hex')}`;
  const ports = await takeFreePorts(2 * replicaIds.length, host);
  for (const [index, id] of replicaIds.entries()) {
    const replica = await ReplicaProcess.create({
      ...{ id, host, storeAddress },
      etcdEndpoints: etcd.endpoints,
      electorPort: ports[2 * index] ?? 0,
      ticketsPort: ports[2 * index + 1] ?? 0,
      args: [
        ...['--election', election, '--prefix', prefix, '--ttl-seconds', String(ttlSeconds)],
        ...nodes.seeds.flatMap((seed) => ['--join', seed]),
        ...['--cluster', cluster, ...security.electorFlags(id)],
      ],
    });
    replicas.push(replica);
  }
  return replicas;
}

async function makeFolder(own: Own): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'herald-tickets-'));
  const watch = watchOver({ kind: 'directory', path });
  own('the temporary folder', {
    [Symbol.asyncDispose]: async () => {
      await rm(path, { recursive: true, force: true });
      watch.release();
    },
  });
  return path;
}

async function startNodes(
  { nodes: count, signal, onNote }: OfficeOptions,
  security: LabSecurity,
  own: Own,
) {
  const ignore = (): void => undefined;
  const nodes = new NodeTier({
    tier: {
      ...{ cluster, election, host, logLevel: 'error' },
      ...(security.nodes && { security: security.nodes }),
      lazyDelayMs: lazyDelayMsFor(count),
    },
    ...{ nodes: count, nodesPerProcess, firstPort: 0, onWorkerEnd: ignore },
    onLine: (line) => {
      onNote('a node', line);
    },
  });
  own('the nodes', nodes);
  await nodes.start(signal);
  if (count > 1) await nodes.untilLinked(ignore, signal);
  return nodes;
}

/** @returns where it listens */
async function startStore(
  { isFenced, signal }: OfficeOptions,
  logFile: string,
  own: Own,
): Promise<string> {
  const [port = 0] = await takeFreePorts(1, host);
  const address = `${host}:${String(port)}`;
  let isReady = false;
  const store = superviseProcess({
    name: 'the store',
    command: process.execPath,
    args: [
      script('../store/store-main.js'),
      ...['--listen', address, '--file', logFile, ...(isFenced ? [] : ['--without-fence'])],
    ],
    onMessage: (_message) => {
      isReady = true;
    },
  });
  own('the store', store);
  await waitUntil(
    'the store to listen',
    () => {
      if (store.exit === undefined) return isReady;
      throw new Error(['the store did not come up:', ...store.lastLines].join('\n'));
    },
    { timeoutMs: startTimeoutMs, signal },
  );
  return address;
}

function script(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
