/** A gossip tier of one, in memory: it keeps the newest record, as every member does. */
import {
  ageMs,
  compareVersions,
  formatVersion,
  isNewer,
  recordStatus,
  validForMs,
} from '@herald/core';
import type {
  Address,
  ElectionName,
  HeldRecord,
  LeaderRecord,
  NodeId,
  Version,
} from '@herald/core';
import { monotonicNowMs } from '@herald/process';
import { encodeRecord } from '@herald/wire';
import type { LeaderAnswer } from '@herald/wire';
import type { Tier } from '../tier.ts';

export class MemoryTier implements Tier {
  readonly #held = new Map<ElectionName, HeldRecord>();
  readonly #nodeId: NodeId;
  /** Everything that was news, in order. */
  readonly published: LeaderRecord[] = [];
  readonly introduced: Address[] = [];
  /** Records that are not let in: the tier is cut off from whoever issues them. */
  isDeafTo: (record: LeaderRecord) => boolean = () => false;

  constructor(nodeId: NodeId) {
    this.#nodeId = nodeId;
  }

  nowMs(): number {
    return monotonicNowMs();
  }

  publish(record: LeaderRecord, issuedAgoMs = 0): boolean {
    if (this.isDeafTo(record)) return false;
    if (!isNewer(record.version, this.leader(record.election)?.sealed.record.version)) return false;
    this.#held.set(record.election, {
      sealed: encodeRecord(record),
      appliedAtMs: this.nowMs(),
      ageAtApplyMs: issuedAgoMs,
      hops: 0,
    });
    this.published.push(record);
    return true;
  }

  leader(election: ElectionName): HeldRecord | undefined {
    return this.#held.get(election);
  }

  answer(election: ElectionName, minVersion?: Version): LeaderAnswer {
    const held = this.leader(election);
    const { nodeId, nowMs } = { nodeId: this.#nodeId, nowMs: this.nowMs() };
    const base = { behind: minVersion !== undefined, ask: [], nodeId };
    if (held === undefined)
      return { ...base, status: 'unknown', carried: undefined, validForMs: 0 };
    const { version } = held.sealed.record;
    return {
      ...base,
      behind:
        minVersion !== undefined &&
        compareVersions({ ...minVersion, renewal: 0 }, { ...version, renewal: 0 }) > 0,
      status: recordStatus(held, nowMs),
      carried: { sealed: held.sealed, ageMs: ageMs(held, nowMs), hops: 0 },
      validForMs: validForMs(held, nowMs),
    };
  }

  introduce(addresses: readonly Address[]): void {
    this.introduced.push(...addresses);
  }

  /** For assertions: `leader 0.5.5.0 a`. */
  describe(election: ElectionName): string {
    const record = this.leader(election)?.sealed.record;
    if (record === undefined) return 'unknown';
    const version = formatVersion(record.version);
    return record.kind === 'leader'
      ? `leader ${version} ${record.leader.id}`
      : `vacancy ${version}`;
  }
}
