/**
 * Decides what to do when somebody speaks in our name: an echo of what we said is nothing, an earlier
 * life of ours that was numbered higher is outdone at once, and another process that is alive with
 * our node id is named, and outbid so seldom that the two do not take turns all day.
 *
 * It also refutes: who reads that it is called unreachable as of its present state says something new.
 */
import type { Contact } from './contact.ts';
import type { EffectSink } from './effects.ts';
import type { EndpointState, StateVersion } from './endpoint-state.ts';
import type { OwnState } from './own-state.ts';
import { jittered } from './random.ts';
import type { Random } from './random.ts';
import type { EngineTuning } from './tuning.ts';

export class OwnIdentity {
  readonly #own: OwnState;
  readonly #tuning: EngineTuning;
  readonly #random: Random;
  readonly #emit: EffectSink;
  /** The highest generation that another process claims and that we have not outbid yet. */
  #claim: number | undefined;
  #reclaims = 0;
  #reclaimAtMs = 0;
  #tellAtMs = 0;

  constructor(own: OwnState, tuning: EngineTuning, random: Random, emit: EffectSink) {
    this.#own = own;
    this.#tuning = tuning;
    this.#random = random;
    this.#emit = emit;
  }

  get nextWakeMs(): number {
    return this.#claim === undefined ? Infinity : this.#reclaimAtMs;
  }

  /** A state under our node id arrived. Returns whether we have something new to say because of it. */
  heard(state: EndpointState, nowMs: number): boolean {
    const { contact, version } = state;
    const ours = this.#own.contact;
    if (contact.generation < ours.generation) return false;
    if (contact.address === ours.address) {
      if (contact.generation > ours.generation) return this.#takeBack(contact.generation);
      if (version <= this.#own.published.version) return false;
      this.#own.outdo(version);
      return true;
    }
    return this.contest(contact, nowMs);
  }

  /**
   * Another process, at another address, has our node id: it is named. Where its claim is as good as
   * ours or better, ours is raised when it is time to. Returns whether that is now.
   */
  contest(theirs: Contact, nowMs: number): boolean {
    this.#tell(theirs, nowMs);
    if (theirs.generation < this.#own.contact.generation) return false;
    this.#claim = Math.max(this.#claim ?? 0, theirs.generation);
    return this.wake(nowMs);
  }

  /** Outbids the other process when it is time to. Returns whether it did. */
  wake(nowMs: number): boolean {
    if (this.#claim === undefined || nowMs < this.#reclaimAtMs) return false;
    const claim = this.#claim;
    this.#claim = undefined;
    if (claim < this.#own.contact.generation) return false;
    const { reclaimMs, reclaimMsMax } = this.#tuning;
    const delayMs = Math.min(reclaimMsMax, reclaimMs * 2 ** Math.min(this.#reclaims++, 16));
    this.#reclaimAtMs = nowMs + jittered(delayMs, 0.5, this.#random);
    return this.#takeBack(claim);
  }

  /** Whether this state calls us unreachable as we are: then what we say next refutes it. */
  mustRefute({ application }: EndpointState): boolean {
    const { nodeId } = this.#own.contact;
    const verdict = application.unreachable.find((one) => one.nodeId === nodeId);
    return verdict !== undefined && this.mustRefuteAsOf(verdict);
  }

  /** Whether we, called unreachable as of this state, are still as we were then. */
  mustRefuteAsOf({ generation, version }: StateVersion): boolean {
    if (generation !== this.#own.contact.generation) return false;
    if (version < this.#own.published.version) return false;
    if (this.#tuning.brokenRule === 'never-refute') return false;
    this.#own.outdo(version);
    return true;
  }

  #takeBack(generation: number): boolean {
    if (generation >= Number.MAX_SAFE_INTEGER) return false; // there is nothing higher
    this.#own.reclaim(generation);
    return true;
  }

  #tell(theirs: Contact, nowMs: number): void {
    if (nowMs < this.#tellAtMs) return;
    this.#tellAtMs = nowMs + this.#tuning.reclaimMs;
    this.#emit({ kind: 'identity-conflict', ours: this.#own.contact, theirs });
  }
}
