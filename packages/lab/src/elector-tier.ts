/**
 * The electors of a lab. Decides what the lab knows of the election from their logs: which change was
 * published first, when, and who led when.
 */
import type { LabSecurity } from './authority/lab-security.ts';
import type { EtcdCluster } from './etcd/etcd-cluster.ts';
import type { ElectorLogEvent, Publication } from './elector/elector-log.ts';
import { ElectorProcess } from './elector/elector-process.ts';
import { LeadershipLedger } from './elector/leadership-ledger.ts';
import { labNames } from './lab-options.ts';
import type { PublishedChange } from './measure/change.ts';
import type { ProcessExit } from './process/supervised-process.ts';

/** Changes remembered; the lab measures each within seconds. */
const changesKeptMax = 256;

export interface ElectorTierOptions {
  readonly etcd: EtcdCluster;
  /** Under which the election lies in etcd; of this lab alone, also where others use that etcd. */
  readonly prefix: string;
  readonly ids: readonly string[];
  /** One for each id. */
  readonly ports: readonly number[];
  readonly security: LabSecurity;
  readonly ttlSeconds: number;
  /** Members of the tier to join by. */
  readonly seeds: readonly string[];
  readonly logLevel: string;
  /** Something was logged or ended. */
  readonly onChange: () => void;
  readonly onEvent: (event: ElectorTierEvent) => void;
}

export type ElectorTierEvent =
  /** The first elector published this change; vacancies are not told. */
  | { readonly kind: 'published'; readonly change: PublishedChange }
  | {
      readonly kind: 'leadership-ended';
      readonly electorId: string;
      readonly epoch: bigint;
      readonly reason: string;
    }
  | {
      readonly kind: 'elector-ended';
      readonly elector: ElectorProcess;
      readonly exit: ProcessExit;
    };

export class ElectorTier implements AsyncDisposable {
  readonly electors: readonly ElectorProcess[];
  readonly ledger = new LeadershipLedger();
  readonly #options: ElectorTierOptions;
  /** By id, in the order of the first publication. */
  readonly #changes = new Map<string, PublishedChange>();

  constructor(options: ElectorTierOptions) {
    this.#options = options;
    this.electors = options.ids.map((id, index) => this.#newElector(id, options.ports[index] ?? 0));
  }

  /** Starts all at once; resolves when all are ready. */
  async start(progress: (ready: number) => void, signal?: AbortSignal): Promise<void> {
    let ready = 0;
    await Promise.all(
      this.electors.map(async (elector) => {
        await elector.start(signal);
        progress(++ready);
      }),
    );
  }

  /** The newest change to a leader whose epoch is above `afterEpoch`. */
  newestAfter(afterEpoch: bigint): PublishedChange | undefined {
    let newest: PublishedChange | undefined;
    for (const change of this.#changes.values()) {
      if (change.epoch > afterEpoch && change.epoch > (newest?.epoch ?? 0n)) newest = change;
    }
    return newest;
  }

  /** By its id, `lineage.epoch.sequence`. */
  change(id: string): PublishedChange | undefined {
    return this.#changes.get(id);
  }

  async stop(): Promise<void> {
    await Promise.all(this.electors.map((elector) => elector.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #newElector(id: string, port: number): ElectorProcess {
    const { etcd, prefix, ttlSeconds, seeds, logLevel, onChange, onEvent } = this.#options;
    const { security } = this.#options;
    const { cluster, election, host } = labNames;
    const elector: ElectorProcess = new ElectorProcess({
      id,
      host,
      port,
      ledger: this.ledger,
      args: [
        ...['--cluster', cluster, '--election', election, '--ttl', `${String(ttlSeconds)}s`],
        ...['--prefix', prefix, ...etcd.endpoints.flatMap((url) => ['--etcd', url])],
        ...seeds.flatMap((seed) => ['--join', seed]),
        ...['--log-level', logLevel],
        ...security.electorFlags(id),
      ],
      onEvent: (event) => {
        this.#take(id, event);
        onChange();
      },
      onEnd: (exit) => {
        onEvent({ kind: 'elector-ended', elector, exit });
        onChange();
      },
    });
    return elector;
  }

  #take(electorId: string, event: ElectorLogEvent): void {
    switch (event.kind) {
      case 'published':
        this.#notePublication(event);
        break;
      case 'leadership-started':
        this.ledger.started(electorId, event.epoch, event.monotonicMs);
        break;
      case 'leadership-ended': {
        const { epoch, reason } = event;
        this.ledger.ended(electorId, epoch, event.monotonicMs, reason);
        this.#options.onEvent({ kind: 'leadership-ended', electorId, epoch, reason });
        break;
      }
      case 'ready':
        break;
    }
  }

  /** Logs of several processes arrive in any order: what counts is the earliest moment told. */
  #notePublication(event: Publication): void {
    if (event.claim !== 'leader' || event.leaderId === undefined) return;
    const known = this.#changes.get(event.change);
    if (known !== undefined) {
      const publishedMs = Math.min(known.publishedMs, event.monotonicMs);
      this.#changes.set(event.change, { ...known, publishedMs });
      return;
    }
    const { change: id, epoch, leaderId, monotonicMs: publishedMs } = event;
    const change = { id, epoch, leaderId, publishedMs };
    this.#changes.set(id, change);
    const [oldest] = this.#changes.keys();
    if (this.#changes.size > changesKeptMax && oldest !== undefined) this.#changes.delete(oldest);
    this.#options.onEvent({ kind: 'published', change });
  }
}
