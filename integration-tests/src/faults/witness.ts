/**
 * Who sees all that happens during a fault, and judges it: what each elector saw of its own leadership, what
 * every node and every loop of the client was told, and what became of each write that was
 * acknowledged. Decides nothing about faults.
 */
import { monotonicNowMs } from '@herald/process';
import type { EtcdClient } from '../fixtures/etcd-client.ts';
import { ledgerPrefix } from '../fixtures/ledger-protocol.ts';
import type {
  AcknowledgedWrite,
  FailedCall,
  LoadClientReport,
} from '../fixtures/load-client-protocol.ts';
import type { SeenLeadership } from '../fixtures/sampling-protocol.ts';
import { ForwardOnly } from '../support/forward-only.ts';
import { findBrokenLeaderships } from '../support/leaderships.ts';
import { findBrokenWrites } from './ledger-check.ts';
import type { LedgerEntry } from './ledger-check.ts';

/**
 * How long after its deadline a call may be seen to end. The deadline is kept by a timer, which on two
 * busy cores comes late together with everything else; what does not end is what this finds.
 */
const latenessMsMax = 5_000;
/** What a client may say while nobody can be believed to lead, or while whoever leads is not reached. */
const expectedCodes: ReadonlySet<FailedCall['code']> = new Set<FailedCall['code']>([
  'NO_LEADER',
  'EXPIRED',
  'NOT_LEADER',
  'UNREACHABLE',
  'DEADLINE_EXCEEDED',
]);
/** Of the ledger in one read: some ten minutes of writing, and less than gRPC takes in one message. */
const entriesMax = 20_000;

export interface Verdict {
  /** Every promise that did not hold, in words; nothing if all did. */
  readonly broken: readonly string[];
  readonly dualLeaderships: number;
  readonly versionsBackwards: number;
  /** Records that were looked at. */
  readonly versionsSeen: number;
  readonly writes: number;
  readonly writesLost: number;
  /** Written under an epoch that had been succeeded in the ledger by then. */
  readonly writesOvertaken: number;
  /** The longest time without an acknowledged write. */
  readonly longestGapMs: number;
  /** Calls that failed, by the error's code. */
  readonly errors: Readonly<Record<string, number>>;
}

export class Witness {
  readonly judge = new ForwardOnly();
  readonly #etcd: EtcdClient;
  readonly #ledger: string;
  #writes: AcknowledgedWrite[] = [];
  #failures: FailedCall[] = [];
  #lastWriteMs = monotonicNowMs();
  #longestGapMs = 0;
  /** What earlier rows were blamed for already. */
  #judged = { leaderships: 0, versions: 0, seen: 0, epoch: 0n };
  #beganMs = 0;

  /** @param etcd Asks again until it is answered. */
  constructor(etcd: EtcdClient, prefix: string) {
    this.#etcd = etcd;
    this.#ledger = ledgerPrefix(prefix);
  }

  hear(report: LoadClientReport): void {
    switch (report.kind) {
      case 'wrote':
        // The ledger was emptied before the row began, and what was asked for before may lie in it no more.
        if (report.write.askedMs >= this.#beganMs) this.#writes.push(report.write);
        this.#noteGap(report.write.answeredMs);
        this.#lastWriteMs = report.write.answeredMs;
        return;
      case 'failed':
        this.#failures.push(report.failure);
        return;
      case 'told':
        this.judge.note(`client's ${report.reader}`, report.record);
        return;
      case 'ready':
      case 'usage':
        return;
    }
  }

  /** The longest time without an acknowledged write since the row began. */
  get longestGapMs(): number {
    this.#noteGap(monotonicNowMs());
    return this.#longestGapMs;
  }

  /** Acknowledged since the row began. */
  get writes(): number {
    return this.#writes.length;
  }

  /** A write that was asked for after that moment, and acknowledged under that epoch or a later one. */
  hasWrittenSince(sinceMs: number, epoch: bigint): boolean {
    return this.#writes.some((write) => write.askedMs >= sinceMs && write.epoch >= epoch);
  }

  /** A row begins: what was before is not its doing. */
  begin(): void {
    this.#writes = [];
    this.#failures = [];
    this.#longestGapMs = 0;
    this.#beganMs = monotonicNowMs();
    this.#lastWriteMs = this.#beganMs;
    this.#judged = { ...this.#judged, seen: this.judge.count };
  }

  /** @param leaderships all that there ever were */
  async verdict(leaderships: readonly SeenLeadership[]): Promise<Verdict> {
    const writes = [...this.#writes];
    const dual = findBrokenLeaderships(leaderships).slice(this.#judged.leaderships);
    const backwards = this.judge.broken.slice(this.#judged.versions);
    const { lost, overtaken, epoch } = findBrokenWrites(
      writes,
      await this.#takeLedger(),
      this.#judged.epoch,
    );
    const errors = countBy(this.#failures.map(({ code }) => code));
    const versionsSeen = this.judge.count - this.#judged.seen;
    this.#judged = {
      leaderships: this.#judged.leaderships + dual.length,
      versions: this.#judged.versions + backwards.length,
      seen: this.judge.count,
      epoch,
    };
    return {
      broken: [...dual, ...backwards, ...lost, ...overtaken, ...describeBad(this.#failures)],
      dualLeaderships: dual.length,
      versionsBackwards: backwards.length,
      versionsSeen,
      writes: writes.length,
      writesLost: lost.length,
      writesOvertaken: overtaken.length,
      longestGapMs: Math.round(this.longestGapMs),
      errors,
    };
  }

  #noteGap(untilMs: number): void {
    this.#longestGapMs = Math.max(this.#longestGapMs, untilMs - this.#lastWriteMs);
  }

  /** All entries, which are removed: the next row begins with an empty ledger. */
  async #takeLedger(): Promise<readonly LedgerEntry[]> {
    const { kvs, more } = await this.#etcd((etcd) =>
      etcd.getAll().prefix(this.#ledger).limit(entriesMax).exec(),
    );
    if (more) throw new Error(`the ledger has more than ${entriesMax} entries`);
    await this.#etcd((etcd) => etcd.delete().prefix(this.#ledger).exec());
    return kvs.map(({ key, value, mod_revision }) => ({
      id: key.toString().slice(this.#ledger.length),
      epoch: BigInt(value.toString()),
      revision: BigInt(mod_revision),
    }));
  }
}

function describeBad(failures: readonly FailedCall[]): string[] {
  const bad = failures.filter(
    ({ code, lateMs }) => !expectedCodes.has(code) || lateMs > latenessMsMax,
  );
  return bad.map(
    ({ kind, code, message, lateMs }) =>
      `P5: a call (${kind}) ended ${Math.round(lateMs)} ms after its deadline with ${code}: ${message}`,
  );
}

function countBy(codes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const code of codes.toSorted()) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
