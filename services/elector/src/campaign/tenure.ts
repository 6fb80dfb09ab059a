/**
 * One stand in line: a lease, the key that hangs on it, and what became of them. A tenure goes
 * forward only, and ends once; a candidate that wants to stand again takes a new one.
 *
 *     entering ──key created──▶ waiting ──lowest key, verified──▶ leading
 *         └────────────────────────┴──────────────────────────────┴──▶ ended
 *
 * Whether it leads is decided at the moment of the question, by the clock. No timer has to fire
 * first: one that is late, because the process was paused, changes nothing about the answer.
 */
import { assert, assertNever } from '@herald/core';
import type { Clock } from '../clock.ts';
import { ElectorError } from '../errors.ts';
import type { GrantedLease } from '../etcd/leases.ts';
import { LeaseDeadline } from './deadline.ts';

/** Why a tenure ended. */
export type TenureEnd =
  /** No renewal succeeded in time: the lease may be over. */
  | { readonly kind: 'deadline' }
  /** etcd does not know the lease any more. */
  | { readonly kind: 'lease-lost' }
  /** etcd knows the lease, but the key is gone or another one. */
  | { readonly kind: 'key-lost' }
  | { readonly kind: 'history-lost' }
  /** An operator raised the lineage: what follows counts in another history. */
  | { readonly kind: 'lineage-raised' }
  | { readonly kind: 'unhealthy'; readonly detail: string }
  | { readonly kind: 'stepped-down'; readonly detail: string }
  | { readonly kind: 'closing' };

export type TenurePhase = 'entering' | 'waiting' | 'leading' | 'ended';

export interface TenureOptions {
  readonly lease: GrantedLease;
  /** When the lease was asked for. */
  readonly sentAtMs: number;
  readonly key: string;
  readonly clock: Clock;
  /** Called once, synchronously, with the phase before. */
  readonly onEnd: (tenure: Tenure, end: TenureEnd, before: TenurePhase) => void;
}

export class Tenure {
  readonly leaseId: bigint;
  /** As granted. */
  readonly ttlMs: number;
  readonly key: string;
  readonly #clock: Clock;
  readonly #onEnd: TenureOptions['onEnd'];
  readonly #deadline: LeaseDeadline;
  readonly #ended = new AbortController();
  #phase: TenurePhase = 'entering';
  #lineage = 0;
  #epoch = 0n;
  #sequence = 0n;
  #end: TenureEnd | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TenureOptions) {
    const { lease, sentAtMs } = options;
    this.leaseId = lease.leaseId;
    this.ttlMs = lease.ttlMs;
    this.key = options.key;
    this.#clock = options.clock;
    this.#onEnd = options.onEnd;
    this.#deadline = new LeaseDeadline(sentAtMs, lease.ttlMs);
    this.#armTimer();
  }

  get phase(): TenurePhase {
    return this.#phase;
  }

  /** The history of etcd that the key was created in; 0 before it is created. */
  get lineage(): number {
    return this.#lineage;
  }

  /** Create revision of the key; 0 before it is created. */
  get epoch(): bigint {
    return this.#epoch;
  }

  /** Revision of the last change of the key that is known. */
  get sequence(): bigint {
    return this.#sequence;
  }

  /** Aborts at the end of the tenure, with an `ElectorError` that says why. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get ending(): TenureEnd | undefined {
    return this.#end;
  }

  /** Whether it leads at this moment. Once it was false after true, it is false for ever. */
  isLeading(): boolean {
    return this.#phase === 'leading' && this.stands();
  }

  /** Whether the lease may be relied upon at this moment; if not, the tenure is over. */
  stands(): boolean {
    if (this.#phase === 'ended') return false;
    if (this.#deadline.stands(this.#clock.nowMs())) return true;
    this.end({ kind: 'deadline' });
    return false;
  }

  /** For how long the lease may be relied upon without another renewal, in milliseconds. */
  remainingMs(): number {
    return this.stands() ? this.#deadline.remainingMs(this.#clock.nowMs()) : 0;
  }

  /** How long the lease can still live in etcd, in milliseconds. */
  validityMs(): number {
    return this.#deadline.validityMs(this.#clock.nowMs());
  }

  /** Until when it may lead, on the clock's time. */
  get untilMs(): number {
    return this.#deadline.untilMs;
  }

  /** The key was created, in that lineage. */
  enter(lineage: number, epoch: bigint, sequence: bigint): void {
    if (this.#phase === 'ended') return;
    assert(this.#phase === 'entering', 'a tenure enters once');
    this.#phase = 'waiting';
    this.#lineage = lineage;
    this.#epoch = epoch;
    this.#sequence = sequence;
  }

  /** The key was seen to be the lowest, and was verified. False when the lease had run out by then. */
  lead(sequence: bigint): boolean {
    if (!this.stands()) return false;
    assert(this.#phase === 'waiting', 'only a waiting candidate comes to lead');
    this.#phase = 'leading';
    this.changed(sequence);
    return true;
  }

  /** The key's value was changed at that revision. */
  changed(sequence: bigint): void {
    if (sequence > this.#sequence) this.#sequence = sequence;
  }

  /** Counts a renewal that was asked for at `sentAtMs`; one that comes too late ends the tenure. */
  renewed(sentAtMs: number, ttlMs: number): boolean {
    if (!this.stands()) return false;
    return this.#deadline.extend(sentAtMs, ttlMs, this.#clock.nowMs()) && this.stands();
  }

  /** Ends the tenure, and with it all leadership, before this returns. Only the first end counts. */
  end(end: TenureEnd): void {
    if (this.#phase === 'ended') return;
    const before = this.#phase;
    this.#phase = 'ended';
    this.#end = end;
    clearTimeout(this.#timer);
    this.#ended.abort(
      new ElectorError('LEADERSHIP_ENDED', `epoch ${this.#epoch} ended: ${describeEnd(end)}`),
    );
    this.#onEnd(this, end, before);
  }

  /** The deadline is noticed by itself when nobody asks, so that the signal aborts in time. */
  #armTimer(): void {
    const delayMs = Math.max(1, Math.ceil(this.remainingMs()));
    this.#timer = setTimeout(() => {
      if (this.stands()) this.#armTimer();
    }, delayMs);
  }
}

/** For logs and for the reason of the signal. */
export function describeEnd(end: TenureEnd): string {
  switch (end.kind) {
    case 'deadline':
      return 'own deadline passed without a renewal';
    case 'lease-lost':
      return 'etcd no longer knows the lease';
    case 'key-lost':
      return 'the key is gone from etcd';
    case 'history-lost':
      return "etcd's history was lost";
    case 'lineage-raised':
      return 'the lineage was raised';
    case 'unhealthy':
      return `unhealthy: ${end.detail}`;
    case 'stepped-down':
      return end.detail === '' ? 'stepped down' : `stepped down: ${end.detail}`;
    case 'closing':
      return 'the elector is closing';
    default:
      return assertNever(end);
  }
}
